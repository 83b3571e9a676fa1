"""Several tasks, each a process of its own, over one portal: its limits and its grant are shared without a word."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_hubspot_deals.client.rate_limits import IN_FLIGHT_MAX
from hubspot_simulator import FaultRule, SimulatorServer
from hubspot_simulator.rate_limits import NEVER_REACHED, Limits
from local_stack.processes import wait_until
from tests.integration.sync.conftest import Organization
from tests.integration.transfers.conftest import ACME, Airflow
from tests.integration.workers.conftest import GRANTED, WorkerOf

PLENTY: dict[str, Any] = {"burst_per_10_s": NEVER_REACHED, "associations_per_10_s": NEVER_REACHED, "daily": None}
SEARCHES = 12


def statuses(simulator: SimulatorServer, endpoint: str) -> Counter[int]:
    return Counter(seen.status for seen in simulator.requests if seen.endpoint == endpoint)


def test_a05_when_the_day_is_spent_no_task_asks_before_the_portals_midnight(
    acme: Organization, simulator: SimulatorServer, worker: WorkerOf
) -> None:
    arguments = {"organization_id": str(acme.id), "mode": "full", "batch_rows": 100}
    account, first, second = simulator.account(ACME.portal_id), worker(), worker()
    account.set_limits(Limits(daily=10))

    assert first.do("load", run_id="nightly", **arguments)["ended"] == "TaskDeferred"

    (job,) = acme.jobs()
    midnight = datetime.fromtimestamp(account.usage.resets_at_ms() / 1000, UTC)
    assert (job["status"], job["error_code"]) == ("pending", "DEFERRED")
    assert abs(job["resume_at"] - midnight) < timedelta(minutes=1)
    assert 1 <= sum(seen.status == 429 for seen in simulator.requests) <= IN_FLIGHT_MAX

    asked = len(simulator.requests)
    for run in ("hourly 1", "hourly 2", "somebody's own"):
        skipped = second.do("load", run_id=run, **arguments)
        assert skipped["ended"] == "AirflowSkipException"
        assert str(job["id"]) in skipped["message"]
    assert len(simulator.requests) == asked

    # Whoever resumes it too early (a triggerer whose clock is ahead, a person) has one request refused, and waits for
    # an hour: that request was to tell the portal's time zone.
    assert second.do("load", run_id="nightly", **arguments)["ended"] == "TaskDeferred"
    assert len(simulator.requests) == asked + 1
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    assert abs(acme.jobs()[0]["resume_at"] - in_an_hour) < timedelta(minutes=1)

    simulator.clock.shift((midnight - datetime.now(UTC)).total_seconds() + 60)
    account.set_limits(Limits())
    assert first.do("load", run_id="nightly", **arguments)["ended"] == "completed"
    assert [(job["status"], job["attempt"]) for job in acme.jobs()] == [("completed", 3)]
    assert acme.differences() == []


def test_a06_tasks_that_search_side_by_side_all_get_through_the_limit_of_their_portal(
    acme: Organization, simulator: SimulatorServer, worker: WorkerOf
) -> None:
    others, loader = [worker() for _ in range(2)], worker()
    for each in (*others, loader):
        each.do("search", times=1)  # they have started
    simulator.account(ACME.portal_id).set_limits(Limits(search_per_s=5, **PLENTY))
    asked = len(simulator.requests)

    for each in others:
        each.begin("search", times=SEARCHES)
    loader.begin("load", run_id="first", organization_id=str(acme.id))
    outcomes = [each.outcome()["ended"] for each in (*others, loader)]

    assert outcomes == ["completed"] * 3
    searches = Counter(seen.status for seen in simulator.requests[asked:] if seen.endpoint == "search")
    assert searches[200] >= 2 * SEARCHES + 3
    assert 0 < searches[429] <= searches[200]  # they met, and nobody hammered
    assert statuses(simulator, "list").keys() == {200}
    assert acme.differences() == []


@pytest.fixture
def granted(airflow: Airflow, simulator: SimulatorServer, monkeypatch: pytest.MonkeyPatch) -> Organization:
    """The connection holds an OAuth grant whose access tokens live for two seconds."""
    grant = {"client_id": GRANTED.client_id, "client_secret": GRANTED.client_secret}
    extra = {**grant, "refresh_token": GRANTED.refresh_token, "allow_other_hosts": True}
    fields = {"conn_type": "hubspot", "host": simulator.base_url, "extra": json.dumps(extra)}
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_DEFAULT", json.dumps(fields))
    return Organization(simulator, simulator.portal(GRANTED.portal_id), airflow.database_url)


def test_a11_tasks_that_refresh_one_grant_at_once_do_not_end_each_others_tokens(
    granted: Organization, simulator: SimulatorServer, worker: WorkerOf
) -> None:
    """Each process has a token of its own: none is stored anywhere, and HubSpot's earlier ones stay valid."""
    loader, *others = workers = [worker() for _ in range(3)]
    for each in workers:
        each.do("search", times=1)
    slow = simulator.add_fault(FaultRule(fault="delay", endpoint="list", seconds=0.8, times=None))
    asked, began = len(simulator.requests), time.monotonic()

    loader.begin("load", run_id="first", organization_id=str(granted.id), batch_rows=100)
    for each in others:
        each.begin("search", times=16, pause_s=0.25)
    wait_until(lambda: slow.fired >= 2, what="the run", timeout_s=30)
    simulator.accounts.expire_access_tokens(GRANTED.portal_id)
    outcomes = [each.outcome() for each in workers]

    assert [outcome["ended"] for outcome in outcomes] == ["completed"] * 3, outcomes
    seen = Counter((request.endpoint, request.status) for request in simulator.requests[asked:])
    refreshes = sum(number for (endpoint, _), number in seen.items() if endpoint == "oauth_token")
    lifetimes = (time.monotonic() - began) / (GRANTED.access_token_lifetime_s * 0.9)
    assert len(workers) * 2 <= refreshes <= len(workers) * (lifetimes + 2)
    assert sum(number for (_, status), number in seen.items() if status == 401) <= 2 * len(workers)
    assert granted.differences() == []
