"""A client with a clock that does not sleep, in front of a scripted server."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_hubspot_deals.client.clock import Clock
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.client.transport import Timeouts
from tests.unit.client.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "pat-na1-11111111-2222-3333-4444-555555555555"
NOW = datetime(2026, 11, 21, 7, 30, tzinfo=UTC)
TEN_SECONDLY = {
    "status": "error",
    "message": "You have reached your ten_secondly_rolling limit.",
    "errorType": "RATE_LIMIT",
    "correlationId": "c033cdaa-2c40-4a64-ae48-b4cec88dad24",
    "policyName": "TEN_SECONDLY_ROLLING",
}


class StoppedClock:
    """Time passes only by sleeping, which costs none. Thread-safe."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.sleeps: list[float] = []
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.sleeps.append(seconds)
            self.now += seconds

    def as_clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now, sleep=self.sleep)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def make_client(server: ScriptedServer, clock: StoppedClock) -> Iterator[Callable[..., HubSpotClient]]:
    """Clients of the scripted server; keyword arguments go to ``HubSpotClient``."""
    made: list[HubSpotClient] = []

    def make(**settings: Any) -> HubSpotClient:
        defaults: dict[str, Any] = {
            "credentials": PrivateAppToken(TOKEN),
            "base_url": server.url,
            "allow_other_hosts": True,
            "connection_name": "hubspot_acme",
            "clock": clock.as_clock(),
            "timeouts": Timeouts(connect_s=2.0, read_s=5.0, total_s=10.0),
            "retries": Retries(),
        }
        made.append(HubSpotClient(**{**defaults, **settings}))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., HubSpotClient]) -> HubSpotClient:
    return make_client()


@pytest.fixture
def impatient(make_client: Callable[..., HubSpotClient]) -> HubSpotClient:
    """A client that tries once."""
    return make_client(retries=Retries(attempts_max=1))


def listed_ids(client: HubSpotClient) -> list[str]:
    """Ids of one page: the plainest request, for tests of what happens around it."""
    return [record["id"] for record in client.list_deals(properties=["dealname"]).records]
