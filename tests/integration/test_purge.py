"""purge_job() takes a job and what it wrote last, and the next run brings it again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.exceptions import JobSuperseded
from airflow_provider_hubspot_deals.jobs import Job
from tests.builders import a_row
from tests.integration.companions import keep, kept
from tests.integration.ended_jobs import an_ended_job, ids_in, told
from tests.integration.tenant import NO_USAGE, Tenant, a_batch, a_run

LATER = "2026-06-01T00:00:00Z"


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def purge(tenant: Tenant, job_id: UUID) -> dict[str, Any]:
    (row,) = tenant.query("SELECT hubspot.purge_job(%s) AS purged", job_id)
    purged: dict[str, Any] = row["purged"]
    return purged


def a_full_run(tenant: Tenant, *deal_ids: int) -> Job:
    job = tenant.claim(a_run(f"full {uuid4()}"))
    tenant.store(job, *(a_row(deal_id) for deal_id in deal_ids))
    with tenant.connect() as connection:
        with sql.transaction(connection):
            jobs.record_batch(connection, job, a_batch(received=len(deal_ids), inserted=len(deal_ids), pages=1))
            jobs.advance_watermark(connection, job, datetime.now(UTC))
        jobs.complete(connection, job, selection="all", started_at=datetime.now(UTC), usage=NO_USAGE)
    return job


def test_a_purged_job_takes_its_ledger_and_the_deals_that_it_wrote_last(acme: Tenant) -> None:
    first = a_full_run(acme, 1, 2, 3)
    second = an_ended_job(acme, "second")
    acme.store(second, a_row(2, hs_lastmodifieddate=LATER))

    purged = purge(acme, first.id)

    assert (purged["deals"], purged["quarantined"]) == (2, 0)
    assert list(acme.deals()) == [2]
    assert ids_in(acme, "jobs") == {second.id}
    assert acme.query("SELECT * FROM hubspot.job_batches") == []
    assert told(acme, "job_purged") == [purged]


def test_what_is_kept_beside_purged_deals_goes_with_them(acme: Tenant) -> None:
    doomed = a_full_run(acme, 1, 2, 3)
    acme.store(an_ended_job(acme, "second"), a_row(2, hs_lastmodifieddate=LATER))
    others = [Tenant(acme.url, type="sandbox"), Tenant(acme.url, "other")]
    for tenant in (acme, *others):
        tenant.claim(a_run(f"of {tenant.slug}, {tenant.type}"))
        keep(tenant, "contractsent", 1, 2, 3)

    purge(acme, doomed.id)

    assert kept(acme) == [{2}, {2}]
    assert [kept(tenant) for tenant in others] == [[{1, 2, 3}] * 2] * 2


def test_g08_after_a_purge_the_next_automatic_run_is_a_full_one(acme: Tenant) -> None:
    job = a_full_run(acme, 1)
    assert acme.claim(a_run("incremental")).mode == "incremental"
    acme.execute("UPDATE hubspot.jobs SET status = 'cancelled' WHERE status = 'running'")

    purge(acme, job.id)

    assert acme.claim(a_run("next")).mode == "full"


def test_a_run_that_had_begun_before_the_purge_cannot_complete(acme: Tenant) -> None:
    doomed = a_full_run(acme, 1)
    working = acme.claim(a_run("working"), mode="full")

    purge(acme, doomed.id)

    with acme.connect() as connection, pytest.raises(JobSuperseded):
        jobs.complete(connection, working, selection="all", started_at=datetime.now(UTC), usage=NO_USAGE)
    row = acme.job(working)
    assert (row["status"], row["error_code"]) == ("failed", "SUPERSEDED")
    assert acme.claim(a_run("next")).mode == "full"


def test_a_retry_of_a_lost_run_begins_at_the_beginning_after_a_purge(acme: Tenant) -> None:
    doomed = a_full_run(acme, 1)
    lost = acme.claim(a_run("lost"), mode="full")
    acme.store(lost, a_row(2))
    with acme.connect() as connection, sql.transaction(connection):
        jobs.record_batch(connection, lost, a_batch(pages=1, checkpoint={"phase": "absent"}))
    acme.execute("UPDATE hubspot.jobs SET last_heartbeat = now() - interval '1 hour' WHERE id = %s", lost.id)
    acme.execute("SELECT hubspot.reap_silent_jobs()")

    purge(acme, doomed.id)

    retry = acme.claim(a_run("lost", try_number=2))
    assert (retry.mode, retry.checkpoint, retry.row["continues"]) == ("full", None, lost.id)


def test_purging_a_job_that_wrote_nothing_disturbs_nobody(acme: Tenant) -> None:
    empty = an_ended_job(acme, "empty", status="failed")
    full = a_full_run(acme, 1)
    working = acme.claim(a_run("working"))

    assert purge(acme, empty.id)["deals"] == 0

    assert acme.job(working)["status"] == "running"
    assert acme.sync_state()["epoch"] == working.epoch
    assert acme.sync_state()["last_full_sync_at"] is not None
    assert acme.deal(1)["_scan_id"] == full.id


@pytest.mark.parametrize("status", ["pending", "running"])
def test_an_active_job_is_not_purged(acme: Tenant, status: str) -> None:
    job = acme.claim()
    acme.store(job, a_row(1))
    acme.execute("UPDATE hubspot.jobs SET status = %s", status)

    with pytest.raises(psycopg.errors.ObjectInUse, match=f"is {status}: cancel it"):
        purge(acme, job.id)

    assert list(acme.deals()) == [1]
    assert ids_in(acme, "jobs") == {job.id}


def test_an_archived_job_is_purged_as_well(acme: Tenant) -> None:
    job = a_full_run(acme, 1, 2)
    acme.execute("UPDATE hubspot.jobs SET end_time = now() - interval '100 days'")
    acme.query("SELECT hubspot.archive_jobs()")

    assert purge(acme, job.id)["deals"] == 2

    assert ids_in(acme, "jobs_archive") == set()
    assert acme.deals() == {}


def test_a_job_that_is_not_there_is_named(acme: Tenant) -> None:
    acme.claim()
    unknown = uuid4()
    with pytest.raises(psycopg.Error, match=f"there is no job {unknown}"):
        purge(acme, unknown)


def test_another_types_deals_and_runs_stay(acme: Tenant) -> None:
    sandbox = Tenant(acme.url, type="sandbox")
    kept, running = a_full_run(sandbox, 5), sandbox.claim(a_run("running", dag_id="sandbox"))
    doomed = a_full_run(acme, 1)

    purge(acme, doomed.id)

    assert sandbox.deal(5)["_scan_id"] == kept.id
    assert sandbox.job(running)["status"] == "running"
