"""Somebody clears tasks of a run in a real Airflow: only a clear of the load itself begins another job.

Airflow counts the clears of a run, and tells no task which one was meant.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from local_stack.databases import DatabaseServer
from local_stack.processes import wait_until
from tests.acceptance.conftest import AirflowStack
from tests.acceptance.separate_load import SeparateLoad, begin_load, check_copy, own_database
from tests.acceptance.test_random_sequences import task_processes

COMMITTED_WITHIN_S, ENDED_WITHIN_S = 60.0, 120.0
NEIGHBOUR = """
    from airflow.providers.standard.operators.empty import EmptyOperator

    EmptyOperator(task_id="neighbour")
"""
CLEARS = "SELECT clear_number FROM hubspot.jobs ORDER BY created_at"


@pytest.fixture
def database(airflow_stack: AirflowStack, postgres_server: DatabaseServer, migrated_template: str) -> Iterator[str]:
    with own_database(airflow_stack, postgres_server, migrated_template) as url:
        yield url


def clear(load: SeparateLoad, task_id: str) -> None:
    body = {"dry_run": False, "dag_run_id": load.run_id, "task_ids": [task_id], "only_failed": False}
    load.stack.airflow.call("POST", f"/dags/{load.dag_id}/clearTaskInstances", json=body)


def check_success(load: SeparateLoad) -> None:
    state = load.stack.airflow.wait_for_run(load.dag_id, load.run_id, timeout_s=ENDED_WITHIN_S)
    assert state == "success", load.stack.logs(load.dag_id, load.run_id)


def test_e32_a_retry_goes_on_though_its_neighbour_was_cleared_and_a_clear_of_the_load_begins_another_job(
    airflow_stack: AirflowStack, database: str
) -> None:
    load = begin_load(airflow_stack, database, "cleared_neighbour", NEIGHBOUR)
    wait_until(load.has_committed, what="committed batches", timeout_s=COMMITTED_WITHIN_S)
    clear(load, "neighbour")
    (pid,) = task_processes(airflow_stack)
    os.kill(pid, signal.SIGKILL)
    airflow_stack.simulator.slow_down(0)
    check_success(load)

    assert (load.job()["attempt"], load.job()["clear_number"]) == (2, 1)
    assert "resumed" in load.events()
    check_copy(load)

    clear(load, "load_deals")
    check_success(load)
    assert load.query(CLEARS) == [{"clear_number": 1}, {"clear_number": 2}]
