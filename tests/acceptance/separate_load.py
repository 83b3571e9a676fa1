"""A load by a real Airflow that a test may hit: with a DAG of its own, into a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from local_stack.databases import DatabaseServer
from local_stack.demo.connections import postgres_connection
from local_stack.processes import wait_until
from tests.acceptance.conftest import AirflowStack
from tests.acceptance.test_random_sequences import held_deals
from tests.integration.invariants import violations

DATABASE = "hubspot_deals_separate_load"
PORTAL, DEALS = 9100009, 6000
HAS_COMMITTED = 1000  # deals
LOADING_WITHIN_S = 60.0
ANSWERS_MS = 400  # so that the load still runs when the blow comes
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


@dataclass(frozen=True)
class SeparateLoad:
    """A run of such a DAG; it has one job."""

    stack: AirflowStack
    url: str  # of its database
    dag_id: str
    run_id: str

    def query(self, statement: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(statement).fetchall()

    def is_loading(self) -> bool:
        return bool(self.query("SELECT FROM hubspot.jobs WHERE status = 'running' AND records_extracted > 0"))

    def has_committed(self) -> bool:
        return int(self.job()["records_inserted"]) >= HAS_COMMITTED

    def job(self) -> dict[str, Any]:
        (job,) = self.query("SELECT * FROM hubspot.jobs")
        return job

    def events(self) -> list[str]:
        return [row["kind"] for row in self.query("SELECT kind FROM hubspot.job_events ORDER BY sequence")]

    def task(self) -> dict[str, Any]:
        (task,) = self.stack.airflow.task_instances(self.dag_id, self.run_id)
        return dict(task)

    def stored(self) -> dict[str, tuple[Any, bool]]:
        rows = self.query(
            "SELECT hubspot_deal_id::text AS id, hs_lastmodifieddate, archived FROM hubspot.hubspot_deals"
        )
        return {row["id"]: (row["hs_lastmodifieddate"], row["archived"]) for row in rows}


@contextmanager
def own_database(stack: AirflowStack, server: DatabaseServer, template: str) -> Iterator[str]:
    """A new database, by its address; HubSpot answers quickly again before it goes."""
    server.drop_database(DATABASE)
    yield server.create_database(DATABASE, template=template)
    stack.simulator.slow_down(0)
    server.drop_database(DATABASE)


def begin_load(stack: AirflowStack, url: str, dag_id: str, also: str = "") -> SeparateLoad:
    """Give Airflow a DAG of this id, and let it load. HubSpot's answers stay slow."""
    stack.airflow.set_connections([postgres_connection(url, dag_id)])
    stack.add_dag(f"{dag_id}.py", DAG.format(dag_id=dag_id) + also, dag_id)
    stack.simulator.slow_down(ANSWERS_MS)
    load = SeparateLoad(stack, url, dag_id, stack.begin_dag(dag_id))
    wait_until(load.is_loading, what="a job that loads", timeout_s=LOADING_WITHIN_S)
    return load


def check_copy(load: SeparateLoad) -> None:
    """Every deal once, as HubSpot has it, by one job whose books are right."""
    held = {
        **held_deals(load.stack, PORTAL, archived=False),
        **held_deals(load.stack, PORTAL, archived=True),
    }
    job = load.job()
    assert (job["run_id"], job["status"], job["error_code"]) == (load.run_id, "completed", None)
    assert len(held) >= DEALS
    assert load.stored() == held
    assert job["records_inserted"] == len(held)
    assert violations(load.url) == []
