"""Every change of a job is told in its transaction, by the database, whoever made it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.deals.parsing import BadRecord
from airflow_provider_hubspot_deals.exceptions import JobCancelled
from airflow_provider_hubspot_deals.jobs import Job
from airflow_provider_hubspot_deals.sync.batches import Batch, write
from tests.builders import a_row
from tests.integration.tenant import NO_USAGE, Tenant, a_batch, a_run

pytestmark = pytest.mark.usefixtures("invariants_hold")

INSTANT = datetime(2026, 3, 9, 12, tzinfo=UTC)


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def events(tenant: Tenant, job: Job) -> list[dict[str, Any]]:
    return tenant.query("SELECT * FROM hubspot.job_events WHERE job_id = %s ORDER BY sequence", job.id)


def story(tenant: Tenant, job: Job) -> list[str]:
    return [event["kind"] for event in events(tenant, job)]


def last(tenant: Tenant, job: Job) -> dict[str, Any]:
    return events(tenant, job)[-1]


def record(tenant: Tenant, job: Job, **counts: Any) -> None:
    """One batch; the ledger needs its counts, which here are all 0 but for pages."""
    with tenant.connect() as connection, sql.transaction(connection):
        jobs.record_batch(connection, job, a_batch(**counts))


def complete(tenant: Tenant, job: Job) -> None:
    with tenant.connect() as connection:
        jobs.complete(connection, job, selection="all", started_at=INSTANT, usage=NO_USAGE)


def release(tenant: Tenant, job: Job, resume_after: timedelta) -> None:
    with tenant.connect() as connection:
        jobs.release(connection, job, error_code="DAILY", error_message="…", resume_after=resume_after, usage=NO_USAGE)


def test_a_job_tells_how_it_began_and_ended(acme: Tenant) -> None:
    job = acme.claim(a_run("manual__1", trigger="manual"))
    record(acme, job, pages=1, received=5, inserted=5)
    complete(acme, job)

    created, started, phase, completed = events(acme, job)
    assert [event["sequence"] for event in events(acme, job)] == [1, 2, 3, 4]
    assert (created["kind"], created["details"]["run_id"], created["details"]["mode"]) == (
        "created",
        "manual__1",
        "full",
    )
    assert (started["kind"], started["details"]["attempt"], started["details"]["epoch"]) == ("started", 1, 1)
    assert (phase["kind"], phase["details"]["phase"], phase["details"]["records_extracted"]) == ("phase", "live", 5)
    assert (completed["kind"], completed["details"]["records_inserted"]) == ("completed", 5)
    assert {event["organization_id"] for event in events(acme, job)} == {acme.id}
    assert {event["actor"] for event in events(acme, job)} == {psycopg.conninfo.conninfo_to_dict(acme.url)["user"]}


def test_a_long_run_tells_its_phases_and_every_hundredth_page(acme: Tenant) -> None:
    job = acme.claim()
    for number in range(1, 9):
        record(acme, job, pages=50, phase="archived_first" if number < 3 else "live")
    milestones = [
        (event["kind"], event["details"]["phase"], event["details"]["pages_read"]) for event in events(acme, job)[2:]
    ]
    assert milestones == [
        ("phase", "archived_first", 50),
        ("progress", "archived_first", 100),
        ("phase", "live", 150),
        ("progress", "live", 200),
        ("progress", "live", 300),
        ("progress", "live", 400),
    ]


def test_a_batch_that_met_the_rate_limit_says_how_often(acme: Tenant) -> None:
    job = acme.claim()
    record(acme, job, rate_limit_hits=2, api_calls=3)
    record(acme, job, rate_limit_hits=1, api_calls=1)
    hits = [event["details"]["hits"] for event in events(acme, job) if event["kind"] == "rate_limited"]
    assert hits == [2, 1]


def test_quarantined_records_are_told_by_reason_and_batch(acme: Tenant) -> None:
    job = acme.claim()
    bad = [
        BadRecord(deal_id_text=None, reason_code=reason, field_name=None, raw=raw, page_number=1)
        for reason, raw in (("BAD_ID", b"secret"), ("BAD_ID", b"other"), ("TOO_LARGE", b"third"))
    ]
    batch = Batch("live", bad=bad, pages=1, received=3)
    progress = {"checkpoint": {}, "window_start": None, "window_end": None, **NO_USAGE}
    with acme.connect() as connection:
        write(connection, job, batch, progress=progress, watermark=None)
    told = last(acme, job)
    assert (told["kind"], told["details"]) == ("quarantined", {"records": 3, "reasons": {"BAD_ID": 2, "TOO_LARGE": 1}})


def test_a_deferred_job_says_when_it_goes_on(acme: Tenant) -> None:
    job = acme.claim()
    release(acme, job, timedelta(hours=6))
    deferred = last(acme, job)
    assert (deferred["kind"], deferred["details"]["error_code"]) == ("deferred", "DAILY")
    assert datetime.fromisoformat(deferred["details"]["resume_at"]) == acme.job(job)["resume_at"]


def test_an_interrupted_job_is_resumed(acme: Tenant) -> None:
    job = acme.claim(a_run(try_number=1))
    acme.store(job, a_row(1))
    record(acme, job, pages=7, checkpoint={"phase": "live", "cursor": "7"})
    release(acme, job, timedelta(0))
    acme.claim(a_run(try_number=2))
    assert story(acme, job) == ["created", "started", "phase", "interrupted", "resumed"]
    resumed = last(acme, job)["details"]
    assert (resumed["attempt"], resumed["try_number"], resumed["phase"], resumed["pages_read"]) == (2, 2, "live", 7)


def test_e20_an_attempt_that_is_replaced_while_it_runs_is_superseded(acme: Tenant) -> None:
    job = acme.claim(a_run(try_number=1))
    acme.claim(a_run(try_number=2))
    assert story(acme, job) == ["created", "started", "superseded", "resumed"]
    superseded = events(acme, job)[2]["details"]
    assert (superseded["epoch"], superseded["attempt"], superseded["by_try_number"]) == (1, 1, 2)


def test_a_job_that_another_run_ends_says_which(acme: Tenant) -> None:
    first = acme.claim(a_run("first"))
    acme.execute("UPDATE hubspot.jobs SET last_heartbeat = now() - interval '1 h', created_at = now() - interval '1 h'")
    acme.claim(a_run("second"))
    failed = last(acme, first)
    assert (failed["kind"], failed["details"]["error_code"]) == ("failed", "HEARTBEAT_LOST")
    assert "'second' took over" in failed["details"]["error_message"]


def test_e25_a_cancelled_job_says_who_did_it_and_from_where(acme: Tenant) -> None:
    job = acme.claim()
    with psycopg.connect(acme.url, application_name="psql", autocommit=True) as somebody:
        somebody.execute("UPDATE hubspot.scan_jobs SET status = 'cancelled', error_message = 'Cancelled by user'")
    cancelled = last(acme, job)
    assert cancelled["kind"] == "cancelled"
    assert (cancelled["details"]["application"], cancelled["details"]["error_message"]) == ("psql", "Cancelled by user")
    with acme.connect() as connection, pytest.raises(JobCancelled):
        jobs.record_batch(connection, job, a_batch())


def test_g09_changes_made_by_hand_are_told_as_any_other(acme: Tenant) -> None:
    acme.claim()
    (row,) = acme.query(
        "INSERT INTO hubspot.scan_jobs (tenant_id, scan_type) VALUES (%s, 'calendar') RETURNING id", acme.id
    )
    for change in ("status = 'running'", "processed_items = 3", "status = 'completed'"):
        acme.execute(f"UPDATE hubspot.scan_jobs SET {change} WHERE id = %s", row["id"])  # noqa: S608 - ours
    acme.execute("DELETE FROM hubspot.scan_jobs WHERE id = %s", row["id"])
    told = acme.query("SELECT kind, sequence FROM hubspot.job_events WHERE job_id = %s ORDER BY sequence", row["id"])
    assert [event["kind"] for event in told] == ["created", "started", "completed", "deleted"]
    assert [event["sequence"] for event in told] == [1, 2, 3, 4]


def test_a_job_inserted_as_ended_has_its_terminal_event_too(acme: Tenant) -> None:
    acme.claim()
    acme.execute(
        "INSERT INTO hubspot.jobs (organization_id, type, scan_id, status, start_time, end_time)"
        " VALUES (%s, 'calendar', 'x', 'completed', now(), now())",
        acme.id,
    )
    told = acme.query("SELECT kind FROM hubspot.job_events JOIN hubspot.jobs ON jobs.id = job_id WHERE scan_id = 'x'")
    assert [event["kind"] for event in told] == ["created", "completed"]


@pytest.mark.parametrize("is_running", [True, False], ids=["by the job that holds the fence", "by hand"])
def test_a_watermark_that_moves_is_told(acme: Tenant, *, is_running: bool) -> None:
    job = acme.claim()
    if not is_running:
        complete(acme, job)
    acme.execute("UPDATE hubspot.sync_state SET watermark = %s", INSTANT)
    (moved,) = acme.query("SELECT job_id, details FROM hubspot.job_events WHERE kind = 'watermark_moved'")
    assert moved["job_id"] == (job.id if is_running else None)
    assert datetime.fromisoformat(moved["details"]["to"]) == INSTANT


def test_a_heartbeat_is_no_event(acme: Tenant) -> None:
    job = acme.claim()
    with acme.connect() as connection:
        jobs.heartbeat(connection, job)
    assert story(acme, job) == ["created", "started"]


def test_what_is_rolled_back_is_not_told_and_leaves_no_gap(acme: Tenant) -> None:
    job = acme.claim()
    with acme.connect() as connection, sql.transaction(connection):
        jobs.record_batch(connection, job, a_batch(pages=1))
        connection.execute("SELECT 1")
        raise psycopg.Rollback
    complete(acme, job)
    assert story(acme, job) == ["created", "started", "completed"]


def test_other_events_join_the_story_or_stand_alone(acme: Tenant) -> None:
    job = acme.claim()
    with acme.connect() as connection:
        jobs.tell(connection, job, "schema_drift", {"appeared": 2})
    acme.execute("INSERT INTO hubspot.job_events (organization_id, kind) VALUES (%s, 'archived')", acme.id)
    assert story(acme, job)[-1] == "schema_drift"
    (alone,) = acme.query("SELECT sequence, details FROM hubspot.job_events WHERE kind = 'archived'")
    assert alone == {"sequence": None, "details": {}}
