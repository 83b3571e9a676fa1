"""Claim, checkpoint, resume, cancel, fence: what happens to a job when its run does not simply succeed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from typing import Any, NoReturn

import pytest

from airflow_provider_hubspot_deals import sync
from airflow_provider_hubspot_deals.advice import advice_for
from airflow_provider_hubspot_deals.exceptions import (
    ConfigurationError,
    DatabaseUnavailableError,
    DeferredError,
    JobAlreadyRunning,
    JobCancelled,
    JobLostError,
    JobSuperseded,
    RetriableError,
    SchemaError,
    WrongPortalError,
)
from airflow_provider_hubspot_deals.sync import JobOrigin
from hubspot_simulator import SimulatorServer
from tests.integration.sync.conftest import Organization

RUN = JobOrigin(dag_id="deals", run_id="run-1", task_id="load", try_number=1, max_tries=3)
RETRY = JobOrigin(dag_id="deals", run_id="run-1", task_id="load", try_number=2, max_tries=3)
# One request after the other, so that the n-th comes when everything before it is written.
SMALL: dict[str, Any] = {"batch_rows": 100, "requests_in_flight": 1}


def fail_at(call: str, number: int) -> Any:
    def before(current: str, current_number: int) -> None:
        if (current, current_number) == (call, number):
            raise RetriableError("HubSpot is away")

    return before


def _die(call: str, number: int) -> None:
    if (call, number) == ("list", 6):
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.peer_pain(34)
def test_e19_a_killed_attempt_is_resumed_from_its_checkpoint(acme: Organization) -> None:
    process = multiprocessing.get_context("fork").Process(
        target=acme.sync, kwargs={"before": _die, "origin": RUN, **SMALL}
    )
    process.start()
    process.join()
    (killed,) = acme.jobs()
    assert (process.exitcode, killed["status"], killed["records_extracted"]) == (-signal.SIGKILL, "running", 440)
    requests = acme.simulator.requests.copy()

    summary = acme.sync(origin=RETRY, **SMALL)

    (job,) = acme.jobs()
    assert (job["status"], job["attempt"], job["records_inserted"]) == ("completed", 2, 770)
    assert acme.differences() == []
    assert summary.job_id == killed["id"]
    listed = [seen for seen in acme.simulator.requests[len(requests) :] if seen.endpoint == "list"]
    assert len(listed) == 5  # pages 5 to 8 of the live list and the archived one again: nothing was read twice


def test_a_job_taken_for_dead_is_gone_on_with_from_its_checkpoint(acme: Organization) -> None:
    def take_for_dead(call: str, number: int) -> None:
        if (call, number) == ("list", 6):
            acme.execute("UPDATE hubspot.jobs SET status = 'failed', error_code = 'HEARTBEAT_LOST'")

    with pytest.raises(JobLostError, match="the next try goes on"):
        acme.sync(before=take_for_dead, origin=RUN, **SMALL)
    requests = len(acme.simulator.requests)

    acme.sync(origin=RETRY, **SMALL)

    lost, retry = acme.jobs()
    assert (lost["status"], retry["status"], retry["continues"]) == ("failed", "completed", lost["id"])
    assert lost["records_inserted"] + retry["records_inserted"] == 770
    assert acme.differences() == []
    assert sum(seen.endpoint == "list" for seen in acme.simulator.requests[requests:]) == 5


def test_a_failed_attempt_leaves_a_pending_job_while_tries_are_left(acme: Organization) -> None:
    with pytest.raises(RetriableError):
        acme.sync(before=fail_at("list", 4), origin=RUN, **SMALL)

    (job,) = acme.jobs()
    assert (job["status"], job["records_extracted"], job["error_message"]) == ("pending", 240, "HubSpot is away")
    acme.sync(origin=RETRY, **SMALL)
    assert acme.jobs()[0]["error_message"] is None
    assert acme.differences() == []


@pytest.mark.peer_pain(48)
def test_the_last_try_fails_the_job_and_the_next_run_starts_its_own(acme: Organization) -> None:
    last = JobOrigin(dag_id="deals", run_id="run-1", task_id="load", try_number=4, max_tries=3)
    with pytest.raises(RetriableError):
        acme.sync(before=fail_at("list", 4), origin=last, **SMALL)
    assert acme.jobs()[0]["status"] == "failed"

    acme.sync(origin=JobOrigin(dag_id="deals", run_id="run-2", task_id="load"))

    assert [job["status"] for job in acme.jobs()] == ["failed", "completed"]
    assert acme.differences() == []


def test_cancelling_by_sql_stops_at_the_next_batch_and_keeps_what_was_committed(acme: Organization) -> None:
    def cancel(call: str, number: int) -> None:
        if (call, number) == ("list", 4):
            acme.execute("UPDATE hubspot.jobs SET status = 'cancelled' WHERE status = 'running'")

    with pytest.raises(JobCancelled, match="cancelled"):
        acme.sync(before=cancel, origin=RUN, **SMALL)

    (job,) = acme.jobs()
    assert (job["status"], job["records_extracted"], len(acme.deals())) == ("cancelled", 240, 240)
    assert job["end_time"] is not None
    with pytest.raises(JobCancelled):
        acme.sync(origin=RETRY)


def test_a_second_run_leaves_an_active_one_alone(acme: Organization) -> None:
    refusals = []

    def intrude(call: str, number: int) -> None:
        if (call, number) == ("list", 3):
            with pytest.raises(JobAlreadyRunning) as refusal:
                acme.sync(origin=JobOrigin(dag_id="other", run_id="run-9", task_id="load"))
            refusals.append(str(refusal.value))

    acme.sync(before=intrude, origin=RUN, **SMALL)

    assert "'acme'" in refusals[0]
    assert "run-1" in refusals[0]
    assert [job["status"] for job in acme.jobs()] == ["completed"]


def test_e16_an_attempt_that_slept_while_another_took_over_writes_nothing(acme: Organization) -> None:
    def take_over(call: str, number: int) -> None:
        if (call, number) == ("list", 4):
            worker = threading.Thread(target=acme.sync, kwargs={"origin": RETRY, **SMALL})
            worker.start()
            worker.join()

    with pytest.raises(JobSuperseded):
        acme.sync(before=take_over, origin=RUN, **SMALL)

    (job,) = acme.jobs()
    assert (job["status"], job["attempt"], job["records_inserted"]) == ("completed", 2, 770)
    assert acme.differences() == []


def test_e27_a_retry_of_a_run_that_had_finished_is_a_no_op_with_the_same_counts(acme: Organization) -> None:
    first = acme.sync(origin=RUN)
    requests = len(acme.simulator.requests)

    again = acme.sync(origin=RETRY)

    assert again.was_finished_already
    assert (again.job_id, again.counts) == (first.job_id, first.counts)
    assert len(acme.simulator.requests) == requests


def test_a_deferred_run_waits_with_its_checkpoint(acme: Organization) -> None:
    def daily_limit(call: str, number: int) -> None:
        if (call, number) == ("list", 4):
            raise DeferredError("HubSpot's daily limit is used up", resume_after_s=3600)

    with pytest.raises(DeferredError):
        acme.sync(before=daily_limit, origin=RUN, **SMALL)

    (job,) = acme.jobs()
    assert job["status"] == "pending"
    assert job["checkpoint"]["phase"] == "live"
    assert 3500 < (job["resume_at"] - job["updated_at"]).total_seconds() <= 3600


def test_b24_f01_the_token_of_another_portal_stops_before_the_first_deal(
    acme: Organization, simulator: SimulatorServer
) -> None:
    acme.sync()
    before = acme.deals()

    with pytest.raises(WrongPortalError, match=r"portal 1002.* 1001\. Put the right token into its connection\.$"):
        acme.sync(token=simulator.portal(1002).spec.token)

    assert acme.deals() == before
    job = acme.jobs()[-1]
    assert (job["error_code"], job["api_calls"] > 0) == ("WRONG_PORTAL", True)
    assert (job["daily_limit"], job["daily_remaining"]) == (None, None), "those are of another account"


def test_a_portal_named_in_the_request_must_be_the_tokens(acme: Organization) -> None:
    expected = r"is 1002\. Correct whichever is wrong: the token in its connection, or its portal_id\.$"
    with pytest.raises(WrongPortalError, match=expected):
        acme.sync(portal_id=1002)
    assert advice_for("WRONG_PORTAL").remedy.startswith("Correct what the message names"), "one card, one advice"
    assert acme.deals() == {}


def test_the_message_and_the_advice_of_a_wrong_portal_do_not_say_the_same(acme: Organization) -> None:
    with pytest.raises(WrongPortalError):
        acme.sync(portal_id=1002)
    (job,) = acme.jobs()
    remedy = advice_for(job["error_code"]).remedy
    assert not phrases(job["error_message"]) & phrases(remedy)


def phrases(text: str) -> set[str]:
    """Any three words in a row."""
    words = text.lower().split()
    return {" ".join(words[place : place + 3]) for place in range(len(words) - 2)}


def test_b08_a_deal_created_behind_the_cursor_is_not_lost(acme: Organization) -> None:
    created = []

    def create_behind(call: str, number: int) -> None:
        if (call, number) == ("list", 5):
            created.append(acme.portal.create_deal({"dealname": "Late"}, deal_id=min(acme.portal.live_deals()) + 1))

    acme.sync(before=create_behind)

    assert created[0] in acme.deals()
    assert acme.differences() == []


def test_b09_b10_b11_deals_that_move_while_lists_are_read_end_where_hubspot_has_them(acme: Organization) -> None:
    acme.sync()
    live, archived = sorted(acme.portal.live_deals()), sorted(acme.portal.archived_deals())

    def stir(call: str, number: int) -> None:
        if (call, number) == ("list", 3):
            acme.portal.archive_deal(live[0])
            acme.portal.restore_deal(archived[0])
            acme.portal.merge_deals(live[1], live[-1])
            acme.portal.purge_deal(live[-2])

    acme.sync(mode="full", before=stir, **SMALL)

    assert acme.differences() == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mode": "everything"}, "auto, full, incremental, window"),
        ({"mode": "window"}, "window_start"),
        ({"batch_rows": 0}, "batch_rows"),
    ],
    ids=["unknown mode", "window without bounds", "no rows"],
)
def test_arguments_no_run_could_have_are_refused_before_anything_happens(
    acme: Organization, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        acme.sync(**wrong)
    assert acme.jobs() == []


def test_a_database_without_our_schema_says_what_to_run(acme: Organization, empty_database_url: str) -> None:
    acme.database_url = empty_database_url
    with pytest.raises(SchemaError, match="migrations upgrade"):
        acme.sync()


def test_a_database_that_is_down_is_told_from_one_that_refuses(acme: Organization) -> None:
    def unreachable() -> NoReturn:
        import psycopg

        raise psycopg.OperationalError("connection refused")

    with acme.client() as client, pytest.raises(DatabaseUnavailableError, match="acme"):
        sync.run(acme.request(), client=client, connect=unreachable)
