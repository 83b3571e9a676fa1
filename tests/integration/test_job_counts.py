"""Every number and setting that a job writes stands where it belongs, and in nobody else's rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.jobs import Job
from tests.integration.tenant import Tenant, a_batch, a_run

INSTANT = datetime(2026, 3, 9, 12, tzinfo=UTC)
FATES = {"inserted": 1, "updated": 20, "unchanged": 3, "duplicate": 4, "stale": 5, "quarantined": 6}
COUNTS = {**FATES, "received": sum(FATES.values()), "deleted": 7, "value_issues": 8, "pages": 9, "expected": 10}
USAGE = {
    "api_calls": 11,
    "api_calls_by_endpoint": {"list": 4, "search": 7},
    "rate_limit_hits": 12,
    "bytes_received": 13,
}

End = Callable[[psycopg.Connection[Any], Job, dict[str, Any]], object]
ENDS: dict[str, End] = {
    "complete": lambda connection, job, usage: jobs.complete(
        connection, job, selection="all", started_at=INSTANT, usage=usage
    ),
    "release": lambda connection, job, usage: jobs.release(
        connection, job, error_code="X", error_message="…", resume_after=timedelta(0), usage=usage
    ),
    "fail": lambda connection, job, usage: jobs.fail(connection, job, error_code="X", error_message="…", usage=usage),
    "count_usage": jobs.count_usage,
}


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def record(tenant: Tenant, job: Job, **counts: Any) -> None:
    with tenant.connect() as connection, sql.transaction(connection):
        jobs.record_batch(connection, job, a_batch(**counts))


def test_i11_every_count_of_two_batches_is_added_up_under_its_name(acme: Tenant) -> None:
    job = acme.claim()
    for _ in range(2):
        record(acme, job, **COUNTS, **USAGE)

    row = acme.job(job)
    assert {fate: row[f"records_{fate}"] for fate in FATES} == {fate: 2 * count for fate, count in FATES.items()}
    assert (row["records_extracted"], row["records_deleted"], row["records_expected"]) == (78, 14, 20)
    assert (row["value_issues"], row["pages_read"], row["batches"]) == (16, 18, 2)
    assert (row["api_calls"], row["rate_limit_hits"], row["bytes_received"]) == (22, 24, 26)
    assert row["api_calls_by_endpoint"] == {"list": 8, "search": 14}
    ledger = acme.query("SELECT * FROM hubspot.job_batches ORDER BY batch_number")
    for line in ledger:
        assert {fate: line[fate] for fate in FATES} == FATES
        assert (line["received"], line["deleted"], line["pages"]) == (39, 7, 9)


def test_a_batch_keeps_the_window_and_the_daily_limit_that_it_does_not_know(acme: Tenant) -> None:
    job = acme.claim()
    window = {"window_start": INSTANT - timedelta(hours=1), "window_end": INSTANT}
    limit = {"daily_limit": 1000, "daily_remaining": 900}
    record(acme, job, **window, **limit)
    record(acme, job)
    kept = acme.job(job)
    assert {name: kept[name] for name in (*window, *limit)} == {**window, **limit}

    later = {"window_start": INSTANT, "window_end": INSTANT + timedelta(hours=1)}
    record(acme, job, **later, daily_limit=2000, daily_remaining=800)
    moved = acme.job(job)
    assert {name: moved[name] for name in later} == later
    assert (moved["daily_limit"], moved["daily_remaining"]) == (2000, 800)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_what_was_asked_of_hubspot_since_the_last_batch_is_added(acme: Tenant, end: End) -> None:
    job = acme.claim()
    record(acme, job, **USAGE, daily_limit=1000, daily_remaining=900)
    with acme.connect() as connection:
        end(connection, job, {**USAGE, "daily_remaining": 800})
    row = acme.job(job)
    assert (row["api_calls"], row["rate_limit_hits"], row["bytes_received"]) == (22, 24, 26)
    assert row["api_calls_by_endpoint"] == {"list": 8, "search": 14}
    assert (row["daily_limit"], row["daily_remaining"]) == (1000, 800)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_a_daily_limit_that_is_told_at_the_end_replaces_the_last_one(acme: Tenant, end: End) -> None:
    job = acme.claim()
    record(acme, job, daily_limit=1000, daily_remaining=900)
    with acme.connect() as connection:
        end(connection, job, {**USAGE, "daily_limit": 2000})
    assert (acme.job(job)["daily_limit"], acme.job(job)["daily_remaining"]) == (2000, 900)


def test_what_the_organizations_file_says_is_stored_and_what_it_leaves_out_stays(acme: Tenant) -> None:
    said: dict[str, Any] = {"retention_days": 400, "archive_days": 50, "quarantine_days": 60, "name": "Acme Inc."}
    acme.claim(a_run("first"), **said, stale_after_minutes=70)
    for name, value in {"retention_days": 401, "archive_days": 51, "quarantine_days": 61, "name": "Acme"}.items():
        acme.claim(a_run("first"), **{name: value})
        said[name] = value
        (row,) = acme.query("SELECT * FROM hubspot.organizations")
        assert {setting: row[setting] for setting in said} == said
    acme.claim(a_run("first"))
    (row,) = acme.query("SELECT * FROM hubspot.organizations")
    assert {setting: row[setting] for setting in said} == said
    assert acme.sync_state()["stale_after_minutes"] == 70
    acme.claim(a_run("first"), stale_after_minutes=71)
    assert acme.sync_state()["stale_after_minutes"] == 71


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_nothing_that_a_job_does_changes_the_rows_of_another_organization_or_type(acme: Tenant, end: End) -> None:
    """Of neighbours whose jobs run with the same epoch, after the same batches."""
    neighbours = [Tenant(acme.url, "other"), Tenant(acme.url, type="sandbox"), Tenant(acme.url, "other", "sandbox")]
    theirs = [(tenant, tenant.claim(a_run(dag_id="theirs"))) for tenant in neighbours]
    for tenant, their_job in theirs:
        record(tenant, their_job, **COUNTS, **USAGE)

    def of_others() -> list[Any]:
        ids = [their_job.id for _, their_job in theirs]
        return [
            acme.query("SELECT *, xmin::text AS row_version FROM hubspot.jobs WHERE id = ANY (%s) ORDER BY id", ids),
            acme.query("SELECT * FROM hubspot.job_batches WHERE job_id = ANY (%s) ORDER BY job_id", ids),
            acme.query("SELECT kind, details FROM hubspot.job_events WHERE job_id = ANY (%s) ORDER BY id", ids),
            acme.query("SELECT * FROM hubspot.organizations WHERE id <> %s", acme.id),
            acme.query(
                "SELECT *, xmin::text AS row_version FROM hubspot.sync_state "
                "WHERE (organization_id, type) <> (%s, 'standard') ORDER BY organization_id, type",
                acme.id,
            ),
        ]

    before = of_others()
    days = {"retention_days": 9, "archive_days": 9, "quarantine_days": 9}
    job = acme.claim(a_run("ours"), **days, stale_after_minutes=90, name="Ours")
    assert {job.epoch} == {their_job.epoch for _, their_job in theirs}
    with acme.connect() as connection:
        jobs.bind_portal(connection, job, 1001)
        assert jobs.heartbeat(connection, job)
        record(acme, job, **COUNTS, **USAGE)
        with sql.transaction(connection):
            jobs.lock_fence(connection, job)
            jobs.tell(connection, job, "search_incomplete", {})
            jobs.advance_watermark(connection, job, INSTANT)
        end(connection, job, dict(USAGE))
    acme.execute(
        "UPDATE hubspot.jobs SET last_heartbeat = '2020-01-01', created_at = '2020-01-01' "
        "WHERE id = %s AND status = 'running'",
        job.id,
    )
    assert acme.claim(a_run("after silence")).id != job.id
    assert of_others() == before


def test_a_job_that_waits_for_its_retry_can_be_failed(acme: Tenant) -> None:
    job = acme.claim()
    with acme.connect() as connection:
        ENDS["release"](connection, job, USAGE)
        ENDS["fail"](connection, job, USAGE)
    assert (acme.job(job)["status"], acme.job(job)["api_calls"]) == ("failed", 22)


def test_the_clock_of_the_database_is_read_whatever_its_dates_look_like(acme: Tenant) -> None:
    with acme.connect() as connection:
        connection.execute("SET DateStyle = 'German'")
        assert abs(jobs.database_time(connection) - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_batch_is_known_again_by_the_transaction_that_its_fence_named(acme: Tenant) -> None:
    job = acme.claim()
    with acme.connect() as connection, sql.transaction(connection):
        named = jobs.lock_fence(connection, job)
        jobs.record_batch(connection, job, a_batch())
    assert acme.query("SELECT xid::text AS xid FROM hubspot.job_batches") == [{"xid": named}]


def test_what_reading_noticed_is_told_of_the_job_with_its_details(acme: Tenant) -> None:
    job = acme.claim()
    with acme.connect() as connection, sql.transaction(connection):
        jobs.tell(connection, job, "search_incomplete", {"named": 3})
    told = acme.query(
        "SELECT organization_id, job_id, details FROM hubspot.job_events WHERE kind = 'search_incomplete'"
    )
    assert told == [{"organization_id": acme.id, "job_id": job.id, "details": {"named": 3}}]
