"""HubSpot asks a load by a real Airflow for a pause of more than a minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from local_stack.databases import DatabaseServer
from local_stack.processes import wait_until
from tests.acceptance.conftest import AirflowStack
from tests.acceptance.separate_load import PORTAL, begin_load, check_copy, own_database
from tests.acceptance.test_api_server_away import check_resumed
from tests.acceptance.test_random_sequences import task_processes

DEFERRED_WITHIN_S, ENDED_WITHIN_S = 60.0, 180.0
MOVING = {"fault": "status", "status": 477, "retry_after": 5, "endpoint": "list", "portal_id": PORTAL}
LEAST = timedelta(seconds=61)  # a portal that is moved is left alone for so long at least


@pytest.fixture
def database(airflow_stack: AirflowStack, postgres_server: DatabaseServer, migrated_template: str) -> Iterator[str]:
    with own_database(airflow_stack, postgres_server, migrated_template) as url:
        yield url


@pytest.mark.timeout(500)
def test_a17_a_task_that_is_put_off_frees_its_worker_and_goes_on_by_itself(
    airflow_stack: AirflowStack, database: str, start_triggerer: Callable[[], None]
) -> None:
    start_triggerer()
    load = begin_load(airflow_stack, database, "put_off")
    airflow_stack.simulator.add_fault(**MOVING)
    wait_until(lambda: load.task()["state"] == "deferred", what="the deferral", timeout_s=DEFERRED_WITHIN_S)
    left, stored = load.job(), load.stored()
    airflow_stack.simulator.slow_down(0)
    wait_until(lambda: not task_processes(airflow_stack), what="the task to end", timeout_s=DEFERRED_WITHIN_S)
    assert datetime.now(UTC) < left["resume_at"] <= datetime.now(UTC) + LEAST

    state = airflow_stack.airflow.wait_for_run(load.dag_id, load.run_id, timeout_s=ENDED_WITHIN_S)

    assert (left["status"], left["error_code"], left["records_inserted"]) == ("pending", "DEFERRED", len(stored))
    assert state == "success", airflow_stack.logs(load.dag_id, load.run_id)
    assert load.task()["try_number"] == 1  # waiting costs none
    check_copy(load)
    check_resumed(load, left["pages_read"])
