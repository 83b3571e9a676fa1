"""Only the newest attempt writes, and the database itself refuses what no job may do."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs, loading, sql
from airflow_provider_hubspot_deals.exceptions import JobCancelled, JobSuperseded
from airflow_provider_hubspot_deals.jobs import Job
from tests.builders import a_row
from tests.integration.tenant import NO_USAGE, Tenant, a_batch, a_run, tables_of

INSTANT = datetime(2026, 3, 9, 12, tzinfo=UTC)
STATUSES = ["pending", "running", "completed", "failed", "cancelled"]
LEGAL = {
    ("pending", "running"),
    ("pending", "failed"),
    ("pending", "cancelled"),
    ("running", "pending"),
    ("running", "completed"),
    ("running", "failed"),
    ("running", "cancelled"),
}


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def everything(tenant: Tenant) -> list[dict[str, Any]]:
    return [
        row
        for table in ("jobs", "sync_state", "job_batches", "organizations")
        for row in tenant.query(f"SELECT *, xmin::text AS row_version FROM hubspot.{table} ORDER BY 1, 2")  # noqa: S608 - ours
    ]


def record(connection: psycopg.Connection[Any], job: Job, **counts: Any) -> None:
    with sql.transaction(connection):
        jobs.record_batch(connection, job, a_batch(**counts))


def lock(connection: psycopg.Connection[Any], job: Job) -> None:
    with sql.transaction(connection):
        jobs.lock_fence(connection, job)


def complete(connection: psycopg.Connection[Any], job: Job) -> dict[str, Any]:
    return jobs.complete(connection, job, selection="all", started_at=INSTANT, usage={**NO_USAGE, "api_calls": 1})


@pytest.mark.parametrize("write", [record, lock, complete], ids=["record_batch", "lock_fence", "complete"])
def test_e16_an_attempt_that_was_replaced_is_told_so_and_writes_nothing(
    acme: Tenant, write: Callable[..., object]
) -> None:
    old = acme.claim(a_run(try_number=1))
    acme.claim(a_run(try_number=2))
    before = everything(acme)
    with acme.connect() as connection, pytest.raises(JobSuperseded):
        write(connection, old)
    assert everything(acme) == before


def test_e16_nor_does_it_write_quietly(acme: Tenant) -> None:
    old = acme.claim(a_run(try_number=1))
    acme.claim(a_run(try_number=2))
    before = everything(acme)
    with acme.connect() as connection:
        assert jobs.heartbeat(connection, old) is False
        jobs.advance_watermark(connection, old, INSTANT)
        jobs.bind_portal(connection, old, 1001)
        jobs.fail(connection, old, error_code="X", error_message="…", usage=NO_USAGE)
        jobs.release(connection, old, error_code="X", error_message="…", resume_after=timedelta(0), usage=NO_USAGE)
    assert everything(acme) == before


def test_e16_a_batch_that_began_before_the_takeover_holds_it_back(acme: Tenant) -> None:
    old = acme.claim(a_run(try_number=1))
    with acme.connect() as connection, acme.connect() as rival, sql.transaction(connection):
        jobs.lock_fence(connection, old)
        rival.execute("SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            rival.execute("UPDATE hubspot.sync_state SET epoch = epoch + 1")
        jobs.record_batch(connection, old, a_batch(received=1, inserted=1))
    assert acme.job(old)["records_extracted"] == 1


def test_d06_a_claim_that_switches_the_amount_check_waits_for_a_batch_instead_of_deadlocking(acme: Tenant) -> None:
    old = acme.claim(a_run(try_number=1))
    with acme.connect() as connection, ThreadPoolExecutor() as threads:
        with sql.transaction(connection):
            jobs.lock_fence(connection, old)
            claim = threads.submit(acme.claim, a_run(try_number=2), allow_negative_amounts=True)
            wait_until_somebody_waits(acme)
            loading.store(connection, tables_of(old), old.keys, [a_row(1)])
        assert claim.result(timeout=30).epoch == old.epoch + 1
    assert acme.living() == [1]


def wait_until_somebody_waits(tenant: Tenant, *, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while not tenant.query(waiting):
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.02)


def test_e25_a_cancelled_job_stops_at_its_next_batch_and_writes_nothing(acme: Tenant) -> None:
    job = acme.claim()
    assert acme.execute("UPDATE hubspot.jobs SET status = 'cancelled' WHERE id = %s", job.id) == 1
    before = everything(acme)
    with acme.connect() as connection:
        assert jobs.heartbeat(connection, job) is False
        for write in (record, complete):
            with pytest.raises(JobCancelled, match="'acme' was cancelled"):
                write(connection, job)
    assert everything(acme) == before


def test_the_documented_way_to_cancel_fills_in_the_end_time(acme: Tenant) -> None:
    job = acme.claim()
    acme.execute("UPDATE hubspot.jobs SET status = 'cancelled' WHERE id = %s", job.id)
    row = acme.job(job)
    assert row["end_time"] >= row["start_time"]
    assert row["updated_at"] == row["end_time"]


def test_a_heartbeat_is_heard(acme: Tenant) -> None:
    job = acme.claim()
    acme.execute("UPDATE hubspot.jobs SET last_heartbeat = now() - interval '1 hour'")
    with acme.connect() as connection:
        assert jobs.heartbeat(connection, job) is True
    assert datetime.now(UTC) - acme.job(job)["last_heartbeat"] < timedelta(minutes=1)


def test_i11_batches_add_up_in_the_job_and_stand_in_the_ledger(acme: Tenant) -> None:
    job = acme.claim()
    window = {"window_start": INSTANT - timedelta(hours=1), "window_end": INSTANT}
    with acme.connect() as connection:
        record(connection, job, received=5, inserted=3, unchanged=2, pages=1, expected=9, api_calls=2, **window)
        record(connection, job, received=4, updated=1, stale=1, duplicate=1, quarantined=1, deleted=1, phase="archived")
    row = acme.job(job)
    assert (row["records_extracted"], row["records_inserted"], row["records_quarantined"]) == (9, 3, 1)
    assert (row["batches"], row["pages_read"], row["api_calls"], row["records_expected"]) == (2, 1, 2, 9)
    assert (row["phase"], row["window_end"]) == ("archived", INSTANT)
    ledger = acme.query("SELECT batch_number, phase, epoch, received FROM hubspot.job_batches ORDER BY batch_number")
    assert [tuple(line.values()) for line in ledger] == [(1, "live", 1, 5), (2, "archived", 1, 4)]


def test_i12_counts_that_do_not_balance_are_refused(acme: Tenant) -> None:
    job = acme.claim()
    with acme.connect() as connection, pytest.raises(psycopg.errors.CheckViolation, match="jobs_counts_balance"):
        record(connection, job, received=2, inserted=1)
    with acme.connect() as connection, pytest.raises(psycopg.errors.CheckViolation, match="never go back"):
        record(connection, job, received=-1, inserted=-1)


def test_i07_a_watermark_never_goes_back(acme: Tenant) -> None:
    job = acme.claim()
    with acme.connect() as connection:
        for watermark in (INSTANT, INSTANT - timedelta(days=1)):
            jobs.advance_watermark(connection, job, watermark)
    assert acme.sync_state()["watermark"] == INSTANT


def test_a_completed_full_run_is_remembered_with_its_selection(acme: Tenant) -> None:
    job = acme.claim()
    with acme.connect() as connection:
        row = complete(connection, job)
    assert (row["status"], row["api_calls"], row["phase"]) == ("completed", 1, None)
    assert row["end_time"] is not None
    state = acme.sync_state()
    assert (state["last_full_sync_at"], state["selection"]) == (INSTANT, "all")


@pytest.mark.parametrize(("mode", "is_synced"), [("incremental", True), ("window", False)])
def test_other_runs_leave_the_last_full_one_alone(acme: Tenant, mode: str, *, is_synced: bool) -> None:
    acme.store(acme.claim(a_run("before")), a_row(1))
    full_at = INSTANT - timedelta(hours=1)
    acme.execute("UPDATE hubspot.sync_state SET watermark = %s, last_full_sync_at = %s", INSTANT, full_at)
    acme.execute("UPDATE hubspot.jobs SET status = 'failed'")
    with acme.connect() as connection:
        complete(connection, acme.claim(mode=mode))
    state = acme.sync_state()
    assert (state["last_full_sync_at"], state["selection"], state["last_sync_at"] is not None) == (
        full_at,
        None,
        is_synced,
    )


def test_a_portal_is_bound_once(acme: Tenant) -> None:
    job = acme.claim()
    with acme.connect() as connection:
        jobs.bind_portal(connection, job, 1001)
        jobs.bind_portal(connection, job, 1002)
    assert acme.sync_state()["portal_id"] == 1001
    assert acme.claim().portal_id == 1001


def a_job_in(tenant: Tenant, status: str) -> None:
    """The organization's only job, as if it had always been in ``status``."""
    tenant.execute("DELETE FROM hubspot.jobs")
    tenant.execute(
        "INSERT INTO hubspot.jobs (organization_id, scan_id, status, start_time, end_time) "
        "VALUES (%s, 'x', %s, %s, %s)",
        tenant.id,
        status,
        INSTANT,
        None if status in {"pending", "running"} else INSTANT,
    )


