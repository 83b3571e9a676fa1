"""Claiming a job: who gets it, who waits, and with which mode and checkpoint it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.exceptions import (
    ConfigurationError,
    JobAlreadyRunning,
    JobCancelled,
    WrongPortalError,
)
from airflow_provider_hubspot_deals.jobs import Job, JobOrigin
from tests.builders import a_row
from tests.integration.tenant import CONFIG, NO_USAGE, Tenant, a_batch, a_run

INSTANT = datetime(2026, 3, 9, 12, tzinfo=UTC)


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def release(tenant: Tenant, job: Job, *, resume_after: timedelta = timedelta(0)) -> None:
    with tenant.connect() as connection:
        jobs.release(
            connection, job, error_code="RATE_LIMITED", error_message="…", resume_after=resume_after, usage=NO_USAGE
        )


def record(tenant: Tenant, job: Job, **counts: Any) -> None:
    tenant.store(job, a_row(1))  # else there is nothing behind a checkpoint
    with tenant.connect() as connection, sql.transaction(connection):
        jobs.lock_fence(connection, job)
        jobs.record_batch(connection, job, a_batch(**counts))


def complete(tenant: Tenant, job: Job, *, watermark: datetime = INSTANT, selection: str = "all") -> None:
    with tenant.connect() as connection:
        with sql.transaction(connection):
            jobs.advance_watermark(connection, job, watermark)
        jobs.complete(connection, job, selection=selection, started_at=datetime.now(UTC), usage=NO_USAGE)


def silence(tenant: Tenant, job: Job, seconds: int) -> None:
    tenant.execute(
        "UPDATE hubspot.jobs SET last_heartbeat = now() - make_interval(secs => %s), "
        "created_at = created_at - interval '1 day' WHERE id = %s",
        seconds,
        job.id,
    )


def test_a_first_claim_makes_the_organization_its_table_and_a_running_job(acme: Tenant) -> None:
    job = acme.claim(a_run("manual__1", trigger="manual", try_number=2))
    row = acme.job(job)
    assert (row["status"], row["mode"], row["attempt"], row["epoch"]) == ("running", "full", 1, 1)
    assert (row["dag_id"], row["run_id"], row["task_id"]) == ("hubspot_deals_acme", "manual__1", "load")
    assert (row["map_index"], row["try_number"], row["trigger"]) == (-1, 2, "manual")
    assert (row["scan_id"], row["config"], row["load_id"]) == (str(job.id), CONFIG, job.load_id)
    assert acme.query("SELECT id, slug FROM hubspot.organizations") == [{"id": acme.id, "slug": "acme"}]
    assert job.leaf == f"hubspot_deals_standard_{acme.id.hex}"
    assert acme.deals() == {}


def test_an_attempt_whose_claim_was_rolled_back_ends_nobody_elses(acme: Tenant) -> None:
    """Its epoch is given out again, and so is the job that it meant."""
    release(acme, acme.claim(a_run()))
    with acme.connect() as connection:
        with suppress(InterruptedError), jobs.being_claimed(connection, "hubspot", acme.order(a_run())) as undone:
            raise InterruptedError
        taken = acme.claim(a_run())
        assert (taken.id, taken.epoch) == (undone.id, undone.epoch)
        jobs.count_usage(connection, undone, {**NO_USAGE, "api_calls": 7})
        jobs.fail(connection, undone, error_code="KILLED", error_message="…", usage=NO_USAGE)
    release(acme, undone)
    assert (acme.job(taken)["status"], acme.job(taken)["api_calls"]) == ("running", 0)


def test_types_have_their_own_jobs_and_tables(database_url: str) -> None:
    standard = Tenant(database_url).claim()
    sandbox = Tenant(database_url, type="sandbox").claim()
    assert Tenant(database_url).job(sandbox)["type"] == "hubspot_deals_sandbox"
    assert standard.leaf != sandbox.leaf


def test_e22_a_second_run_is_refused_while_the_first_one_lives(acme: Tenant) -> None:
    first = acme.claim(a_run("first"))
    with pytest.raises(JobAlreadyRunning, match=rf"'acme'.*{first.id}.*'first'"):
        acme.claim(a_run("second"))
    assert acme.job(first)["status"] == "running"
    assert acme.sync_state()["epoch"] == first.epoch
    assert acme.query("SELECT count(*) FROM hubspot.jobs") == [{"count": 1}]


@pytest.mark.parametrize("seconds", [0, 100])
def test_a_job_heard_of_within_two_minutes_lives(acme: Tenant, seconds: int) -> None:
    silence(acme, acme.claim(a_run("first")), seconds)
    with pytest.raises(JobAlreadyRunning):
        acme.claim(a_run("second"))


def test_a_job_silent_for_longer_is_taken_over(acme: Tenant) -> None:
    first = acme.claim(a_run("first"))
    silence(acme, first, 121)
    second = acme.claim(a_run("second"))
    assert acme.job(first)["status"] == "failed"
    assert acme.job(first)["error_code"] == "HEARTBEAT_LOST"
    assert (second.id != first.id, second.epoch) == (True, first.epoch + 1)


def test_a_deferred_job_of_another_dag_is_waited_for_until_it_is_due(acme: Tenant) -> None:
    first = acme.claim(a_run("first", dag_id="other"))
    release(acme, first, resume_after=timedelta(hours=6))
    silence(acme, first, 3600)
    with pytest.raises(JobAlreadyRunning):
        acme.claim(a_run("second"))
    acme.execute("UPDATE hubspot.jobs SET resume_at = now() - interval '121 seconds'")
    assert acme.claim(a_run("second")).id != first.id


def test_a_pending_job_that_its_dag_has_left_behind_is_taken_over(acme: Tenant) -> None:
    first = acme.claim(a_run("first"))
    release(acme, first)
    second = acme.claim(a_run("second"))
    assert (acme.job(first)["error_code"], acme.job(second)["status"]) == ("ABANDONED", "running")


def test_a_job_that_hubspot_told_to_wait_is_not_abandoned_before_its_time(acme: Tenant) -> None:
    first = acme.claim(a_run("first"))
    release(acme, first, resume_after=timedelta(hours=6))
    with pytest.raises(JobAlreadyRunning):
        acme.claim(a_run("second"))


def test_the_same_run_started_anew_reads_again(acme: Tenant) -> None:
    first = acme.claim()
    complete(acme, first)
    assert acme.claim().id != first.id


def test_another_selection_makes_the_next_automatic_run_a_full_one(acme: Tenant) -> None:
    first = acme.claim(a_run("first"), mode="full")
    acme.store(first, a_row(1))
    complete(acme, first)
    acme.execute("UPDATE hubspot.sync_state SET watermark = now()")
    thin = acme.claim(a_run("second"), mode="incremental", selection="other")
    complete(acme, thin, selection="other")
    assert (thin.mode, acme.claim(a_run("third")).mode) == ("incremental", "full")


def test_a_checkpoint_is_only_good_for_the_selection_it_was_read_with(acme: Tenant) -> None:
    first = acme.claim(a_run(try_number=1))
    record(acme, first, checkpoint={"phase": "live", "cursor": {"after": "7"}})
    assert acme.claim(a_run(try_number=2), selection="other").checkpoint is None


def test_what_one_run_reads_besides_asks_for_no_full_run_and_is_in_its_checkpoint(acme: Tenant) -> None:
    complete(acme, acme.claim(a_run("first")))
    thick = acme.claim(a_run("second"), mode="full", run_selection="thick")
    record(acme, thick, checkpoint={"phase": "live", "cursor": {"after": "7"}})
    assert acme.claim(a_run("second", try_number=2), run_selection="thick").checkpoint
    assert acme.claim(a_run("second", try_number=3)).checkpoint is None
    assert acme.sync_state()["selection"] == "all"


def test_one_portal_belongs_to_one_tenant(acme: Tenant) -> None:
    rival = Tenant(acme.url, "rival")
    with acme.connect() as connection:
        jobs.bind_portal(connection, acme.claim(), 1001)
        with pytest.raises(WrongPortalError, match="another organization"):
            jobs.bind_portal(connection, rival.claim(), 1001)
    assert rival.sync_state()["portal_id"] is None


def test_e20_a_retry_goes_on_with_its_job_even_while_the_old_attempt_lives(acme: Tenant) -> None:
    first = acme.claim(a_run(try_number=1))
    record(acme, first, checkpoint={"phase": "live", "cursor": {"after": "7"}})
    retry = acme.claim(a_run(try_number=2))
    assert (retry.id, retry.epoch, retry.attempt) == (first.id, first.epoch + 1, 2)
    assert retry.checkpoint == {"phase": "live", "cursor": {"after": "7"}}
    assert retry.load_id != first.load_id
    assert acme.job(first)["try_number"] == 2


def test_e20_an_attempt_that_stood_still_before_its_claim_takes_no_job_from_the_try_after_it(acme: Tenant) -> None:
    retry = acme.claim(a_run(try_number=2))
    with pytest.raises(JobAlreadyRunning):
        acme.claim(a_run(try_number=1))
    assert (acme.job(retry)["epoch"], acme.job(retry)["try_number"]) == (retry.epoch, 2)
    silence(acme, retry, 121)
    assert acme.claim(a_run(try_number=1)).id == retry.id  # a run that was deleted and made again counts from 1


def test_a_retry_after_a_pause_forgets_the_error_and_keeps_the_beginning(acme: Tenant) -> None:
    first = acme.claim()
    started = acme.job(first)["start_time"]
    release(acme, first)
    assert acme.job(first)["error_code"] == "RATE_LIMITED"
    row = acme.job(acme.claim())
    assert (row["status"], row["error_code"], row["error_message"], row["resume_at"]) == ("running", None, None, None)
    assert row["start_time"] == started


def test_e21_a_cleared_task_starts_another_job_and_ends_the_old_one(acme: Tenant) -> None:
    first = acme.claim(a_run(clear_number=0, first_try=1))
    record(acme, first, checkpoint={"phase": "live", "cursor": {"after": "7"}})
    cleared = acme.claim(a_run(clear_number=1, try_number=2, first_try=2))
    assert (acme.job(first)["status"], cleared.checkpoint) == ("failed", None)
    with pytest.raises(JobAlreadyRunning):  # the old attempt, should it try again
        acme.claim(a_run(clear_number=0))


@pytest.mark.parametrize("is_lost", [False, True], ids=["waiting", "taken for dead"])
def test_e32_a_retry_goes_on_with_its_job_though_another_task_of_the_run_was_cleared(
    acme: Tenant, is_lost: bool
) -> None:
    checkpoint = {"phase": "live", "cursor": {"after": "7"}}
    first = acme.claim(a_run(map_index=3, try_number=1, first_try=1, clear_number=0))
    record(acme, first, checkpoint=checkpoint)
    if is_lost:
        acme.execute("UPDATE hubspot.jobs SET status = 'failed', error_code = 'HEARTBEAT_LOST'")
    for number in (2, 3):
        retry = acme.claim(a_run(map_index=3, try_number=number, first_try=1, clear_number=number - 1))
        assert retry.checkpoint == checkpoint
    assert (acme.job(retry)["continues"] or retry.id) == first.id
    complete(acme, retry)
    again = acme.claim(a_run(map_index=3, try_number=4, first_try=1, clear_number=2))
    assert (again.is_finished, again.id) == (True, retry.id)


@pytest.mark.parametrize("clear_number", [0, 1])
def test_e21_a_task_that_is_cleared_after_its_success_starts_another_job(acme: Tenant, clear_number: int) -> None:
    """Airflow can be told not to count the clear on the run."""
    first = acme.claim(a_run(try_number=1, first_try=1))
    complete(acme, first)
    cleared = acme.claim(a_run(try_number=2, first_try=2, clear_number=clear_number))
    assert (cleared.is_finished, cleared.id == first.id) == (False, False)


def test_an_edit_of_the_tasks_retries_makes_no_clear_a_retry(acme: Tenant) -> None:
    """With more retries than Airflow counted with, the first try seems to have been an earlier one."""
    complete(acme, acme.claim(a_run(try_number=1, first_try=1)))
    assert not acme.claim(a_run(try_number=2, first_try=-1, clear_number=1)).is_finished


def test_an_attempt_from_before_the_clear_does_not_take_the_job_of_the_one_after_it(acme: Tenant) -> None:
    acme.claim(a_run(try_number=1, first_try=1))
    acme.claim(a_run(try_number=2, first_try=2, clear_number=1))
    with pytest.raises(JobAlreadyRunning):
        acme.claim(a_run(try_number=1, first_try=1))


def test_e32_mapped_tasks_of_one_run_are_different_runs(acme: Tenant) -> None:
    acme.claim(a_run(map_index=0))
    with pytest.raises(JobAlreadyRunning):
        acme.claim(a_run(map_index=1))


def test_e27_a_job_that_was_completed_is_not_run_again(acme: Tenant) -> None:
    first = acme.claim()
    record(acme, first, received=3, inserted=3)
    complete(acme, first)
    again = acme.claim(a_run(try_number=2))
    assert (again.is_finished, again.id, again.row["records_inserted"]) == (True, first.id, 3)
    assert acme.sync_state()["epoch"] == first.epoch


def test_a_run_whose_job_was_cancelled_stays_cancelled(acme: Tenant) -> None:
    first = acme.claim()
    acme.execute("UPDATE hubspot.jobs SET status = 'cancelled' WHERE id = %s", first.id)
    with pytest.raises(JobCancelled, match="'acme' was cancelled"):
        acme.claim()
    assert acme.claim(a_run("second")).id != first.id


def test_a_run_whose_job_failed_gets_another(acme: Tenant) -> None:
    first = acme.claim()
    with acme.connect() as connection:
        jobs.fail(connection, first, error_code="UPSTREAM_DOWN", error_message="…", usage=NO_USAGE)
    assert acme.claim().id != first.id
    assert acme.job(first)["error_code"] == "UPSTREAM_DOWN"


def test_outside_airflow_nothing_is_a_retry(acme: Tenant) -> None:
    first = acme.claim(JobOrigin())
    with pytest.raises(JobAlreadyRunning):
        acme.claim(JobOrigin())
    silence(acme, first, 121)
    assert acme.claim(JobOrigin()).id != first.id


@pytest.mark.parametrize(
    ("mode", "selection", "last_full", "resolved"),
    [
        ("auto", "all", timedelta(days=1), "incremental"),
        ("auto", "all", timedelta(days=8), "full"),
        ("auto", "other", timedelta(days=1), "full"),
        ("incremental", "other", timedelta(days=8), "incremental"),
        ("full", "all", timedelta(days=1), "full"),
        ("window", "all", timedelta(days=8), "window"),
    ],
)
def test_the_mode_follows_from_the_last_full_run(
    acme: Tenant, mode: str, selection: str, last_full: timedelta, resolved: str
) -> None:
    first = acme.claim(a_run("first"))
    acme.store(first, a_row(1))
    complete(acme, first)
    acme.execute("UPDATE hubspot.sync_state SET last_full_sync_at = now() - %s", last_full)
    job = acme.claim(a_run("second"), mode=mode, selection=selection)
    assert (job.mode, job.watermark) == (resolved, INSTANT)


@pytest.mark.parametrize(("mode", "resolved"), [("auto", "full"), ("incremental", "full"), ("window", "window")])
def test_without_a_full_run_before_an_incremental_one_is_full(acme: Tenant, mode: str, resolved: str) -> None:
    assert acme.claim(mode=mode).mode == resolved


@pytest.mark.parametrize("mode", ["auto", "incremental"])
def test_a_run_after_somebody_took_the_watermark_away_is_full(acme: Tenant, mode: str) -> None:
    """An incremental one would begin today, and never ask for what changed between the last run and it."""
    first = acme.claim(a_run("first"))
    acme.store(first, a_row(1))
    complete(acme, first)
    acme.execute("UPDATE hubspot.sync_state SET watermark = NULL")
    assert acme.claim(a_run("second"), mode=mode).mode == "full"


def test_f15_a_renamed_organization_keeps_its_data_and_frees_its_name(acme: Tenant) -> None:
    first = acme.claim(a_run("first"))
    acme.store(first, a_row(1))
    complete(acme, first)
    renamed = acme.claim(a_run("second"), organization="acme-corp")
    assert (renamed.mode, renamed.leaf) == ("incremental", f"hubspot_deals_standard_{acme.id.hex}")
    assert acme.query("SELECT slug FROM hubspot.organizations") == [{"slug": "acme-corp"}]


def test_a_name_registered_under_another_id_says_what_to_do(acme: Tenant) -> None:
    acme.claim()
    with pytest.raises(ConfigurationError, match="'acme' is registered under another id"):
        acme.claim(a_run("second"), organization_id=Tenant(acme.url, "other").id)


def at_once(*claims: Callable[[], Job]) -> list[Job | BaseException]:
    barrier = threading.Barrier(len(claims))

    def claim(index: int) -> Job | BaseException:
        barrier.wait()
        try:
            return claims[index]()
        except (JobAlreadyRunning, psycopg.Error) as refused:
            return refused

    with ThreadPoolExecutor(len(claims)) as threads:
        return list(threads.map(claim, range(len(claims))))


@pytest.mark.parametrize("is_known", [False, True], ids=["first claim ever", "known organization"])
def test_e22_of_racing_claims_exactly_one_wins(acme: Tenant, *, is_known: bool) -> None:
    if is_known:
        complete(acme, acme.claim(a_run("before")))
    outcomes = at_once(*(partial(acme.claim, a_run(f"run {number}")) for number in range(6)))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Job", *["JobAlreadyRunning"] * 5]


def test_organizations_that_bring_a_new_type_at_once_all_get_their_table(database_url: str) -> None:
    tenants = [Tenant(database_url, f"org-{number}", type="sandbox") for number in range(6)]
    outcomes = at_once(*(tenant.claim for tenant in tenants))
    assert [type(outcome).__name__ for outcome in outcomes] == ["Job"] * 6
