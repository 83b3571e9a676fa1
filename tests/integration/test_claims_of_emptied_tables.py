"""What a claim that finds its table of deals empty changes, and what it leaves alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.jobs import Job
from tests.builders import a_row
from tests.integration.tenant import NO_USAGE, Tenant, a_batch, a_run

pytestmark = pytest.mark.usefixtures("invariants_hold")

INSTANT = datetime(2026, 3, 9, 12, tzinfo=UTC)
WINDOW = {"window_start": INSTANT - timedelta(hours=1), "window_end": INSTANT}
CHECKPOINT = {"phase": "changed", "cursor": 7}
LOSE = "UPDATE hubspot.jobs SET status = 'failed', error_code = 'HEARTBEAT_LOST' WHERE id = %s"


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return synced(Tenant(database_url))


@pytest.fixture
def sandbox(database_url: str) -> Tenant:
    """Another portal of the same organization."""
    return synced(Tenant(database_url, type="sandbox"))


def synced(tenant: Tenant) -> Tenant:
    """After a full run that stored a deal."""
    first = tenant.claim(a_run("first"), mode="full")
    record(tenant, first)
    with tenant.connect() as connection:
        with sql.transaction(connection):
            jobs.advance_watermark(connection, first, INSTANT)
        jobs.complete(connection, first, selection="all", started_at=datetime.now(UTC), usage=NO_USAGE)
    return tenant


def record(tenant: Tenant, job: Job) -> None:
    tenant.store(job, a_row(1))
    with tenant.connect() as connection, sql.transaction(connection):
        jobs.record_batch(connection, job, a_batch(pages=1, checkpoint=CHECKPOINT, **WINDOW))


def emptied(tenant: Tenant, job: Job) -> None:
    tenant.execute(f"TRUNCATE hubspot.{job.leaf}")


@pytest.mark.parametrize(("mode", "resumed"), [("full", "full"), ("incremental", "full"), ("window", "window")])
@pytest.mark.parametrize("is_begun", [False, True], ids=["nothing stored", "stored"])
def test_its_own_job_begins_anew(acme: Tenant, mode: str, resumed: str, *, is_begun: bool) -> None:
    job = acme.claim(a_run("second"), mode=mode)
    if is_begun:
        record(acme, job)
    emptied(acme, job)

    retry = acme.claim(a_run("second", try_number=2), mode=mode)

    row: dict[str, Any] = acme.job(retry)
    assert (retry.id, retry.mode, retry.checkpoint) == (job.id, resumed, None)
    assert (row["window_start"], row["window_end"]) == (None, None)
    assert acme.sync_state()["last_full_sync_at"] is None


def test_the_other_portal_of_the_organization_keeps_its_full_run_and_the_checkpoint_of_its_lost_job(
    acme: Tenant, sandbox: Tenant
) -> None:
    lost = sandbox.claim(a_run("second"))
    record(sandbox, lost)
    sandbox.execute(LOSE, lost.id)
    emptied(acme, job := acme.claim(a_run("second")))

    acme.claim(a_run("second", try_number=2))

    assert (acme.job(job)["mode"], sandbox.sync_state()["last_full_sync_at"] is None) == ("full", False)
    assert sandbox.claim(a_run("second", try_number=2)).checkpoint == CHECKPOINT


@pytest.mark.parametrize("is_lost", [False, True], ids=["cancelled", "lost"])
def test_of_jobs_that_have_ended_only_a_lost_one_forgets_its_checkpoint(acme: Tenant, *, is_lost: bool) -> None:
    ended = acme.claim(a_run("second"))
    record(acme, ended)
    acme.execute(LOSE if is_lost else "UPDATE hubspot.jobs SET status = 'cancelled' WHERE id = %s", ended.id)
    emptied(acme, ended)

    acme.claim(a_run("third"))

    assert acme.job(ended)["checkpoint"] == (None if is_lost else CHECKPOINT)


def test_a_silent_job_that_the_claim_itself_ends_forgets_its_checkpoint_too(acme: Tenant) -> None:
    """Its retry may come when the table is not empty any more."""
    silent = acme.claim(a_run("second"), mode="full")
    record(acme, silent)
    acme.execute(
        "UPDATE hubspot.jobs SET last_heartbeat = '2020-01-01', created_at = '2020-01-01' WHERE id = %s", silent.id
    )
    emptied(acme, silent)

    acme.claim(a_run("third"))

    row = acme.job(silent)
    assert (row["error_code"], row["checkpoint"]) == ("HEARTBEAT_LOST", None)
