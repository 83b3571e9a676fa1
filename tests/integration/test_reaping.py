"""Jobs that nobody works on any more are ended once, whoever looks for them and whenever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.exceptions import JobLostError, JobSuperseded
from airflow_provider_hubspot_deals.jobs import Job
from tests.integration.tenant import NO_USAGE, Tenant, a_batch, a_run

ENDS = ("completed", "failed", "cancelled")


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def reap(tenant: Tenant) -> int:
    (row,) = tenant.query("SELECT hubspot.reap_silent_jobs() AS reaped")
    reaped: int = row["reaped"]
    return reaped


def silence(tenant: Tenant, job: Job, seconds: int) -> None:
    tenant.execute(
        "UPDATE hubspot.jobs SET last_heartbeat = now() - make_interval(secs => %s),"
        " created_at = created_at - interval '3 days' WHERE id = %s",
        seconds,
        job.id,
    )


def release(tenant: Tenant, job: Job, resume_after: timedelta) -> None:
    with tenant.connect() as connection:
        jobs.release(
            connection, job, error_code="RATE_LIMITED", error_message="…", resume_after=resume_after, usage=NO_USAGE
        )


def complete(tenant: Tenant, job: Job) -> None:
    with tenant.connect() as connection:
        jobs.complete(connection, job, selection="all", started_at=datetime.now(UTC), usage=NO_USAGE)


def batch(tenant: Tenant, job: Job) -> None:
    with tenant.connect() as connection, sql.transaction(connection):
        jobs.lock_fence(connection, job)
        jobs.record_batch(connection, job, a_batch(pages=1))


def at_once(start: threading.Barrier, call: Callable[[], Any]) -> Any:
    """Call when everybody else is ready to."""
    start.wait()
    return call()


def ends(tenant: Tenant, job: Job) -> list[str]:
    """Terminal events of a job."""
    rows = tenant.query("SELECT kind FROM hubspot.job_events WHERE job_id = %s AND kind = ANY (%s)", job.id, list(ENDS))
    return [row["kind"] for row in rows]


@pytest.mark.peer_pain(33)
@pytest.mark.parametrize(("seconds", "status"), [(119, "running"), (121, "failed")])
def test_a_running_job_that_was_not_heard_of_is_failed(acme: Tenant, seconds: int, status: str) -> None:
    job = acme.claim()
    silence(acme, job, seconds)
    assert reap(acme) == (status == "failed")
    row = acme.job(job)
    assert (row["status"], row["error_code"]) == (status, "HEARTBEAT_LOST" if status == "failed" else None)


@pytest.mark.parametrize(
    ("due", "status"), [(timedelta(hours=-23), "pending"), (timedelta(hours=-25), "failed"), (timedelta(1), "pending")]
)
def test_a_pending_job_is_failed_when_its_next_attempt_is_a_day_overdue(
    acme: Tenant, due: timedelta, status: str
) -> None:
    job = acme.claim()
    release(acme, job, due)
    silence(acme, job, 200_000)
    reap(acme)
    row = acme.job(job)
    assert (row["status"], row["error_code"]) == (status, "ABANDONED" if status == "failed" else "RATE_LIMITED")


def test_a_job_inserted_by_hand_waits_for_the_next_run_however_late(acme: Tenant) -> None:
    acme.claim()
    acme.execute("UPDATE hubspot.jobs SET status = 'cancelled'")
    by_hand = "INSERT INTO hubspot.scan_jobs (scan_id, organization_id, created_at) VALUES ('mine', %s, now())"
    acme.execute(by_hand, acme.id)
    acme.execute("UPDATE hubspot.jobs SET created_at = now() - interval '9 days' WHERE scan_id = 'mine'")
    assert reap(acme) == 0
    assert acme.claim(a_run("next")).row["scan_id"] == "mine"


def test_a_job_written_by_hand_counts_as_heard_of_when_its_row_changes(acme: Tenant) -> None:
    acme.claim(a_run("other", dag_id="other"))
    acme.execute("UPDATE hubspot.jobs SET status = 'cancelled'")
    by_hand = "INSERT INTO hubspot.scan_jobs (scan_id, organization_id, scan_type) VALUES ('mine', %s, 'by_hand')"
    acme.execute(by_hand, acme.id)
    acme.execute("UPDATE hubspot.scan_jobs SET status = 'running' WHERE scan_id = 'mine'")
    assert reap(acme) == 0


def test_e26_two_reapers_end_a_job_once(acme: Tenant) -> None:
    job = acme.claim()
    silence(acme, job, 500)
    with ThreadPoolExecutor() as threads:
        reaped = [each.result() for each in [threads.submit(reap, acme) for _ in range(4)]]
    assert sum(reaped) == 1
    assert ends(acme, job) == ["failed"]


def test_e26_a_reaper_leaves_alone_what_is_being_written(acme: Tenant) -> None:
    job = acme.claim()
    silence(acme, job, 500)
    with acme.connect() as connection, sql.transaction(connection):
        jobs.lock_fence(connection, job)
        jobs.record_batch(connection, job, a_batch(pages=1))
        assert reap(acme) == 0
    assert acme.job(job)["status"] == "running"


def test_e26_a_reaper_and_the_finishing_worker_leave_one_end(acme: Tenant) -> None:
    for number in range(20):
        job = acme.claim(a_run(f"run {number}"))
        silence(acme, job, 500)
        start = threading.Barrier(2)
        with ThreadPoolExecutor() as threads:
            reaping = threads.submit(at_once, start, partial(reap, acme))
            completing = threads.submit(at_once, start, partial(complete, acme, job))
            reaped, stopped = reaping.result(), completing.exception()
        (end,) = ends(acme, job)
        assert (end, reaped) == (acme.job(job)["status"], end == "failed")
        assert isinstance(stopped, JobLostError) == (end == "failed")


def test_e26_a_reaper_that_dies_half_way_leaves_all_as_it_was(acme: Tenant) -> None:
    job = acme.claim()
    silence(acme, job, 500)
    with acme.connect() as dying:
        dying.autocommit = False
        dying.execute("SELECT hubspot.reap_silent_jobs()")
        dying.rollback()
    assert (acme.job(job)["status"], ends(acme, job)) == ("running", [])
    assert reap(acme) == 1


def test_g05_a_worker_that_wakes_up_after_it_was_reaped_writes_nothing(acme: Tenant) -> None:
    job = acme.claim()
    silence(acme, job, 500)
    reap(acme)
    with pytest.raises(JobLostError, match="taken for dead"):
        batch(acme, job)
    assert acme.job(job)["batches"] == 0


def test_g05_when_another_run_has_begun_since_it_is_told_so(acme: Tenant) -> None:
    job = acme.claim(a_run("first"))
    silence(acme, job, 500)
    reap(acme)
    acme.claim(a_run("second"))
    with acme.connect() as connection:
        assert isinstance(jobs.stopped(connection, job), JobSuperseded)


def test_g05_an_attempt_that_was_replaced_is_told_so_though_its_successor_was_reaped(acme: Tenant) -> None:
    old = acme.claim(a_run(try_number=1))
    silence(acme, acme.claim(a_run(try_number=2)), 500)
    reap(acme)
    with acme.connect() as connection:
        assert isinstance(jobs.stopped(connection, old), JobSuperseded)
