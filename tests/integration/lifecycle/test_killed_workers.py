"""Workers that are killed, at each step of a batch and of a run; and what their successors find.

The worker stops itself at the point. Before it is killed, PostgreSQL and HubSpot say how far it had come.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs, kill_points
from airflow_provider_hubspot_deals.client.transport import Transport
from airflow_provider_hubspot_deals.kill_points import KillPoint
from airflow_provider_hubspot_deals.sync import copying
from tests.integration.lifecycle.conftest import A_TRY, NEXT_TRY, SMALL, wait_for_stop
from tests.integration.sync.conftest import Organization

LIVE_DEALS, ARCHIVED_DEALS = 230, 15
REFUSED = "Refused"  # name of a deal that a rule of the database's owner keeps out, in the last page of the list
LISTED = "/crm/v3/objects/deals?"
AN_HOUR_S = 3_600.0


@dataclass(frozen=True)
class Called:
    """The ``number``-th call of something, of those that have ``with_`` among their arguments."""

    owner: Any
    name: str
    when: str  # before, after
    number: int
    with_: str = ""

    def stop_there(self) -> None:
        function, numbers = getattr(self.owner, self.name), count(1)

        def wrapped(*arguments: Any, **settings: Any) -> Any:
            is_there = self.with_ in repr(arguments) and next(numbers) == self.number
            if is_there and self.when == "before":
                stop()
            outcome = function(*arguments, **settings)
            if is_there and self.when == "after":
                stop()
            return outcome

        setattr(self.owner, self.name, wrapped)


@dataclass(frozen=True)
class Reached:
    """The ``number``-th time at a kill point."""

    point: KillPoint
    number: int

    def stop_there(self) -> None:
        numbers = count(1)
        kill_points.listen(lambda point: stop() if point is self.point and next(numbers) == self.number else None)


@dataclass(frozen=True)
class WithinCopy:
    """In the ``number``-th COPY, of which PostgreSQL has a half."""

    number: int

    def stop_there(self) -> None:
        write, numbers = psycopg.Copy.write, count(1)

        def half(copy: psycopg.Copy, rows: bytes) -> None:
            if next(numbers) == self.number:
                write(copy, rows[: len(rows) // 2])
                stop()
            write(copy, rows)

        psycopg.Copy.write = half  # type: ignore[method-assign,assignment]  # this process ends here


@dataclass(frozen=True)
class Killed:
    """Where, and what is to be seen from outside then."""

    where: Called | Reached | WithinCopy
    state: str  # of its session
    statement: str  # its last one begins so
    asked: int  # pages of the lists that HubSpot was asked for
    committed: int  # batches


IN, BETWEEN, BUSY = "idle in transaction", "idle", "active"
LEDGER, WATERMARK = 'INSERT INTO "hubspot".job_batches', 'UPDATE "hubspot".sync_state'
EVENT = 'INSERT INTO "hubspot".job_events'  # that a deal was refused: nothing but COMMIT follows
# Of batches there are: archived deals; 100 live ones; 100; 30 and the refused one; what changed, which moves the
# watermark; what is fresh; archived deals again.
POINTS: dict[str, Killed] = {
    "e01 claimed": Killed(Reached(KillPoint.CLAIMED, 1), BETWEEN, "COMMIT", 0, 0),
    "e02 before a request": Killed(Called(Transport, "send", "before", 3, LISTED), BETWEEN, "COMMIT", 2, 2),
    "e03 after an answer": Killed(Called(Transport, "send", "after", 3, LISTED), BETWEEN, "COMMIT", 3, 2),
    "e04 parsed": Killed(Called(copying, "parsed", "after", 3), BETWEEN, "COMMIT", 3, 2),
    "e05 transaction open": Killed(Reached(KillPoint.BATCH_BEGUN, 3), IN, "SELECT epoch", 3, 2),
    "e06 within COPY": Killed(WithinCopy(3), BUSY, "COPY", 3, 2),
    "e07 copied": Killed(Reached(KillPoint.ROWS_COPIED, 3), IN, "COPY", 3, 2),
    "e08 rows written": Killed(Reached(KillPoint.ROWS_WRITTEN, 3), IN, "RELEASE", 3, 2),
    "e09 ledger written": Killed(Called(jobs, "record_batch", "after", 5), IN, LEDGER, 4, 4),
    "e10 watermark set": Killed(Called(jobs, "advance_watermark", "after", 1), IN, WATERMARK, 4, 4),
    "e11 before COMMIT": Killed(Reached(KillPoint.BATCH_WRITTEN, 4), IN, EVENT, 4, 3),
    "e12 after COMMIT": Killed(Reached(KillPoint.BATCH_COMMITTED, 4), BETWEEN, "COMMIT", 4, 4),
    "e13 before completion": Killed(Reached(KillPoint.READING_FINISHED, 1), BETWEEN, "COMMIT", 5, 7),
    "e14 after completion": Killed(Reached(KillPoint.COMPLETED, 1), BETWEEN, "COMMIT", 5, 7),
}
SESSION = """
    SELECT state, query FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    ORDER BY backend_start LIMIT 1
"""


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def run_and_stop(organization: Organization, where: Called | Reached | WithinCopy) -> None:
    where.stop_there()
    organization.sync(origin=A_TRY, **SMALL)


def lists_asked(organization: Organization) -> int:
    return sum(seen.endpoint == "list" for seen in organization.simulator.requests)


def batches(organization: Organization) -> list[dict[str, Any]]:
    return organization.query("SELECT * FROM hubspot.job_batches ORDER BY batch_number")


@pytest.fixture
def with_a_refused_deal(acme: Organization) -> Callable[[], list[str]]:
    """Gives what is to be said of the copy in the end: one deal is in quarantine."""
    acme.execute(f"ALTER TABLE hubspot.hubspot_deals ADD CONSTRAINT house_rule CHECK (dealname <> '{REFUSED}')")
    refused = acme.portal.create_deal({"dealname": REFUSED}, deal_id=max(acme.portal.live_deals()) + 1)
    acme.simulator.clock.shift(AN_HOUR_S)  # it is no recent change
    return lambda: [f"{refused} is missing"]


@pytest.mark.parametrize("name", POINTS)
def test_e01_to_e14_a_worker_that_is_killed_anywhere_loses_nothing(
    acme: Organization, with_a_refused_deal: Callable[[], list[str]], name: str
) -> None:
    point = POINTS[name]
    worker = multiprocessing.get_context("fork").Process(target=run_and_stop, args=(acme, point.where))
    worker.start()
    assert worker.pid is not None
    wait_for_stop(worker.pid)
    (session,), asked, stored = acme.query(SESSION), lists_asked(acme), batches(acme)
    worker.kill()
    worker.join(60)
    assert (session["state"], session["query"][: len(point.statement)]) == (point.state, point.statement)
    assert (asked, len(stored)) == (point.asked, point.committed)

    summary = acme.sync(origin=NEXT_TRY, **SMALL)

    (job,) = acme.jobs()
    assert (summary.status, job["status"], job["attempt"]) == ("completed", "completed", summary.attempt)
    assert (job["records_inserted"], job["records_quarantined"]) == (LIVE_DEALS + ARCHIVED_DEALS, 1)
    assert job["records_extracted"] == sum(batch["received"] for batch in batches(acme))
    assert acme.differences() == with_a_refused_deal()
    assert batches(acme)[: len(stored)] == stored
    assert lists_asked(acme) - point.asked <= 5 - min(5, point.committed)  # what was committed is not asked for again
    assert summary.was_finished_already == (name == "e14 after completion")
