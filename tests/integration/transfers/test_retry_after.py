"""``Retry-After`` in every spelling, over HTTP and through the operator: how long the next request really waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from airflow.sdk.exceptions import TaskDeferred

from hubspot_simulator import FaultRule, SimulatorServer
from hubspot_simulator.access_log import LoggedRequest
from tests.integration.transfers.conftest import ACME, Airflow

LEAST_S, JITTER_S, SLACK_S = 1.0, 0.5, 2.5  # after a 429 without more; of the first attempt; for a busy machine
WEEK_S = 7 * 86_400
PAST = "Thu, 01 Jan 1970 00:00:01 GMT"


def http_date(simulator: SimulatorServer, in_s: float) -> str:
    """By HubSpot's clock."""
    moment = datetime.fromtimestamp(simulator.clock.now_ms() / 1000, UTC) + timedelta(seconds=in_s)
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")


def refuse_second_page(simulator: SimulatorServer, retry_after: str) -> None:
    simulator.add_fault(FaultRule(fault="status", status=429, retry_after=retry_after, endpoint="list", nth=2))


def waited_s(simulator: SimulatorServer) -> float:
    lists = [seen for seen in simulator.requests if seen.endpoint == "list"]

    def is_refused(pair: tuple[LoggedRequest, LoggedRequest]) -> bool:
        return pair[0].status == 429

    ((refused, again),) = filter(is_refused, pairwise(lists))
    return again.at_s - refused.at_s


def run(airflow: Airflow) -> None:
    airflow.task(batch_rows=100).execute(airflow.context())
    (count,) = airflow.query("SELECT count(*) FROM hubspot.hubspot_deals WHERE NOT archived")
    assert count["count"] == ACME.deals
    assert [job["attempt"] for job in airflow.jobs()] == [1]


@pytest.mark.parametrize("retry_after", ["-5", "0", "soon", "1e9", "", "Sat, 99 Nov 2026", PAST])
def test_a04_nonsense_is_waited_for_as_if_nothing_had_been_said(
    airflow: Airflow, simulator: SimulatorServer, retry_after: str
) -> None:
    refuse_second_page(simulator, retry_after)
    run(airflow)
    assert LEAST_S <= waited_s(simulator) < LEAST_S + JITTER_S + SLACK_S


@pytest.mark.parametrize("off_by_s", [0, -WEEK_S, WEEK_S], ids=["right", "a week behind", "a week ahead"])
def test_a04_b19_a_date_is_one_of_hubspots_clock(airflow: Airflow, simulator: SimulatorServer, off_by_s: int) -> None:
    simulator.clock.shift(off_by_s)
    rule = FaultRule(fault="status", status=429, endpoint="list", nth=2)
    simulator.add_fault(rule)

    def say_when(_endpoint: str, _portal_id: int | None) -> None:
        rule.retry_after = http_date(simulator, 4)

    simulator.on_request(say_when)
    run(airflow)
    assert 3.0 <= waited_s(simulator) < 4.0 + JITTER_S + SLACK_S  # its date has whole seconds


@pytest.mark.parametrize("retry_after", ["1000000000", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a04_the_longest_pause_is_a_day(airflow: Airflow, simulator: SimulatorServer, retry_after: str) -> None:
    refuse_second_page(simulator, retry_after)
    with pytest.raises(TaskDeferred):
        airflow.task(batch_rows=100).execute(airflow.context())
    (job,) = airflow.jobs()
    assert (job["status"], job["error_code"]) == ("pending", "DEFERRED")
    assert abs(job["resume_at"] - datetime.now(UTC) - timedelta(days=1)) < timedelta(minutes=1)
