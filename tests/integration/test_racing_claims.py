"""Claims at the same moment as something else: the first ones of an organization, and the end of a job."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.exceptions import JobAlreadyRunning, JobCancelled
from airflow_provider_hubspot_deals.jobs import Job
from local_stack.processes import wait_until
from tests.integration.tenant import NO_USAGE, Tenant, a_run

TYPES = ("standard", "sandbox", "archive", "training")
ROUNDS = 25
WAITS = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def test_first_claims_of_one_organization_at_once_all_succeed(database_url: str) -> None:
    failures: list[str] = []

    def claim(tenant: Tenant, together: threading.Barrier) -> None:
        with tenant.connect() as connection:
            together.wait()
            try:
                jobs.claim(connection, "hubspot", tenant.order(a_run(tenant.type)))
            except Exception as error:  # noqa: BLE001 - a thread's failure must reach the test
                failures.append(f"{type(error).__name__}: {error}")

    for number in range(ROUNDS):
        together = threading.Barrier(len(TYPES))
        tenants = [Tenant(database_url, f"org-{number}", label) for label in TYPES]
        threads = [threading.Thread(target=claim, args=(tenant, together)) for tenant in tenants]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert failures == []


def claim_while(tenant: Tenant, ends: str) -> Job:
    """A retry's claim that begins before, and goes on after, somebody's change of the jobs is committed."""
    with ThreadPoolExecutor(1) as threads:
        with tenant.connect() as somebody, somebody.transaction():
            somebody.execute(ends.encode())
            claimed = threads.submit(tenant.claim, a_run(try_number=2))
            wait_until(lambda: bool(tenant.query(WAITS)), what="the claim waits", timeout_s=20)
        return claimed.result(20)


@pytest.mark.usefixtures("invariants_hold")
def test_a_job_cancelled_while_its_retry_claims_it_is_a_cancelled_one(database_url: str) -> None:
    tenant = Tenant(database_url)
    job = tenant.claim(a_run(try_number=1))

    with pytest.raises(JobCancelled):
        claim_while(tenant, "UPDATE hubspot.jobs SET status = 'cancelled'")

    assert (tenant.job(job)["status"], tenant.job(job)["attempt"]) == ("cancelled", 1)


@pytest.mark.usefixtures("invariants_hold")
def test_a_job_taken_for_dead_while_its_retry_claims_it_is_gone_on_with(database_url: str) -> None:
    tenant = Tenant(database_url)
    lost = tenant.claim(a_run(try_number=1))

    retry = claim_while(tenant, "UPDATE hubspot.jobs SET status = 'failed', error_code = 'HEARTBEAT_LOST'")

    assert retry.id != lost.id
    assert tenant.job(retry)["continues"] == lost.id


@pytest.mark.usefixtures("invariants_hold")
def test_a_job_inserted_by_hand_and_cancelled_while_a_run_takes_it_on_is_nobodys(database_url: str) -> None:
    tenant = Tenant(database_url)
    tenant.execute("INSERT INTO hubspot.organizations (id, slug) VALUES (%s, 'acme')", tenant.id)
    inserted = "INSERT INTO hubspot.jobs (scan_id, organization_id, type) VALUES ('mine', %s, 'hubspot_deals')"
    tenant.execute(inserted, tenant.id)

    claimed = claim_while(tenant, "UPDATE hubspot.jobs SET status = 'cancelled'")

    rows = tenant.query("SELECT id, status FROM hubspot.jobs ORDER BY created_at")
    assert [row["status"] for row in rows] == ["cancelled", "running"]
    assert rows[1]["id"] == claimed.id


@pytest.mark.usefixtures("invariants_hold")
def test_a_job_that_somebody_inserts_while_a_run_makes_its_own_is_done_by_that_run(database_url: str) -> None:
    tenant = Tenant(database_url)
    tenant.execute("INSERT INTO hubspot.organizations (id, slug) VALUES (%s, 'acme')", tenant.id)
    tenant.execute("INSERT INTO hubspot.sync_state (organization_id, type) VALUES (%s, 'standard')", tenant.id)

    claimed = claim_while(
        tenant,
        "INSERT INTO hubspot.jobs (scan_id, organization_id, type) SELECT 'mine', id, 'hubspot_deals' "
        "FROM hubspot.organizations",
    )

    rows = tenant.query("SELECT id, scan_id, status, event_count FROM hubspot.jobs")
    assert rows == [{"id": claimed.id, "scan_id": "mine", "status": "running", "event_count": 2}]


@pytest.mark.usefixtures("invariants_hold")
def test_a_claim_under_another_name_waits_for_the_fence_before_it_touches_the_organization(database_url: str) -> None:
    """A batch that has the fence needs that row, too: the other order would let the two wait for each other."""
    tenant = Tenant(database_url)
    job = tenant.claim(a_run("first"))

    with ThreadPoolExecutor(1) as threads:
        with tenant.connect() as batch, sql.transaction(batch):
            jobs.lock_fence(batch, job)
            claimed = threads.submit(tenant.claim, a_run("second"), organization="renamed")
            wait_until(lambda: bool(tenant.query(WAITS)), what="the claim waits", timeout_s=20)
            batch.execute("SELECT FROM hubspot.organizations FOR KEY SHARE NOWAIT")
        with pytest.raises(JobAlreadyRunning):
            claimed.result(20)


@pytest.mark.usefixtures("invariants_hold")
def test_the_end_of_a_job_waits_for_the_fence_before_it_touches_the_job(database_url: str) -> None:
    """A claim locks them in that order; the other one would let the two wait for each other."""
    tenant = Tenant(database_url)
    job = tenant.claim(a_run(try_number=1))

    def complete() -> object:
        with tenant.connect() as connection:
            return jobs.complete(connection, job, selection="all", started_at=datetime.now(UTC), usage=NO_USAGE)

    with ThreadPoolExecutor(1) as threads:
        with tenant.connect() as claim, claim.transaction():
            jobs.lock_fence(claim, job)
            completed = threads.submit(complete)
            wait_until(lambda: bool(tenant.query(WAITS)), what="the end waits", timeout_s=20)
            claim.execute("SELECT FROM hubspot.jobs FOR UPDATE NOWAIT")
        completed.result(20)
    assert tenant.job(job)["status"] == "completed"
