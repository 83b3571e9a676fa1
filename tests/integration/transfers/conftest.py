"""A task of the operator as Airflow runs it, between a simulated HubSpot and a real PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic, sleep
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from airflow.sdk.execution_time.context import OutletEventAccessors
from psycopg.rows import dict_row

from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator
from hubspot_simulator import PortalSpec, SimulatorServer

ACME = PortalSpec(portal_id=1001, deals=230, archived=5)
WAIT_S = 30.0


@dataclass
class Airflow:
    """Two connections, and tasks that use them."""

    simulator: SimulatorServer
    database_url: str

    def task(self, **arguments: Any) -> HubSpotDealsToPostgresOperator:
        defaults = {"task_id": "load_deals", "organization": "acme", "search_lag_minutes": 0}
        return HubSpotDealsToPostgresOperator(**{**defaults, **arguments})

    def context(
        self,
        run_id: str = "manual__1",
        try_number: int = 1,
        *,
        task: HubSpotDealsToPostgresOperator | None = None,
        max_tries: int = 3,
        clear_number: int | None = None,
    ) -> Any:
        """What a run triggered over REST gives: no logical date, and nothing derived from one."""
        return {
            "task": task,
            "ti": SimpleNamespace(
                dag_id="acme_deals",
                run_id=run_id,
                task_id="load_deals",
                map_index=None,
                try_number=try_number,
                max_tries=max_tries,
            ),
            "dag_run": SimpleNamespace(run_type="manual", clear_number=clear_number),
            "outlet_events": OutletEventAccessors(),
        }

    def query(self, statement: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def jobs(self) -> list[dict[str, Any]]:
        return self.query("SELECT * FROM hubspot.jobs ORDER BY created_at")

    def wait_until_running(self) -> None:
        deadline = monotonic() + WAIT_S
        while not any(job["status"] == "running" and job["records_extracted"] for job in self.jobs()):
            assert monotonic() < deadline, "no job has begun to load"
            sleep(0.05)


def postgres_connection(url: str) -> str:
    parts = urlsplit(url)
    fields = {"conn_type": "postgres", "host": parts.hostname, "port": parts.port, "schema": parts.path[1:]}
    return json.dumps({**fields, "login": parts.username, "password": parts.password})


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer([ACME], rate_limits=False) as server:
        yield server


@pytest.fixture
def connect(simulator: SimulatorServer, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Airflow]:
    def define(url: str) -> Airflow:
        hubspot = {"conn_type": "hubspot", "password": ACME.token, "host": simulator.base_url}
        hubspot["extra"] = json.dumps({"allow_other_hosts": True})
        monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_DEFAULT", json.dumps(hubspot))
        monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES", postgres_connection(url))
        return Airflow(simulator, url)

    return define


@pytest.fixture
def airflow(connect: Callable[[str], Airflow], database_url: str) -> Airflow:
    return connect(database_url)
