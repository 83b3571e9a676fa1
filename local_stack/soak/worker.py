"""A process that runs its organizations one after the other, again and again, and says how it is after each run.

Started with a file that holds a ``WorkerOrder`` as JSON; prints a line of JSON a run. SIGTERM ends it after its run.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID

import psycopg

from airflow_provider_hubspot_deals import sync
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.client.transport import Timeouts
from airflow_provider_hubspot_deals.exceptions import HubSpotDealsError

RETRIES = Retries(backoff_s=0.02, backoff_max_s=0.5, budget_s=30.0)
TIMEOUTS = Timeouts(connect_s=5.0, read_s=5.0, total_s=10.0)
FULL_EVERY = 12  # runs of an organization


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """An organization and the way into its portal."""

    id: str
    slug: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOrder:
    """Everything that a worker needs to know."""

    database_url: str
    hubspot_url: str
    tenants: tuple[Tenant, ...]
    plant: str | None = None  # something to leak on purpose, a little with each run

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> WorkerOrder:
        stored = json.loads(text)
        return cls(**{**stored, "tenants": tuple(Tenant(**tenant) for tenant in stored["tenants"])})


def work(order: WorkerOrder, output: TextIO, is_over: threading.Event) -> None:
    """Run organizations in turn until told to stop."""
    kept: list[object] = []
    for number in count():
        for tenant in order.tenants:
            if is_over.is_set():
                return
            outcome = run_once(order, tenant, "full" if number % FULL_EVERY == FULL_EVERY - 1 else "auto")
            if order.plant:
                kept.append(PLANTS[order.plant](order))
            output.write(json.dumps({"at": time.time(), "outcome": outcome, **own_resources()}) + "\n")
            output.flush()


def run_once(order: WorkerOrder, tenant: Tenant, mode: str) -> str:
    """``completed``, or the code of what went wrong."""
    request = sync.SyncRequest(
        organization_id=UUID(tenant.id),
        organization=tenant.slug,
        mode=mode,
        search_lag=timedelta(0),
        batch_rows=50,
        allow_negative_amounts=True,
    )
    credentials = PrivateAppToken(tenant.token)
    settings: dict[str, Any] = {"allow_other_hosts": True, "retries": RETRIES, "timeouts": TIMEOUTS}
    try:
        with HubSpotClient(credentials, base_url=order.hubspot_url, **settings) as client:
            summary = sync.run(request, client=client, connect=partial(psycopg.connect, order.database_url))
    except HubSpotDealsError as error:
        return error.code
    return summary.status


def own_resources() -> dict[str, float]:
    """Memory (MiB), open descriptors and threads of this process, between two runs."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "rss_mib": pages * PAGE_BYTES / 2**20,
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
    }


def _idle_thread(_order: WorkerOrder) -> threading.Thread:
    thread = threading.Thread(target=threading.Event().wait, daemon=True)
    thread.start()
    return thread


PAGE_BYTES = 4096
PLANTS: dict[str, Callable[[WorkerOrder], object]] = {
    "memory": lambda _order: bytearray(b"x" * 2**20),
    "descriptors": lambda _order: Path("/dev/null").open(),  # noqa: SIM115 - it is to stay open
    "threads": _idle_thread,
    "sessions": lambda order: psycopg.connect(order.database_url),
}
"""What ``--plant`` leaks, to see that it is noticed."""


def main(path: str) -> None:
    """Until SIGTERM."""
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    work(WorkerOrder.from_json(Path(path).read_text()), sys.stdout, is_over)


if __name__ == "__main__":
    main(sys.argv[1])
