"""One organization, one simulated portal, one fresh database; and a way to run the use case between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest
from psycopg.rows import dict_row

from airflow_provider_hubspot_deals import sync
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.deals.records import FoundDeals, ListedDeals, Record
from hubspot_simulator import PortalSpec, SimulatorServer
from hubspot_simulator.portal import Portal

A_DAY_AGO_S = -86_400.0  # the simulator's clock, so that tests can move it on without passing PostgreSQL's
NAMESPACE = UUID("00000000-0000-4000-8000-000000000001")


class WatchedClient(HubSpotClient):
    """The real client; tells before each call what it is about to ask, so that a test can change HubSpot in between."""

    before: Callable[[str, int], object] = staticmethod(lambda _call, _number: None)
    side_by_side: int | None = None  # None: as many as the rate limit and the latency make worth while

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.calls: Counter[str] = Counter()
        self._telling = Lock()

    @property
    def requests_in_flight(self) -> int:
        return self.side_by_side or super().requests_in_flight

    def _tell(self, call: str) -> None:
        with self._telling:  # several readers ask at once
            self.calls[call] += 1
            self.before(call, self.calls[call])

    def list_deals(self, **arguments: Any) -> ListedDeals:
        self._tell("list")
        return super().list_deals(**arguments)

    def search_deals(self, **arguments: Any) -> FoundDeals:
        self._tell("search")
        return super().search_deals(**arguments)

    def latest_deals(self, limit: int = 200) -> FoundDeals:
        self._tell("search")
        return super().latest_deals(limit)

    def read_deals(self, ids: Sequence[int], **arguments: Any) -> list[Record]:
        self._tell("read")
        return super().read_deals(ids, **arguments)

    def read_history(self, ids: Sequence[int], properties: Sequence[str]) -> list[Record]:
        self._tell("history")
        return super().read_history(ids, properties)


@dataclass
class Organization:
    """Runs of one organization, and what they left in the database."""

    simulator: SimulatorServer
    portal: Portal
    database_url: str
    slug: str = "acme"
    type: str = "standard"
    settings: dict[str, Any] = field(default_factory=dict)
    side_by_side: int | None = None

    @property
    def id(self) -> UUID:
        return uuid5(NAMESPACE, self.slug)

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.database_url)

    def client(self, token: str | None = None, before: Callable[[str, int], object] | None = None) -> WatchedClient:
        credentials = PrivateAppToken(token or self.portal.spec.token)
        client = WatchedClient(credentials, base_url=self.simulator.base_url, allow_other_hosts=True)
        client.side_by_side = self.side_by_side
        client.before = before or client.before
        return client

    def request(self, **overrides: Any) -> sync.SyncRequest:
        settings = {"search_lag": timedelta(seconds=0), **self.settings, **overrides}
        return sync.SyncRequest(organization_id=self.id, organization=self.slug, type=self.type, **settings)

    def sync(
        self, *, token: str | None = None, before: Callable[[str, int], object] | None = None, **overrides: Any
    ) -> sync.SyncSummary:
        """One run; ``before(call, number)`` is told ahead of the n-th ``list``, ``search``, ``read`` or ``history``."""
        with self.client(token, before) as client:
            return sync.run(self.request(**overrides), client=client, connect=self.connect)

    def query(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        with self.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, parameters or None).fetchall()

    def execute(self, statement: str, *parameters: Any) -> int:
        with self.connect() as connection:
            return connection.execute(statement, parameters or None).rowcount

    def deals(self) -> dict[int, dict[str, Any]]:
        """Stored deals by id."""
        rows = self.query(
            "SELECT *, xmin::text AS xmin FROM hubspot.hubspot_deals WHERE _organization_id = %s AND _type = %s",
            self.id,
            self.type,
        )
        return {row["hubspot_deal_id"]: row for row in rows}

    def jobs(self) -> list[dict[str, Any]]:
        return self.query("SELECT * FROM hubspot.jobs WHERE organization_id = %s ORDER BY created_at", self.id)

    def sync_state(self) -> dict[str, Any]:
        (state,) = self.query("SELECT * FROM hubspot.sync_state WHERE organization_id = %s", self.id)
        return state

    def _readable(self, properties: dict[str, Any]) -> dict[str, Any]:
        """What the token's scopes show of a deal that has these properties."""
        definitions = self.portal.definitions
        return {
            name: value
            for name, value in properties.items()
            if value is not None and definitions[name].sensitivity == "non_sensitive"
        }

    def differences(self) -> list[str]:
        """What the database holds otherwise than HubSpot does; empty when the copy is complete and correct."""
        stored, live, archived = self.deals(), self.portal.live_deals(), self.portal.archived_deals()
        # A survivor that was purged before anybody read it leaves no trace of the merge.
        merged = {loser: survivor for loser, survivor in self.portal.merged_deals().items() if survivor in stored}
        unknowable = self.portal.merged_deals().keys() - merged.keys()
        found = [f"{deal_id} is missing" for deal_id in (live.keys() | archived.keys()) - stored.keys()]
        for deal_id, row in stored.items():
            if deal_id in unknowable and row["_deleted_reason"] in {"merged", "missing"}:
                continue
            record = live.get(deal_id) or archived.get(deal_id)
            reason = None if deal_id in live else "archived" if deal_id in archived else "gone"
            reason = "merged" if deal_id in merged else "missing" if reason == "gone" else reason
            if row["_deleted_reason"] != reason:
                found.append(f"{deal_id} is marked {row['_deleted_reason']}, not {reason}")
            if record and row["raw_properties"] != self._readable(record["properties"]):
                found.append(f"{deal_id} has other properties")
            if reason == "merged" and row["_merged_into"] != merged[deal_id]:
                found.append(f"{deal_id} names the wrong survivor")
        return found


@pytest.fixture(autouse=True)
def invariants(invariants_hold: None) -> None:
    """After every test here."""


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    portals = [PortalSpec(portal_id=1001, deals=730, archived=40), PortalSpec(portal_id=1002, deals=12, seed=2)]
    with SimulatorServer(portals=portals) as server:
        server.clock.shift(A_DAY_AGO_S)
        yield server


@pytest.fixture
def acme(simulator: SimulatorServer, database_url: str) -> Organization:
    return Organization(simulator=simulator, portal=simulator.portal(1001), database_url=database_url)


SimulatorOf = Callable[..., Organization]


@pytest.fixture
def simulator_of() -> Iterator[SimulatorOf]:
    """Make an organization over a portal with chosen traits."""
    with ExitStack() as servers:

        def make(database_url: str, *, rate_limits: bool = True, **traits: Any) -> Organization:
            portals = [PortalSpec(portal_id=1001, **traits)]
            server = servers.enter_context(SimulatorServer(portals=portals, rate_limits=rate_limits))
            server.clock.shift(A_DAY_AGO_S)
            return Organization(simulator=server, portal=server.portal(1001), database_url=database_url)

        yield make
