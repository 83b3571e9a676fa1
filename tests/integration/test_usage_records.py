"""Usage per organization and day is what jobs counted, whoever counted and however the job ended."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.errors import CheckViolation

from airflow_provider_hubspot_deals import jobs, migrations, sql
from airflow_provider_hubspot_deals.jobs import Job
from tests.integration.invariants import violations
from tests.integration.tenant import NO_USAGE, Tenant, a_batch, a_run

CALLS = {"list": 3, "search": 2, "batch_read": 4, "associations": 1, "metadata": 5, "oauth": 6, "other": 7}
USAGE = {"api_calls": 28, "api_calls_by_endpoint": CALLS, "rate_limit_hits": 2, "bytes_received": 900}


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def record(tenant: Tenant, job: Job, **counts: Any) -> None:
    with tenant.connect() as connection, sql.transaction(connection):
        jobs.record_batch(connection, job, a_batch(**counts))


def fail(tenant: Tenant, job: Job, usage: dict[str, Any]) -> None:
    with tenant.connect() as connection:
        jobs.fail(connection, job, error_code="UPSTREAM_DOWN", error_message="…", usage=usage)


def usage(tenant: Tenant, type_: str = "standard") -> dict[str, Any]:
    (row,) = tenant.query("SELECT * FROM hubspot.usage_records WHERE type = %s", type_)
    return row


@pytest.mark.usefixtures("invariants_hold")
def test_calls_are_counted_by_endpoint_and_in_all(acme: Tenant) -> None:
    record(acme, acme.claim(), **USAGE)
    row = usage(acme)
    counted = {name: row[f"api_calls_{name}"] for name in CALLS if name != "oauth"}
    assert counted == {**{name: CALLS[name] for name in counted}, "other": 13}
    assert (row["api_calls"], row["rate_limit_hits"], row["bytes_received"]) == (28, 2, 900)
    assert row["organization_id"] == acme.id


@pytest.mark.usefixtures("invariants_hold")
def test_batches_and_ends_add_up_over_jobs_and_types(acme: Tenant) -> None:
    counts = {"received": 10, "inserted": 4, "updated": 3, "unchanged": 2, "stale": 1}
    first = acme.claim(a_run("first"))
    record(acme, first, **counts, deleted=2, **USAGE)
    record(acme, first, **counts, **USAGE)
    fail(acme, first, USAGE)
    with acme.connect() as connection:
        jobs.complete(
            connection,
            acme.claim(a_run("second")),
            selection="all",
            started_at=acme.query("SELECT now() AS now")[0]["now"],
            usage=USAGE,
        )
    sandbox = Tenant(acme.url, type="sandbox")
    record(sandbox, sandbox.claim(), **USAGE)

    row = usage(acme)
    assert (row["api_calls"], row["api_calls_list"], row["bytes_received"]) == (4 * 28, 4 * 3, 4 * 900)
    assert (row["deals_read"], row["deals_inserted"], row["deals_updated"]) == (20, 8, 6)
    assert (row["deals_unchanged"], row["deals_deleted"], row["deals_quarantined"]) == (4, 2, 0)
    assert (row["runs_completed"], row["runs_failed"], row["runs_cancelled"]) == (1, 1, 0)
    assert usage(acme, "sandbox")["api_calls"] == 28


@pytest.mark.usefixtures("invariants_hold")
def test_what_is_reported_by_hand_counts_too(acme: Tenant) -> None:
    job = acme.claim()
    acme.execute("UPDATE hubspot.scan_jobs SET api_calls_made = api_calls_made + 5")
    acme.execute("UPDATE hubspot.scan_jobs SET status = 'cancelled' WHERE id = %s", job.id)
    acme.execute(
        "INSERT INTO hubspot.scan_jobs (tenant_id, scan_type, status, started_at, completed_at, api_calls_made)"
        " VALUES (%s, 'hubspot_deals', 'completed', now(), now(), 4)",
        acme.id,
    )
    row = usage(acme)
    assert (row["api_calls"], row["api_calls_other"]) == (9, 9)
    assert (row["runs_completed"], row["runs_cancelled"]) == (1, 1)


@pytest.mark.usefixtures("invariants_hold")
def test_requests_told_after_the_end_do_not_end_the_run_again(acme: Tenant) -> None:
    job = acme.claim()
    acme.execute("UPDATE hubspot.jobs SET status = 'cancelled'")
    with acme.connect() as connection:
        jobs.count_usage(connection, job, USAGE)
    assert (usage(acme)["runs_cancelled"], usage(acme)["api_calls"]) == (1, 28)


def test_usage_outlives_its_job(acme: Tenant) -> None:
    record(acme, acme.claim(), received=1, inserted=1, **USAGE)
    acme.execute("DELETE FROM hubspot.jobs")
    assert (usage(acme)["deals_read"], usage(acme)["api_calls"]) == (1, 28)


@pytest.mark.usefixtures("invariants_hold")
def test_a_heartbeat_or_an_event_uses_nothing(acme: Tenant) -> None:
    job = acme.claim()
    with acme.connect() as connection:
        jobs.heartbeat(connection, job)
        jobs.tell(connection, job, "note", {})
        jobs.record_batch(connection, job, a_batch(**NO_USAGE))
    assert acme.query("SELECT * FROM hubspot.usage_records") == []


@pytest.mark.usefixtures("invariants_hold")
def test_more_calls_by_endpoint_than_calls_are_refused(acme: Tenant) -> None:
    job = acme.claim()
    with pytest.raises(CheckViolation, match="usage_records_counts_only_grow"):
        record(acme, job, **{**USAGE, "api_calls": 14})


def test_jobs_from_before_there_was_usage_are_added_up(acme: Tenant) -> None:
    migrations.downgrade(acme.url, "hubspot", "0005")
    with psycopg.connect(acme.url, options="-c search_path=hubspot") as connection:
        connection.execute("INSERT INTO organizations (id, slug) VALUES (%s, 'acme')", [acme.id])
        connection.execute(
            "INSERT INTO jobs (organization_id, scan_id, status, start_time, end_time, api_calls, records_extracted,"
            " records_inserted) SELECT %s, 'job ' || day, 'completed', ended, ended, 5, 7, 7"
            " FROM generate_series(1, 3) AS day, LATERAL (SELECT now() - make_interval(days => day)) AS of (ended)",
            [acme.id],
        )
    migrations.upgrade(acme.url)
    rows = acme.query("SELECT api_calls, deals_inserted, runs_completed, count(*) OVER () FROM hubspot.usage_records")
    assert rows[0] == {"api_calls": 5, "deals_inserted": 7, "runs_completed": 1, "count": 3}
    assert [found for found in violations(acme.url) if found.startswith("usage")] == []


@pytest.mark.parametrize("zone", ["Etc/GMT-14", "Etc/GMT+12"])  # at any time, one of them has another day
def test_a_day_is_utc_whatever_the_session_says(acme: Tenant, zone: str) -> None:
    job = acme.claim()
    with acme.connect() as connection:
        connection.execute("SELECT set_config('TimeZone', %s, false)", [zone])
        connection.execute("UPDATE hubspot.jobs SET api_calls = 1 WHERE id = %s", [job.id])
    assert acme.query("SELECT day = (now() AT TIME ZONE 'UTC')::date AS is_today FROM hubspot.usage_records") == [
        {"is_today": True}
    ]
