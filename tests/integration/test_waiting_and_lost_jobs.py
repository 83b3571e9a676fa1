"""A job that somebody inserted is done by the next run; a job taken for dead is gone on with by its retry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.exceptions import JobAlreadyRunning, JobCancelled
from airflow_provider_hubspot_deals.jobs import Job, JobOrigin
from tests.builders import a_row
from tests.integration.tenant import CONFIG, NO_USAGE, Tenant, a_batch, a_run

pytestmark = pytest.mark.usefixtures("invariants_hold")

INSTANT = datetime(2026, 3, 9, 12, tzinfo=UTC)
WINDOW = {"window_start": INSTANT - timedelta(hours=1), "window_end": INSTANT}
CHECKPOINT = {"phase": "live", "cursor": {"after": "7"}}


@pytest.fixture
def acme(database_url: str) -> Tenant:
    """Known to the database: a job that is inserted by hand needs an organization."""
    tenant = Tenant(database_url)
    tenant.execute("INSERT INTO hubspot.organizations (id, slug) VALUES (%s, 'acme')", tenant.id)
    return tenant


def insert(tenant: Tenant, table: str = "scan_jobs", type_column: str = "scan_type", config: str = "{}") -> UUID:
    (row,) = tenant.query(
        f"INSERT INTO hubspot.{table} (scan_id, organization_id, {type_column}, config)"  # noqa: S608 - ours
        " VALUES ('my-scan-001', %s, 'hubspot_deals', %s) RETURNING id",
        tenant.id,
        config,
    )
    job_id: UUID = row["id"]
    return job_id


def story(tenant: Tenant, job_id: UUID) -> list[str]:
    told = tenant.query("SELECT kind FROM hubspot.job_events WHERE job_id = %s ORDER BY sequence", job_id)
    return [event["kind"] for event in told]


def event(tenant: Tenant, job: Job, kind: str) -> dict[str, Any]:
    (row,) = tenant.query("SELECT details FROM hubspot.job_events WHERE (job_id, kind) = (%s, %s)", job.id, kind)
    details: dict[str, Any] = row["details"]
    return details


@pytest.mark.parametrize(("table", "column"), [("scan_jobs", "scan_type"), ("jobs", "type")])
@pytest.mark.parametrize("origin", [a_run("manual__1", trigger="manual"), JobOrigin()], ids=["Airflow", "outside"])
def test_a_job_inserted_by_hand_is_done_by_the_next_run(
    acme: Tenant, table: str, column: str, origin: JobOrigin
) -> None:
    waiting = insert(acme, table, column)
    job = acme.claim(origin)
    row = acme.job(job)
    assert (job.id, job.mode, job.attempt, row["status"], row["scan_id"]) == (
        waiting,
        "full",
        1,
        "running",
        "my-scan-001",
    )
    assert (row["dag_id"], row["run_id"], row["trigger"]) == (origin.dag_id, origin.run_id, origin.trigger)
    assert story(acme, waiting) == ["created", "started"]
    assert event(acme, job, "started").get("run_id") == origin.run_id


def test_its_own_config_stays_under_what_the_run_says(acme: Tenant) -> None:
    insert(acme, "jobs", "type", '{"mode": "mine", "note": "for the auditors", "nested": {"token": "s", "a": 1}}')
    config = acme.job(acme.claim())["config"]
    assert config == {**CONFIG, "note": "for the auditors", "nested": {"a": 1}}


@pytest.mark.parametrize("config", ["[1]", '"text"', "null"])
def test_a_config_that_is_no_object_gives_way(acme: Tenant, config: str) -> None:
    insert(acme, config=config)
    assert acme.job(acme.claim())["config"] == CONFIG


def test_a_job_whose_config_somebody_emptied_has_one_with_its_selection_again(acme: Tenant) -> None:
    first = acme.claim(a_run(try_number=1))
    acme.execute("UPDATE hubspot.jobs SET config = NULL")
    acme.claim(a_run(try_number=2))
    assert acme.job(first)["config"] == {"selection": "all"}


def test_a_retry_finds_the_job_that_its_run_has_taken_on(acme: Tenant) -> None:
    waiting = insert(acme)
    acme.claim(a_run(try_number=1))
    with pytest.raises(JobAlreadyRunning):
        acme.claim(a_run("another"))
    retry = acme.claim(a_run(try_number=2))
    assert (retry.id, retry.attempt) == (waiting, 2)


def test_a_job_inserted_for_later_is_waited_for(acme: Tenant) -> None:
    waiting = insert(acme)
    acme.execute("UPDATE hubspot.jobs SET resume_at = now() + interval '1 hour'")
    with pytest.raises(JobAlreadyRunning):
        acme.claim()
    acme.execute("UPDATE hubspot.jobs SET resume_at = now()")
    assert acme.claim().id == waiting


def test_a_cancelled_job_is_nobodys(acme: Tenant) -> None:
    waiting = insert(acme)
    acme.execute("UPDATE hubspot.scan_jobs SET status = 'cancelled'")
    assert acme.claim().id != waiting


def test_another_type_of_work_is_left_alone(acme: Tenant) -> None:
    acme.execute("INSERT INTO hubspot.scan_jobs (tenant_id, scan_type) VALUES (%s, 'user_extraction')", acme.id)
    acme.claim()
    assert acme.query("SELECT status FROM hubspot.jobs ORDER BY type") == [{"status": "running"}, {"status": "pending"}]


def a_lost_job(tenant: Tenant, **overrides: Any) -> Job:
    """Has read to CHECKPOINT and was then taken for dead."""
    job = tenant.claim(a_run(try_number=1), **overrides)
    tenant.store(job, a_row(1))  # else there is nothing behind the checkpoint
    with tenant.connect() as connection, sql.transaction(connection):
        jobs.record_batch(connection, job, a_batch(pages=4, checkpoint=CHECKPOINT, **WINDOW))
    tenant.execute(
        "UPDATE hubspot.jobs SET status = 'failed', error_code = 'HEARTBEAT_LOST', error_message = '…' WHERE id = %s",
        job.id,
    )
    return job


def finish(tenant: Tenant, job: Job, selection: str = "all") -> None:
    with tenant.connect() as connection:
        jobs.complete(connection, job, selection=selection, started_at=datetime.now(UTC), usage=NO_USAGE)


def test_a_retry_goes_on_where_its_lost_job_stopped(acme: Tenant) -> None:
    lost = a_lost_job(acme)
    retry = acme.claim(a_run(try_number=2))
    row = acme.job(retry)
    assert (retry.id != lost.id, retry.checkpoint, retry.attempt) == (True, CHECKPOINT, 1)
    assert {name: row[name] for name in WINDOW} == WINDOW
    assert (row["continues"], acme.job(lost)["status"]) == (lost.id, "failed")
    for kind in ("created", "started"):
        assert event(acme, retry, kind)["continues"] == str(lost.id)
    assert event(acme, retry, "started")["phase"] == "live"


def test_its_mode_stays_though_another_would_be_chosen_today(acme: Tenant) -> None:
    lost = a_lost_job(acme)
    acme.execute("UPDATE hubspot.sync_state SET watermark = now(), last_full_sync_at = now(), selection = 'all'")
    retry = acme.claim(a_run(try_number=2))
    assert (lost.mode, retry.mode) == ("full", "full")


def test_it_does_so_also_after_the_run_that_took_over_is_done(acme: Tenant) -> None:
    lost = a_lost_job(acme)
    other = acme.claim(a_run("other"))
    with pytest.raises(JobAlreadyRunning):
        acme.claim(a_run(try_number=2))
    acme.store(other, a_row(1))
    finish(acme, other)
    full_at = acme.sync_state()["last_full_sync_at"]
    retry = acme.claim(a_run(try_number=2))
    assert acme.job(retry)["continues"] == lost.id
    with acme.connect() as connection:
        jobs.complete(connection, retry, selection="all", started_at=INSTANT, usage=NO_USAGE)
    assert acme.sync_state()["last_full_sync_at"] == full_at  # the later one of the two


def test_but_not_after_a_run_that_read_less_of_each_deal(acme: Tenant) -> None:
    a_lost_job(acme)
    finish(acme, acme.claim(a_run("thin"), selection="other"), selection="other")
    retry = acme.claim(a_run(try_number=2))
    assert (retry.checkpoint, acme.job(retry)["continues"]) == (None, None)


def test_a_run_of_another_portal_or_a_job_that_never_began_is_none_such(acme: Tenant) -> None:
    lost = a_lost_job(acme)
    Tenant(acme.url, type="sandbox").claim(a_run("thin"), selection="other")
    insert(acme, config='{"selection": "other"}')
    acme.execute("UPDATE hubspot.scan_jobs SET status = 'cancelled' WHERE scan_id = 'my-scan-001'")
    assert acme.job(acme.claim(a_run(try_number=2)))["continues"] == lost.id


def test_nor_with_another_selection_than_it_had_begun_with(acme: Tenant) -> None:
    a_lost_job(acme)
    retry = acme.claim(a_run(try_number=2), selection="other")
    assert (retry.checkpoint, acme.job(retry)["continues"]) == (None, None)


@pytest.mark.parametrize("code", ["UPSTREAM_DOWN", "WRONG_PORTAL", "ABANDONED"])
def test_a_job_that_failed_for_another_reason_is_not_gone_on_with(acme: Tenant, code: str) -> None:
    job = a_lost_job(acme)
    acme.execute("UPDATE hubspot.jobs SET error_code = %s WHERE id = %s", code, job.id)
    assert acme.claim(a_run(try_number=2)).checkpoint is None


def test_another_run_or_a_cleared_task_starts_anew(acme: Tenant) -> None:
    a_lost_job(acme)
    second = acme.claim(a_run("second"))
    finish(acme, second)
    cleared = acme.claim(a_run(clear_number=1))
    assert (second.checkpoint, cleared.checkpoint) == (None, None)


def test_a_lost_job_that_goes_on_can_be_lost_again(acme: Tenant) -> None:
    a_lost_job(acme)
    second = acme.claim(a_run(try_number=2))
    acme.execute("UPDATE hubspot.jobs SET status = 'failed', error_code = 'HEARTBEAT_LOST' WHERE id = %s", second.id)
    third = acme.claim(a_run(try_number=3))
    assert (third.checkpoint, acme.job(third)["continues"]) == (CHECKPOINT, second.id)


def test_a_job_cancelled_after_it_was_lost_stays_so(acme: Tenant) -> None:
    a_lost_job(acme)
    second = acme.claim(a_run(try_number=2))
    acme.execute("UPDATE hubspot.jobs SET status = 'cancelled' WHERE id = %s", second.id)
    with pytest.raises(JobCancelled):
        acme.claim(a_run(try_number=3))


def test_a_job_waiting_for_any_run_takes_the_lost_ones_place(acme: Tenant) -> None:
    lost = a_lost_job(acme)
    waiting = insert(acme)
    retry = acme.claim(a_run(try_number=2))
    assert (retry.id, retry.checkpoint, acme.job(retry)["continues"]) == (waiting, CHECKPOINT, lost.id)


def test_a_released_job_says_from_when_on_it_may_be_resumed_and_one_of_somebody_else_says_nothing(acme: Tenant) -> None:
    job = acme.claim(a_run("deferred"))
    six_hours = timedelta(hours=6)
    released: dict[str, Any] = {"error_code": "DEFERRED", "error_message": "…", "resume_after": six_hours}
    with acme.connect() as connection:
        moments = [jobs.release(connection, job, **released, usage=NO_USAGE) for _ in range(2)]
    assert moments == [acme.job(job)["resume_at"], None]
    assert abs(acme.job(job)["resume_at"] - datetime.now(UTC) - six_hours) < timedelta(minutes=1)