@pytest.mark.peer_pain(48)
@pytest.mark.parametrize("before", STATUSES)
def test_i10_the_database_knows_which_transitions_are_legal(acme: Tenant, before: str) -> None:
    acme.claim()
    for after in STATUSES:
        a_job_in(acme, before)
        if before == after or (before, after) in LEGAL:
            assert acme.execute("UPDATE hubspot.jobs SET status = %s", after) == 1
        else:
            with pytest.raises(psycopg.errors.CheckViolation, match=f"cannot go from {before} to {after}"):
                acme.execute("UPDATE hubspot.jobs SET status = %s", after)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE hubspot.jobs SET end_time = now()", "end_time_says_terminal"),
        ("UPDATE hubspot.jobs SET start_time = NULL", "started_when_running"),
        ("UPDATE hubspot.jobs SET status = 'done'", "jobs_"),
        ("UPDATE hubspot.jobs SET mode = 'everything'", "jobs_mode_check"),
        (
            "INSERT INTO hubspot.jobs (organization_id, scan_id) SELECT organization_id, '2' FROM hubspot.jobs",
            "one_active",
        ),
    ],
)
def test_i09_rows_that_make_no_sense_are_refused(acme: Tenant, statement: str, constraint: str) -> None:
    acme.claim()
    with pytest.raises(psycopg.errors.IntegrityError, match=constraint):
        acme.execute(statement)
