"""How long a run takes to begin, and to end: from the request that triggers it, by Airflow's own times."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any
from urllib.parse import quote

from benchmarks.fleet.stack import FleetStack
from local_stack.airflow_rest import FINAL_STATES, AirflowClient
from local_stack.exceptions import StackError

POLL_S = 1.0  # rarely: the API server that answers is the one that the task reports to
RUN_TIMEOUT_S = 240.0
BEFORE_EXECUTE = "::endgroup::"  # the task runner's last line before the operator's own
PARSED = "Worker startup parse complete"


@dataclass(frozen=True, kw_only=True)
class TaskStart:
    """Seconds after the request.

    Attributes:
        started: a worker has taken the task.
        began: the operator's ``execute``.
        ended: the task.
        dag_file: what reading the DAG file took, of the seconds between the first two.
    """

    started: float
    began: float
    ended: float
    dag_file: float


def measure(stack: FleetStack, dag_id: str, runs: int) -> list[TaskStart]:
    """Trigger ``dag_id`` so many times, one run after the other.

    Raises:
        StackError: a run did not end well.
    """
    return [_measured(stack.airflow, dag_id) for _ in range(runs)]


def summary(starts: Sequence[TaskStart]) -> dict[str, float]:
    """Medians of all but the first: it reads every deal, and finds the workers cold."""
    warm = [asdict(each) for each in starts[1:] or starts]
    return {name: round(median(each[name] for each in warm), 2) for name in warm[0]}


def _measured(airflow: AirflowClient, dag_id: str) -> TaskStart:
    asked = datetime.now(UTC)
    run_id = airflow.trigger(dag_id)
    deadline = time.monotonic() + RUN_TIMEOUT_S
    while (state := airflow.run_state(dag_id, run_id)) not in FINAL_STATES and time.monotonic() < deadline:
        time.sleep(POLL_S)
    if state != "success":
        raise StackError(f"run {run_id} of {dag_id} is {state}, not a success")
    (task,) = airflow.task_instances(dag_id, run_id)
    log = _events(airflow, dag_id, run_id, task)

    def after(text: str) -> float:
        return (datetime.fromisoformat(text) - asked).total_seconds()

    return TaskStart(
        started=after(task["start_date"]),
        began=after(next(event["timestamp"] for event in log if event["event"] == BEFORE_EXECUTE)),
        ended=after(task["end_date"]),
        dag_file=next(event["dag_file_parse_ms"] for event in log if event["event"] == PARSED) / 1000,
    )


def _events(airflow: AirflowClient, dag_id: str, run_id: str, task: dict[str, Any]) -> list[dict[str, Any]]:
    path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
    events: list[dict[str, Any]] = airflow.get(path, map_index=-1, full_content=True)["content"]
    began = [number for number, event in enumerate(events) if event["event"] == PARSED]
    return events[began[0] :] if began else events  # groups that end before are the log reader's own
