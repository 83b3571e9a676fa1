"""The same organization over a simulated portal, and the same invariants, as in the other tests of sync."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals.sync import JobOrigin
from hubspot_simulator import PortalSpec, SimulatorServer
from local_stack.postgres import EmbeddedPostgres
from local_stack.throwaway import temporary_directory
from tests.integration.lifecycle.servers import OwnServer
from tests.integration.sync.conftest import A_DAY_AGO_S, Organization, invariants, simulator_of

__all__ = ["A_TRY", "NEXT_TRY", "SMALL", "Sessions", "at_call", "invariants", "simulator_of", "wait_for_stop"]

A_TRY, NEXT_TRY = (
    JobOrigin(dag_id="deals", run_id="run-1", task_id="load", try_number=number, max_tries=3) for number in (1, 2)
)
SMALL: dict[str, Any] = {
    "batch_rows": 100,
    "requests_in_flight": 1,
}  # so that the n-th request comes when all before it is written
SERVER_SETTINGS = {"max_connections": "12", "synchronous_commit": "on"}  # what was committed outlives a crash
PORTAL = PortalSpec(portal_id=1001, deals=230, archived=15)


def at_call(call: str, number: int, then: Callable[[], object]) -> Callable[[str, int], object]:
    """For ``Organization.sync(before=…)``: do something ahead of the n-th request of a kind."""

    def before(current: str, current_number: int) -> None:
        if (current, current_number) == (call, number):
            then()

    return before


def wait_for_stop(pid: int) -> None:
    """Until a child has stopped itself."""
    while os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT) is None:
        pass


@dataclass
class Sessions:
    """Opens connections, and ends the one that works."""

    url: str
    working: psycopg.Connection[Any] | None = None

    def connect(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self.url, connect_timeout=5)
        self.working = self.working or connection
        return connection

    def terminate(self) -> None:
        assert self.working is not None
        with psycopg.connect(self.url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [self.working.info.backend_pid])


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer(portals=[PORTAL], rate_limits=False) as server:
        server.clock.shift(A_DAY_AGO_S)
        yield server


@pytest.fixture
def acme(simulator: SimulatorServer, database_url: str) -> Organization:
    """A portal of three live pages and one archived one."""
    return Organization(simulator=simulator, portal=simulator.portal(1001), database_url=database_url)


@pytest.fixture(scope="session")
def own_server() -> Iterator[EmbeddedPostgres]:
    """A server that a test may kill, and must leave running."""
    with temporary_directory(in_memory=True) as directory:
        server = EmbeddedPostgres(directory, durable=False, settings=SERVER_SETTINGS)
        with server:
            yield server


@pytest.fixture
def server(own_server: EmbeddedPostgres) -> Iterator[OwnServer]:
    """That server, with a database of the test's own."""
    with OwnServer(own_server) as running:
        yield running
