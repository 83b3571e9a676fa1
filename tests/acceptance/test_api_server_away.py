"""Airflow's API server goes away in the middle of a load, and stays away until Airflow has ended the task.

A task's supervisor gives up after three heartbeats (``[workers] max_failed_heartbeats``), each of them asked five
times: about half a minute. It then stops the task, whose job is put back at once, and says that there is to be a retry
as soon as the API server answers again. Nobody has to clear anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local_stack.databases import DatabaseServer
from local_stack.processes import wait_until
from tests.acceptance.conftest import AirflowStack
from tests.acceptance.separate_load import HAS_COMMITTED, SeparateLoad, begin_load, check_copy, own_database
from tests.acceptance.test_random_sequences import task_processes

MEANWHILE_MS = 20_000  # a page, sixteen of sixty at a time: the load would outlast Airflow's patience
LIVE_WITHIN_S, GONE_WITHIN_S, ENDED_WITHIN_S = 60.0, 90.0, 120.0
RESUMED = "SELECT details FROM hubspot.job_events WHERE kind = 'resumed'"
ARCHIVED = "SELECT count(*) FROM hubspot.hubspot_deals WHERE archived"


@pytest.fixture
def database(airflow_stack: AirflowStack, postgres_server: DatabaseServer, migrated_template: str) -> Iterator[str]:
    with own_database(airflow_stack, postgres_server, migrated_template) as url:
        yield url


@contextmanager
def api_server_away(stack: AirflowStack) -> Iterator[None]:
    (process,) = [each for each in stack.services.processes if each.name.endswith("api-server")]
    process.stop()
    try:
        yield
    finally:
        process.start()
        stack.services.wait_healthy()


def test_e23_a_task_that_airflow_ends_without_its_api_server_is_completed_by_the_retry(
    airflow_stack: AirflowStack, database: str
) -> None:
    load = begin_load(airflow_stack, database, "away_api_server")
    wait_until(load.has_committed, what="committed batches", timeout_s=LIVE_WITHIN_S)
    airflow_stack.simulator.slow_down(MEANWHILE_MS)
    assert task_processes(airflow_stack), "no worker had a task"
    with api_server_away(airflow_stack):
        wait_until(lambda: not task_processes(airflow_stack), what="the task to end", timeout_s=GONE_WITHIN_S)
        left, stored = load.job(), load.stored()
        airflow_stack.simulator.slow_down(0)

    state = airflow_stack.airflow.wait_for_run(load.dag_id, load.run_id, timeout_s=ENDED_WITHIN_S)

    assert (left["status"], left["error_code"]) == ("pending", "KILLED")
    assert HAS_COMMITTED <= left["records_inserted"] == len(stored)
    assert state == "success", airflow_stack.logs(load.dag_id, load.run_id)
    assert load.task()["try_number"] > 1
    check_copy(load)
    check_resumed(load, left["pages_read"])


def check_resumed(load: SeparateLoad, pages_read: int) -> None:
    """Once, after the last committed page; a full run reads the archived deals a second time, and no others."""
    job = load.job()
    (resumed,) = load.query(RESUMED)
    (archived,) = load.query(ARCHIVED)
    assert (resumed["details"]["phase"], resumed["details"]["pages_read"]) == ("live", pages_read)
    assert job["attempt"] == resumed["details"]["attempt"] == 2
    assert job["records_extracted"] - job["records_inserted"] == archived["count"]
