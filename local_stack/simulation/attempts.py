"""One attempt at a run, with connections that die with it, and blows that fall at kill points."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg

from airflow_provider_hubspot_deals import sync
from airflow_provider_hubspot_deals.client.clock import Clock
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.client.transport import Timeouts
from airflow_provider_hubspot_deals.deals.records import FoundDeals, ListedDeals
from airflow_provider_hubspot_deals.exceptions import JobCancelled, JobStopped, RetriableError
from local_stack.simulation.hearts import Connection, Heart
from local_stack.simulation.small import LIST_PAGE, SEARCH_PAGE

if TYPE_CHECKING:
    from local_stack.simulation.tenants import Tenant

SEARCH_LAG = timedelta(seconds=3)  # more than any scenario's index is late


class KilledError(SystemExit):
    """The process is gone: nothing that it would still do reaches anybody."""


class StoppedError(BaseException):
    """Airflow's SIGTERM: the task may still clean up."""


class LeapingClock:
    """Time passes as it does, and by sleeping, which costs none. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._leapt = 0.0

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        with self._lock:
            self._leapt += seconds

    def as_clock(self) -> Clock:
        """For the client."""
        import time

        return Clock(monotonic=lambda: time.monotonic() + self._leapt, sleep=self.sleep)


class SimulatedClient(HubSpotClient):
    """The real client; as many requests at once as the scenario says, and small pages."""

    side_by_side = 1

    @property
    def requests_in_flight(self) -> int:
        """Fixed: the scenario decides."""
        return self.side_by_side

    def list_deals(self, **arguments: Any) -> ListedDeals:  # noqa: ANN401 - the own keywords of the client
        """Small pages."""
        return super().list_deals(limit=LIST_PAGE, **arguments)

    def search_deals(self, **arguments: Any) -> FoundDeals:  # noqa: ANN401 - as above
        """Small pages."""
        return super().search_deals(limit=SEARCH_PAGE, **arguments)

    def latest_deals(self, limit: int = 0) -> FoundDeals:
        """Small pages."""
        return super().latest_deals(limit or SEARCH_PAGE)


@dataclass
class Attempt:
    """A worker's process, as far as anybody outside can tell.

    Attributes:
        is_successor: of one that is frozen.
        may_go_on: a successor stands still once it has claimed the job, until this is set.
    """

    tenant: Tenant
    run: int
    number: int
    mode: str
    batch_rows: int
    is_successor: bool = False
    outcome: str = "under way"
    error: BaseException | None = None
    heart: Heart = field(default_factory=Heart)
    may_go_on: threading.Event = field(default_factory=threading.Event)
    _connections: list[psycopg.Connection[Any]] = field(default_factory=list)
    _is_dead: bool = False

    @property
    def name(self) -> str:
        """Its application_name in PostgreSQL."""
        return f"{self.tenant.slug}/{self.run}/{self.number}"

    def connect(self) -> psycopg.Connection[Any]:
        """A connection that the server knows by the attempt's name."""
        if self._is_dead:
            raise SystemExit  # itself: a thread that meets an exception derived from it does not end silently
        connection = Connection.connect(self.tenant.database_url, application_name=self.name)
        connection.heart = self.heart
        self._connections.append(connection)
        return connection

    def execute(self) -> str:
        """Work until something ends it: completed | failed | cancelled | superseded | dead."""
        try:
            with self._client() as client:
                sync.run(self._request(), client=client, connect=self.connect)
            self.outcome = "completed"
        except (RetriableError, StoppedError) as error:
            self.outcome, self.error = "failed", error
        except JobCancelled as error:
            self.outcome, self.error = "cancelled", error
        except JobStopped as error:
            self.outcome, self.error = "superseded", error
        except BaseException as error:  # what a dead process says, nobody hears
            if not self._is_dead:
                raise
            self.outcome, self.error = "dead", error
        if self._is_dead:
            self.outcome = "dead"
        return self.outcome

    def die(self) -> None:
        """The kernel closes its sockets; PostgreSQL rolls back.

        Raises:
            KilledError: always; no code of the attempt reaches anybody after it.
        """
        self._is_dead = True
        for connection in self._connections:
            with suppress(OSError, psycopg.Error), closing(socket.socket(fileno=os.dup(connection.fileno()))) as line:
                line.shutdown(socket.SHUT_RDWR)
        raise KilledError

    def disconnect(self) -> int:
        """The server ends its sessions; how many there were."""
        return self.tenant.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database()",
            (self.name,),
        )

    def cancel(self) -> int:
        """As the documents show it; 0 when no job is running."""
        return self.tenant.execute(
            "UPDATE hubspot.jobs SET status = 'cancelled' WHERE organization_id = %s AND status = 'running'",
            (self.tenant.id,),
        )

    def waits_for_a_lock(self) -> bool:
        """As PostgreSQL tells."""
        waiting = "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
        return bool(self.tenant.execute(waiting, (self.name,)))

    def has_claimed(self) -> bool:
        """As the audit has noted."""
        return bool(self.tenant.execute("SELECT FROM audit.attempts WHERE application = %s", (self.name,)))

    def successor(self) -> Attempt:
        """What Airflow starts after it."""
        return Attempt(self.tenant, self.run, self.number + 1, self.mode, self.batch_rows, is_successor=True)

    def _client(self) -> SimulatedClient:
        token = self.tenant.people.portal.spec.token
        client = SimulatedClient(
            PrivateAppToken(token),
            base_url=self.tenant.base_url,
            allow_other_hosts=True,
            clock=LeapingClock().as_clock(),
            timeouts=Timeouts(connect_s=5, read_s=5, total_s=10),
        )
        client.side_by_side = self.tenant.readers
        return client

    def _request(self) -> sync.SyncRequest:
        origin = sync.JobOrigin(
            dag_id=f"deals_{self.tenant.slug}",
            run_id=f"run-{self.run}",
            task_id="load",
            try_number=self.number,
            max_tries=99,
        )
        return sync.SyncRequest(
            organization_id=self.tenant.id,
            organization=self.tenant.slug,
            portal_id=self.tenant.people.portal.portal_id,
            mode=self.mode,
            search_lag=SEARCH_LAG,
            overlap=self.tenant.overlap,
            associations=self.tenant.beside.associations,
            history=self.tenant.beside.history,
            batch_rows=self.batch_rows,
            batch_seconds=3_600,  # a slow machine makes no other batches
            requests_in_flight=self.tenant.readers,
            origin=origin,
        )
