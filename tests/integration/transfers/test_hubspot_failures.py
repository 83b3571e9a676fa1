"""What HubSpot may do in the middle of a run: how the task ends, what its job says, and that nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.client.transport import Timeouts
from airflow_provider_hubspot_deals.exceptions import RetriableError
from airflow_provider_hubspot_deals.hooks import hubspot as hubspot_hook
from hubspot_simulator import FaultRule, SimulatorServer
from tests.integration.transfers.conftest import ACME, Airflow

RETRIES = Retries(attempts_max=2, backoff_s=0.01, budget_s=5.0)  # minutes, in production
REFERENCE = re.compile(r"correlation id [\w-]{8,}")
STORED_BEFORE = 105  # the page of archived deals, and the first of live ones


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A fault from the second page of live deals on, and what becomes of the run.

    Attributes:
        is_answered: in HubSpot's own words, which have a correlation id.
        read_s: how long silence is borne.
    """

    fault: str = "status"
    more: dict[str, Any]
    ends: type[BaseException]
    code: str
    is_answered: bool = False
    read_s: float = 20.0

    def rule(self) -> FaultRule:
        return FaultRule(fault=self.fault, endpoint="list", nth=3, times=None, **self.more)


def refused(code: str, **more: Any) -> Failure:
    return Failure(more=more, ends=AirflowFailException, code=code, is_answered=True)


def deferred(**more: Any) -> Failure:
    return Failure(more=more, ends=TaskDeferred, code="DEFERRED", is_answered=True)


def for_now(code: str, fault: str = "status", *, is_answered: bool = False, **more: Any) -> Failure:
    read_s = 0.5 if fault == "hang" else 20.0
    return Failure(fault=fault, more=more, ends=RetriableError, code=code, is_answered=is_answered, read_s=read_s)


FAILURES = {
    "a03 429 for a day": deferred(status=429, retry_after=86_400),
    "a05 429 of the day": deferred(status=429, policy="DAILY"),
    "a07 429 without end": for_now("RATE_LIMITED", status=429, is_answered=True),
    "a08 401": refused("AUTH_INVALID", status=401),
    "a12 403": refused("MISSING_SCOPE", status=403),
    "a17 477": deferred(status=477, retry_after=7_200),
    "a18 500": for_now("UPSTREAM_DOWN", status=500),
    "a18 502": for_now("UPSTREAM_DOWN", status=502),
    "a18 524": for_now("UPSTREAM_DOWN", status=524),
    "a19 530": refused("AUTH_INVALID", status=530),
    "a21 silence": for_now("UPSTREAM_DOWN", "hang"),
    "a23 cut": for_now("UPSTREAM_DOWN", "truncate"),
    "a24 gzip cut": for_now("BAD_RESPONSE", "gzip_truncated"),
    "a25 HTML": for_now("BAD_RESPONSE", "html"),
    "a26 latin-1": for_now("BAD_RESPONSE", "latin_1"),
    "a27 bomb": Failure(fault="gzip_bomb", more={}, ends=AirflowFailException, code="RESPONSE_TOO_LARGE"),
    "a28 nested": for_now("BAD_RESPONSE", "deep_json"),
    "a29 redirect": Failure(
        fault="redirect",
        more={"location": "http://169.254.169.254/"},
        ends=AirflowFailException,
        code="UNEXPECTED_REDIRECT",
    ),
    "a30 reset": for_now("UPSTREAM_DOWN", "reset"),
    "b04 loop": for_now("PAGING_LOOP", "cursor_loop"),
}


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Give clients this read timeout, and few attempts."""

    def be_patient(read_s: float) -> None:
        timeouts = Timeouts(connect_s=1.0, read_s=read_s, total_s=30.0)

        def client(credentials: Any, **settings: Any) -> HubSpotClient:
            return HubSpotClient(credentials, **{**settings, "timeouts": timeouts, "retries": RETRIES})

        monkeypatch.setattr(hubspot_hook, "HubSpotClient", client)

    return be_patient


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a03_a05_a07_a08_a12_a17_to_a19_a21_a23_to_a30_b04_a_failure_is_told_and_costs_no_page(
    airflow: Airflow, simulator: SimulatorServer, patience: Callable[[float], None], failure: Failure
) -> None:
    patience(failure.read_s)
    rule = simulator.add_fault(failure.rule())

    with pytest.raises(failure.ends) as raised:
        airflow.task(batch_rows=100).execute(airflow.context())

    (job,) = airflow.jobs()
    is_final = failure.ends is AirflowFailException
    assert rule.fired
    assert (job["status"], job["error_code"]) == ("failed" if is_final else "pending", failure.code)
    assert job["records_inserted"] >= STORED_BEFORE
    said = job["error_message"]
    assert said.isprintable()
    assert "HubSpot" in said
    assert ACME.token not in said + str(raised.value)
    assert not failure.is_answered or REFERENCE.search(said), said
    if isinstance(raised.value, TaskDeferred):
        assert job["resume_at"] > datetime.now(UTC) + timedelta(minutes=1)

    rule.times = 0
    asked = len(simulator.requests)
    airflow.task(batch_rows=100).execute(airflow.context("manual__2" if is_final else "manual__1", try_number=2))

    assert airflow.jobs()[-1]["status"] == "completed"
    lists = [seen for seen in simulator.requests[asked:] if seen.endpoint == "list"]
    assert len(lists) <= (5 if is_final else 3)  # pages that were committed are not asked for again
    (count,) = airflow.query("SELECT count(*) FROM hubspot.hubspot_deals WHERE NOT archived")
    assert count["count"] == ACME.deals


def test_e32_only_a_clear_of_the_task_itself_begins_another_job(
    airflow: Airflow, simulator: SimulatorServer, patience: Callable[[float], None]
) -> None:
    """Airflow counts the clears of a run; clearing a task lets it try ``retries`` times more."""
    patience(5.0)
    rule = simulator.add_fault(for_now("UPSTREAM_DOWN", status=500).rule())
    task = airflow.task(batch_rows=100, retries=3)
    with pytest.raises(RetriableError):
        task.execute(airflow.context(task=task))
    rule.times = 0
    asked = len(simulator.requests)

    task.execute(airflow.context(task=task, try_number=2, clear_number=1))

    lists = [seen for seen in simulator.requests[asked:] if seen.endpoint == "list"]
    assert len(lists) <= 3  # pages that were committed are not asked for again
    assert [job["status"] for job in airflow.jobs()] == ["completed"]

    task.execute(airflow.context(task=task, try_number=3, max_tries=2 + 3, clear_number=1))
    assert [job["status"] for job in airflow.jobs()] == ["completed", "completed"]
