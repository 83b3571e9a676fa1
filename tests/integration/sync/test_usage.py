"""What a run asked of HubSpot stands in its job and in the day's usage, to the request."""

from __future__ import annotations

from collections import Counter

import pytest

from airflow_provider_hubspot_deals.exceptions import (
    FatalError,
    JobCancelled,
    JobLostError,
    JobSuperseded,
    RetriableError,
)
from airflow_provider_hubspot_deals.extraction.plan import PHASES
from airflow_provider_hubspot_deals.sync import JobOrigin
from hubspot_simulator.faults import FaultRule
from tests.integration.sync.conftest import Organization

RUN = JobOrigin(dag_id="deals", run_id="run-1", task_id="load", try_number=1, max_tries=3)
RETRY = JobOrigin(dag_id="deals", run_id="run-1", task_id="load", try_number=2, max_tries=3)


def asked(organization: Organization) -> Counter[str]:
    """Requests that the simulator saw, by the classes that usage tells apart."""
    classes = {"list": "list", "search": "search", "batch_read": "batch_read"}
    return Counter(classes.get(seen.endpoint, "metadata") for seen in organization.simulator.requests)


def told(organization: Organization) -> Counter[str]:
    (row,) = organization.query("SELECT * FROM hubspot.usage_records")
    return Counter({name: row[f"api_calls_{name}"] for name in ("list", "search", "batch_read", "metadata", "other")})


def test_every_request_of_a_run_is_counted_once_under_its_class(acme: Organization) -> None:
    acme.sync(batch_rows=100)
    assert told(acme) == asked(acme)
    assert acme.jobs()[0]["api_calls"] == asked(acme).total()


def test_requests_of_an_attempt_that_failed_count_and_so_do_those_of_its_retry(acme: Organization) -> None:
    def fail(call: str, number: int) -> None:
        if (call, number) == ("list", 4):
            raise RetriableError("HubSpot is away")

    with pytest.raises(RetriableError):
        acme.sync(before=fail, origin=RUN, batch_rows=200)
    assert told(acme) == asked(acme)

    acme.sync(origin=RETRY, batch_rows=200)
    assert told(acme) == asked(acme)
    assert (acme.jobs()[0]["attempt"], acme.jobs()[0]["rate_limit_hits"]) == (2, 0)


def test_requests_of_a_batch_that_was_rolled_back_count(acme: Organization) -> None:
    def refuse(call: str, number: int) -> None:
        if (call, number) == ("list", 4):
            acme.execute(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'full'; END $$;"
                "CREATE TRIGGER refuse BEFORE INSERT ON hubspot.job_batches EXECUTE FUNCTION refuse()"
            )

    with pytest.raises(FatalError, match="refused a statement"):
        acme.sync(before=refuse, origin=RUN, batch_rows=100, requests_in_flight=1)
    assert told(acme) == asked(acme)


def test_requests_of_an_attempt_that_was_cancelled_count(acme: Organization) -> None:
    def cancel(call: str, number: int) -> None:
        if (call, number) == ("list", 4):
            acme.execute("UPDATE hubspot.jobs SET status = 'cancelled'")

    with pytest.raises(JobCancelled):
        acme.sync(before=cancel, batch_rows=100, requests_in_flight=1)
    assert told(acme) == asked(acme)


def test_requests_of_an_attempt_that_was_taken_for_dead_count(acme: Organization) -> None:
    def take_for_dead(call: str, number: int) -> None:
        if (call, number) == ("list", 4):
            acme.execute("UPDATE hubspot.jobs SET status = 'failed', error_code = 'HEARTBEAT_LOST'")

    with pytest.raises(JobLostError):
        acme.sync(before=take_for_dead, origin=RUN, batch_rows=100, requests_in_flight=1)
    assert told(acme) == asked(acme)


def test_requests_of_an_attempt_that_was_replaced_are_not_written_into_its_successors_job(acme: Organization) -> None:
    def take_over(call: str, number: int) -> None:
        if (call, number) == ("list", 4):
            acme.sync(origin=RETRY, batch_rows=100)

    with pytest.raises(JobSuperseded):
        acme.sync(before=take_over, origin=RUN, batch_rows=100, requests_in_flight=1)
    assert told(acme).total() < asked(acme).total()


def test_a_run_tells_its_story(acme: Organization) -> None:
    rule = acme.simulator.add_fault(FaultRule(endpoint="list", nth=3, fault="status", status=429, policy="SECONDLY"))
    acme.sync(batch_rows=400)
    assert rule.fired == 1
    story = acme.query("SELECT kind, details FROM hubspot.job_events ORDER BY sequence")
    assert [event["kind"] for event in story if event["kind"] != "phase"] == [
        "created",
        "started",
        "rate_limited",
        "watermark_moved",
        "completed",
    ]
    phases = [event["details"]["phase"] for event in story if event["kind"] == "phase"]
    assert phases == [phase for phase in PHASES["full"] if phase in phases]
    assert {"archived", "live", "changed"} <= set(phases)
    assert acme.query("SELECT rate_limit_hits FROM hubspot.usage_records") == [{"rate_limit_hits": 1}]


def test_a_job_says_how_much_of_the_account_s_daily_calls_is_used(acme: Organization) -> None:
    acme.sync()
    (job,) = acme.jobs()
    assert job["daily_limit"] - job["daily_remaining"] == asked(acme).total() == job["api_calls"]


def test_a_job_that_failed_says_so_too(acme: Organization) -> None:
    def fail(call: str, number: int) -> None:
        if (call, number) == ("list", 4):
            raise FatalError("HubSpot refuses")

    with pytest.raises(FatalError):
        acme.sync(before=fail, batch_rows=200, requests_in_flight=1)
    (job,) = acme.jobs()
    assert job["daily_limit"] - job["daily_remaining"] == asked(acme).total()
