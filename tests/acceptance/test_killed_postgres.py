"""SIGKILL for the PostgreSQL that holds the deals, in the middle of a load by a real Airflow.

It is a server of the test's own: Airflow keeps its own tables elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import wait_until
from local_stack.throwaway import temporary_directory
from tests.acceptance.conftest import AirflowStack
from tests.acceptance.separate_load import SeparateLoad, begin_load, check_copy
from tests.integration.lifecycle.servers import OwnServer

NOTICED_WITHIN_S, ENDED_WITHIN_S = 60.0, 120.0
NOTICED = "PostgreSQL does not go on"
IMPATIENT = """
from airflow_provider_hubspot_deals.sync import recovery

recovery.PATIENCE_S = 2.0  # 45 s would only make the test longer
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    """What was committed outlives its death."""
    with temporary_directory(in_memory=True) as directory:
        server = EmbeddedPostgres(directory, durable=False, settings={"synchronous_commit": "on"})
        with server:
            yield server


@pytest.fixture
def server(airflow_stack: AirflowStack, postgres: EmbeddedPostgres) -> Iterator[OwnServer]:
    with OwnServer(postgres) as own:
        yield own
        airflow_stack.simulator.slow_down(0)


def has_noticed(load: SeparateLoad) -> bool:
    return NOTICED in load.stack.airflow.task_log(load.dag_id, load.run_id, "load_deals")


def has_given_up(load: SeparateLoad) -> bool:
    return str(load.task()["state"]) == "up_for_retry"


def test_d11_a_load_outlives_the_death_of_its_postgresql_within_one_try(
    airflow_stack: AirflowStack, server: OwnServer
) -> None:
    load = begin_load(airflow_stack, server.url, "killed_postgres")
    server.kill()
    wait_until(lambda: has_noticed(load), what="the task to notice", timeout_s=NOTICED_WITHIN_S)
    airflow_stack.simulator.slow_down(0)
    server.come_back()

    state = airflow_stack.airflow.wait_for_run(load.dag_id, load.run_id, timeout_s=ENDED_WITHIN_S)

    assert state == "success", airflow_stack.logs(load.dag_id, load.run_id)
    assert load.task()["try_number"] == 1
    assert {"superseded", "resumed"} <= set(load.events())
    check_copy(load)


def test_d11_a_load_whose_postgresql_stays_away_is_completed_by_the_retry(
    airflow_stack: AirflowStack, server: OwnServer
) -> None:
    load = begin_load(airflow_stack, server.url, "away_postgres", IMPATIENT)
    server.kill()
    wait_until(lambda: has_given_up(load), what="the try to fail", timeout_s=NOTICED_WITHIN_S)
    airflow_stack.simulator.slow_down(0)
    server.come_back()

    state = airflow_stack.airflow.wait_for_run(load.dag_id, load.run_id, timeout_s=ENDED_WITHIN_S)

    assert state == "success", airflow_stack.logs(load.dag_id, load.run_id)
    assert load.task()["try_number"] > 1
    assert "resumed" in load.events()
    check_copy(load)
