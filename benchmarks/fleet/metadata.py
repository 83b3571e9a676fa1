"""What Airflow has written down about the fleet, read from its own tables: its API gives a hundred DAGs at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

KNOWN = "SELECT count(*) AS known FROM serialized_dag WHERE dag_id LIKE 'hubspot\\_deals\\_org-%'"
PARSED = """
SELECT relative_fileloc AS file, count(*) AS dags, max(last_parse_duration) AS seconds
FROM dag WHERE dag_id LIKE 'hubspot\\_deals\\_org-%' GROUP BY 1 ORDER BY 1
"""
SIZES = (
    "SELECT avg(length(data::text))::int AS characters FROM serialized_dag WHERE dag_id LIKE 'hubspot\\_deals\\_org-%'"
)
STALE = "SELECT count(*) AS stale FROM dag WHERE dag_id LIKE 'hubspot\\_deals\\_org-%%' AND last_parsed_time < %s"
RUNS = """
SELECT state, count(*) AS runs FROM dag_run
WHERE run_type = 'scheduled' AND queued_at >= %s GROUP BY 1
"""
# A DAG that never ran is due at once. Unpausing all of them is a rush of its own, and no hour like the others.
RAN_ONCE = """
WITH ran AS (
    INSERT INTO dag_run (dag_id, run_id, run_type, state, logical_date, run_after, data_interval_start,
                         data_interval_end, queued_at, start_date, end_date, created_at)
    SELECT dag_id, 'scheduled__' || next_dagrun_create_after, 'scheduled', 'success', next_dagrun,
           next_dagrun_create_after, next_dagrun_data_interval_start, next_dagrun_data_interval_end,
           next_dagrun_create_after, next_dagrun_create_after, next_dagrun_create_after, next_dagrun_create_after
    FROM dag WHERE next_dagrun_create_after <= now()
    RETURNING dag_id
)
UPDATE dag SET
    next_dagrun = next_dagrun + interval '1 hour',
    next_dagrun_create_after = next_dagrun_create_after + interval '1 hour',
    next_dagrun_data_interval_start = next_dagrun_data_interval_start + interval '1 hour',
    next_dagrun_data_interval_end = next_dagrun_data_interval_end + interval '1 hour'
WHERE dag_id IN (SELECT dag_id FROM ran)
"""
SET_PAUSED = "UPDATE dag SET is_paused = %s"


@dataclass(frozen=True)
class Metadata:
    """Airflow's database."""

    url: str

    def known(self) -> int:
        """How many of the organizations' DAGs are stored."""
        return int(self._rows(KNOWN)[0]["known"])

    def parsed(self) -> list[dict[str, Any]]:
        """``file``, ``dags`` and ``seconds`` of the newest parse of each DAG file."""
        return self._rows(PARSED)

    def parsed_since(self, moment: datetime) -> bool:
        """Whether every file was."""
        return not self._rows(STALE, moment)[0]["stale"]

    def serialized_characters(self) -> int:
        """Of a DAG, on average."""
        return int(self._rows(SIZES)[0]["characters"])

    def runs_since(self, moment: datetime) -> dict[str, int]:
        """Scheduled runs that were queued since then, by state."""
        return {row["state"]: row["runs"] for row in self._rows(RUNS, moment)}

    def pretend_that_all_ran(self) -> None:
        """As if each DAG had run when it was last due."""
        self._change(RAN_ONCE)

    def set_paused(self, *, paused: bool) -> None:
        """Every DAG, as a click on each would."""
        self._change(SET_PAUSED, paused)

    def _rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(statement, _bound(values)).fetchall()

    def _change(self, statement: str, *values: object) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement, _bound(values))


def _bound(values: Sequence[object]) -> Sequence[object] | None:
    """None where there is nothing to bind: a percent sign is then one."""
    return values or None
