"""What Airflow shows of the fleet's runs and tasks, read from its tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

RUN_STATES = "SELECT state FROM dag_run WHERE run_type = 'manual'"
TASKS = """
SELECT dag_id, state, try_number, pid FROM task_instance WHERE task_id = 'load_deals' AND {condition} ORDER BY dag_id
"""


@dataclass(frozen=True, slots=True)
class Task:
    """The newest try of one organization's task."""

    dag_id: str
    state: str | None
    try_number: int
    pid: int | None

    @property
    def shown(self) -> str:
        """Such as `hubspot_deals_org-00007: running, try 1`."""
        return f"{self.dag_id}: {self.state or 'no state'}, try {self.try_number}"


@dataclass(frozen=True)
class Tasks:
    """Airflow's database."""

    url: str

    def run_states(self) -> list[str]:
        """Of each run."""
        return [state for (state,) in self._rows(RUN_STATES)]

    def running(self) -> list[Task]:
        """Those that a worker has."""
        return [Task(*row) for row in self._rows(TASKS.format(condition="state = 'running'"))]

    def of(self, dag_ids: Sequence[str]) -> list[Task]:
        """The tasks of these organizations."""
        return [Task(*row) for row in self._rows(TASKS.format(condition="dag_id = ANY(%s)"), list(dag_ids))]

    def tries(self) -> list[int]:
        """Of each task, how often it was tried."""
        return [row[2] for row in self._rows(TASKS.format(condition="true"))]

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement, values or None).fetchall()
