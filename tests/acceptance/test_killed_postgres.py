"""SIGKILL for the PostgreSQL that holds the deals, in the middle of a load by a real Airflow.

It is a server of the test's own: Airflow keeps its own tables elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from local_stack.demo.connections import postgres_connection
from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import wait_until
from local_stack.throwaway import temporary_directory
from tests.acceptance.conftest import AirflowStack
from tests.acceptance.test_random_sequences import held_deals
from tests.integration.invariants import violations
from tests.integration.lifecycle.servers import OwnServer

PORTAL, DEALS = 9100009, 6000
LOADING_WITHIN_S, NOTICED_WITHIN_S, ENDED_WITHIN_S = 60.0, 60.0, 120.0
ANSWERS_MS = 400  # so that the load still runs when the blow comes
NOTICED = "PostgreSQL does not go on"
DAG = """\
from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator

with DAG("{dag_id}", schedule=None):
    HubSpotDealsToPostgresOperator(
        task_id="load_deals",
        organization="meridian",
        hubspot_conn_id="hubspot_meridian",
        postgres_conn_id="{dag_id}",
        mode="full",
        batch_rows=400,
        search_lag_minutes=0,
        retries=2,
        retry_delay=timedelta(seconds=1),
    )
"""
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


@dataclass(frozen=True)
class Load:
    """A run of a DAG of its own into a server of its own."""

    stack: AirflowStack
    server: OwnServer
    dag_id: str
    run_id: str

    def query(self, statement: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.server.url, row_factory=dict_row) as connection:
            return connection.execute(statement).fetchall()

    def is_loading(self) -> bool:
        return bool(self.query("SELECT FROM hubspot.jobs WHERE status = 'running' AND records_extracted > 0"))

    def task(self) -> dict[str, Any]:
        (task,) = self.stack.airflow.task_instances(self.dag_id, self.run_id)
        return dict(task)

    def has_noticed(self) -> bool:
        return NOTICED in self.stack.airflow.task_log(self.dag_id, self.run_id, "load_deals")

    def has_given_up(self) -> bool:
        return str(self.task()["state"]) == "up_for_retry"

    def stored(self) -> dict[str, tuple[Any, bool]]:
        rows = self.query(
            "SELECT hubspot_deal_id::text AS id, hs_lastmodifieddate, archived FROM hubspot.hubspot_deals"
        )
        return {row["id"]: (row["hs_lastmodifieddate"], row["archived"]) for row in rows}


Begin = Callable[..., Load]


@pytest.fixture
def begin(airflow_stack: AirflowStack, postgres: EmbeddedPostgres) -> Iterator[Begin]:
    """Give Airflow a DAG of this id, and let it load."""
    with OwnServer(postgres) as server:

        def load(dag_id: str, also: str = "") -> Load:
            airflow_stack.airflow.set_connections([postgres_connection(server.url, dag_id)])
            airflow_stack.add_dag(f"{dag_id}.py", DAG.format(dag_id=dag_id) + also, dag_id)
            airflow_stack.simulator.slow_down(ANSWERS_MS)
            begun = Load(airflow_stack, server, dag_id, airflow_stack.begin_dag(dag_id))
            wait_until(begun.is_loading, what="a job that loads", timeout_s=LOADING_WITHIN_S)
            return begun

        yield load
        airflow_stack.simulator.slow_down(0)


def check_copy(load: Load) -> None:
    """Every deal once, as HubSpot has it, by one job whose books are right."""
    held = {
        **held_deals(load.stack, PORTAL, archived=False),
        **held_deals(load.stack, PORTAL, archived=True),
    }
    (job,) = load.query("SELECT * FROM hubspot.jobs")
    assert (job["run_id"], job["status"], job["error_code"]) == (load.run_id, "completed", None)
    assert len(held) >= DEALS
    assert load.stored() == held
    assert job["records_inserted"] == len(held)
    assert violations(load.server.url) == []


def events(load: Load) -> list[str]:
    return [row["kind"] for row in load.query("SELECT kind FROM hubspot.job_events ORDER BY sequence")]


def test_d11_a_load_outlives_the_death_of_its_postgresql_within_one_try(begin: Begin) -> None:
    load = begin("killed_postgres")
    load.server.kill()
    wait_until(load.has_noticed, what="the task to notice", timeout_s=NOTICED_WITHIN_S)
    load.stack.simulator.slow_down(0)
    load.server.come_back()

    state = load.stack.airflow.wait_for_run(load.dag_id, load.run_id, timeout_s=ENDED_WITHIN_S)

    assert state == "success", load.stack.logs(load.dag_id, load.run_id)
    assert load.task()["try_number"] == 1
    assert {"superseded", "resumed"} <= set(events(load))
    check_copy(load)


def test_d11_a_load_whose_postgresql_stays_away_is_completed_by_the_retry(begin: Begin) -> None:
    load = begin("away_postgres", IMPATIENT)
    load.server.kill()
    wait_until(load.has_given_up, what="the try to fail", timeout_s=NOTICED_WITHIN_S)
    load.stack.simulator.slow_down(0)
    load.server.come_back()

    state = load.stack.airflow.wait_for_run(load.dag_id, load.run_id, timeout_s=ENDED_WITHIN_S)

    assert state == "success", load.stack.logs(load.dag_id, load.run_id)
    assert load.task()["try_number"] > 1
    assert "resumed" in events(load)
    check_copy(load)
