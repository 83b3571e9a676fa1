"""Trigger each organization's DAG over Airflow's REST API and follow the runs to their end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local_stack.airflow_rest import FINAL_STATES
from local_stack.demo.jobs import jobs_of_runs
from local_stack.demo.progress import bars_for
from local_stack.exceptions import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg import Connection

    from airflow_provider_hubspot_deals.organizations.organization import Organization
    from local_stack.airflow_rest import AirflowClient
    from local_stack.demo.jobs import Job
    from local_stack.demo.narrator import Narrator

POLL_INTERVAL_S = 0.4
RUNS_TIMEOUT_S = 600.0
LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class DagRun:
    """One triggered run."""

    organization: Organization
    run_id: str

    @property
    def dag_id(self) -> str:
        """Its DAG."""
        return self.organization.dag_id


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    run: DagRun
    state: str  # Airflow's: success, failed
    job: Job | None  # ours; None when the task never got that far

    @property
    def succeeded(self) -> bool:
        """Whether Airflow and our own table agree that it did."""
        return self.state == "success" and self.job is not None and self.job.status == "completed"


def trigger_all(airflow: AirflowClient, organizations: Sequence[Organization]) -> list[DagRun]:
    """Unpause and trigger, after ending what an interrupted demo may have left."""
    runs = []
    for organization in organizations:
        airflow.end_runs(organization.dag_id)
        airflow.unpause(organization.dag_id)
        runs.append(DagRun(organization, airflow.trigger(organization.dag_id)))
    return runs


def follow(
    runs: Sequence[DagRun],
    airflow: AirflowClient,
    connection: Connection[Any],
    narrator: Narrator,
    totals: Mapping[str, int | None],
) -> list[Outcome]:
    """Show progress until Airflow calls every run finished.

    Raises:
        StackError: it took longer than ten minutes.
    """
    deadline = time.monotonic() + RUNS_TIMEOUT_S
    run_ids = [run.run_id for run in runs]
    states = dict.fromkeys((run.dag_id for run in runs), "queued")
    with bars_for(narrator, totals) as bars:
        while not all(state in FINAL_STATES for state in states.values()):
            if time.monotonic() > deadline:
                msg = f"some DAG runs did not end within {RUNS_TIMEOUT_S:.0f} s: {states}"
                raise StackError(msg)
            time.sleep(POLL_INTERVAL_S)
            jobs = jobs_of_runs(connection, run_ids)
            for run in runs:
                bars.show(run.dag_id, jobs.get(run.dag_id))
                if states[run.dag_id] not in FINAL_STATES:
                    states[run.dag_id] = airflow.run_state(run.dag_id, run.run_id)
        jobs = jobs_of_runs(connection, run_ids)
        for run in runs:
            bars.show(run.dag_id, jobs.get(run.dag_id))
    return [Outcome(run, states[run.dag_id], jobs.get(run.dag_id)) for run in runs]


def explain(outcome: Outcome, airflow: AirflowClient) -> str:
    """Why a run failed: the job's own sentence, else the end of the task's log."""
    if outcome.job and outcome.job.error_message:
        return outcome.job.error_message
    for task in airflow.task_instances(outcome.run.dag_id, outcome.run.run_id):
        log = airflow.task_log(
            outcome.run.dag_id, outcome.run.run_id, task["task_id"], try_number=max(task["try_number"], 1)
        )
        return "\n".join(log.splitlines()[-LOG_TAIL_LINES:])
    return f"Airflow says {outcome.state}"
