"""erase_organization() leaves nothing of a tenant anywhere, and its running work writes nothing after."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs, loading, sql
from airflow_provider_hubspot_deals.deals.parsing import BadRecord
from airflow_provider_hubspot_deals.exceptions import JobSuperseded
from airflow_provider_hubspot_deals.jobs import Job
from local_stack.postgres_binaries import find_binaries
from tests.builders import a_row
from tests.integration.companions import TABLES, keep
from tests.integration.deliveries import note_delivery
from tests.integration.ended_jobs import an_ended_job, told
from tests.integration.tenant import Tenant, a_batch, a_run, tables_of

CANARY = "canary-7f3a91"


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url, "acme-7f3a91")


@pytest.fixture
def other(database_url: str) -> Tenant:
    return Tenant(database_url, "bystander")


def erase(tenant: Tenant) -> dict[str, Any]:
    (row,) = tenant.query("SELECT hubspot.erase_organization(%s) AS erased", tenant.id)
    erased: dict[str, Any] = row["erased"]
    return erased


def batch(tenant: Tenant, job: Job, *deal_ids: int) -> None:
    """One batch as the loader commits it, with a record for quarantine."""
    bad = BadRecord(deal_id_text="9", reason_code="BAD_ID", field_name=None, raw=CANARY.encode(), page_number=1)
    with tenant.connect() as connection, sql.transaction(connection):
        jobs.lock_fence(connection, job)
        loading.store(connection, tables_of(job), job.keys, [a_row(each, dealname=CANARY) for each in deal_ids])
        loading.quarantine(connection, tables_of(job), job.keys, [bad])
        jobs.record_batch(
            connection, job, a_batch(received=len(deal_ids) + 1, inserted=len(deal_ids), quarantined=1, api_calls=2)
        )


def live_in(tenant: Tenant) -> Job:
    """Jobs in every state and place, two types of deals, and what is kept beside them; gives the running job."""
    for number in range(12):
        an_ended_job(tenant, f"{CANARY} {number}", days_ago=100, status="failed")
    tenant.execute("SELECT hubspot.archive_jobs(rows_max => 6)")
    batch(Tenant(tenant.url, tenant.slug, "sandbox"), Tenant(tenant.url, tenant.slug, "sandbox").claim(), 5)
    job = tenant.claim(a_run("running"), config={"note": CANARY, "organization": tenant.slug})
    batch(tenant, job, *range(1, 8))
    keep(tenant, CANARY, *range(1, 8))
    note_delivery(tenant, CANARY)
    with tenant.connect() as connection, sql.transaction(connection):
        loading.note_vanished(connection, tables_of(job), job.keys, [1, 2])
    tenant.execute("ANALYZE")
    return job


def lines_about(tenant: Tenant, lines: Iterable[str]) -> list[str]:
    spellings = (str(tenant.id), tenant.id.hex, tenant.slug, CANARY, CANARY.encode().hex())
    return [line for line in lines if any(each in line.lower() for each in spellings)]


def rows_about(tenant: Tenant) -> list[str]:
    """Lines of a dump of the whole database that hold anything of the tenant."""
    pg_dump = find_binaries().folder / "pg_dump"
    command = [str(pg_dump), "--enable-row-security", tenant.url]  # else it refuses tables whose policies hold for it
    dump = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - PostgreSQL's own program
    return lines_about(tenant, dump.splitlines())


def statistics_about(tenant: Tenant) -> set[str]:
    """Tables in whose statistics the planner keeps anything of the tenant."""
    with tenant.connect() as connection, connection.transaction(force_rollback=True):
        # pg_stats hides tables whose policies hold for whoever asks.
        connection.execute("""
            DO $$ DECLARE relation regclass; BEGIN
                FOR relation IN SELECT oid FROM pg_class WHERE relforcerowsecurity LOOP
                    EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', relation);
                END LOOP;
            END $$
        """)
        rows = connection.execute("SELECT tablename, statistic::text FROM pg_stats AS statistic").fetchall()
    return {table for table, statistic in rows if lines_about(tenant, [statistic])}


def left_to_a_superuser(tenant: Tenant, erased: dict[str, Any]) -> set[str]:
    """Tables whose statistics the answer says to delete; always none from PostgreSQL 18 on."""
    return {table for table in statistics_about(tenant) if any(f".{table}'" in each for each in erased["run_now"])}


def test_f14_nothing_of_an_erased_organization_is_left_anywhere(acme: Tenant, other: Tenant) -> None:
    live_in(acme)
    live_in_of_the_other = other.claim()
    other.store(live_in_of_the_other, a_row(1, dealname="Other"))
    other.execute("ANALYZE")
    deals = other.deals()
    assert len(rows_about(acme)) > 50
    assert {"jobs", "hubspot_deals"} <= statistics_about(acme)

    erased = erase(acme)

    assert erased["rows"]["deals"] == 8
    assert erased["rows"]["organizations"] == 1
    assert {
        "jobs",
        "jobs_archive",
        "sync_state",
        "job_events",
        "usage_records",
        "deals_quarantine",
        "absent_deals",
        *TABLES,
        "notification_deliveries",
    } < (erased["rows"].keys())
    assert rows_about(acme) == []
    assert statistics_about(acme) == left_to_a_superuser(acme, erased)
    assert other.deals() == deals
    assert other.job(live_in_of_the_other)["status"] == "running"


def test_f14_nothing_is_left_when_it_was_the_only_organization(acme: Tenant) -> None:
    live_in(acme)
    erased = erase(acme)
    assert rows_about(acme) == []
    assert statistics_about(acme) == left_to_a_superuser(acme, erased)
    with acme.connect() as connection:
        assert connection.info.server_version < 180000 or erased["run_now"] == []


def test_the_erasure_is_told_without_saying_whose(acme: Tenant) -> None:
    live_in(acme)
    erased = erase(acme)
    digest = sha256(str(acme.id).encode()).hexdigest()
    assert told(acme, "organization_erased") == [{"organization_sha256": digest, "rows": erased["rows"]}]
    assert acme.query("SELECT DISTINCT organization_id FROM hubspot.job_events") == [{"organization_id": None}]


def test_erasing_again_finds_nothing_and_tells_nothing(acme: Tenant) -> None:
    live_in(acme)
    erase(acme)
    assert erase(acme)["rows"] == {"organizations": 0, "deals": 0}
    assert len(told(acme, "organization_erased")) == 1


def test_a_table_that_comes_later_is_erased_as_well(acme: Tenant) -> None:
    acme.claim()
    acme.execute("CREATE TABLE hubspot.notes (organization_id uuid, note text)")
    acme.execute("INSERT INTO hubspot.notes VALUES (%s, 'mine'), (gen_random_uuid(), 'not mine')", acme.id)
    assert erase(acme)["rows"]["notes"] == 1
    assert acme.query("SELECT note FROM hubspot.notes") == [{"note": "not mine"}]


def test_a_detached_leaf_is_erased_as_well(acme: Tenant) -> None:
    job = acme.claim()
    acme.store(job, a_row(1))
    acme.execute(f"ALTER TABLE hubspot.hubspot_deals_standard DETACH PARTITION hubspot.{job.leaf}")
    assert erase(acme)["rows"]["deals"] == 1
    assert acme.query("SELECT to_regclass(%s) AS leaf", f"hubspot.{job.leaf}") == [{"leaf": None}]


def test_f14_work_under_way_ends_at_its_next_batch_and_writes_nothing(acme: Tenant) -> None:
    job = live_in(acme)
    erase(acme)

    with pytest.raises(JobSuperseded):
        batch(acme, job, 99)

    with acme.connect() as connection:
        assert jobs.heartbeat(connection, job) is False
        assert isinstance(jobs.stopped(connection, job), JobSuperseded)
    assert rows_about(acme) == []


def test_f14_an_open_batch_is_waited_for_and_then_erased(acme: Tenant) -> None:
    job = acme.claim()
    with ThreadPoolExecutor() as threads, acme.connect() as connection:
        with sql.transaction(connection):
            jobs.lock_fence(connection, job)
            erasing = threads.submit(erase, acme)
            wait_for_lock(acme)
            loading.store(connection, tables_of(job), job.keys, [a_row(1)])
            jobs.record_batch(connection, job, a_batch(received=1, inserted=1))
        assert erasing.result()["rows"]["deals"] == 1
    assert acme.query("SELECT FROM hubspot.organizations") == []


def wait_for_lock(tenant: Tenant) -> None:
    deadline = time.monotonic() + 20
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while not tenant.query(waiting):
        if time.monotonic() > deadline:
            pytest.fail("nobody waits for a lock")
        time.sleep(0.01)


def test_a_reader_in_the_way_is_waited_for_two_seconds_and_then_nothing_is_erased(acme: Tenant, other: Tenant) -> None:
    live_in(acme)
    other.store(other.claim(), a_row(1))
    before = acme.deals()
    with ThreadPoolExecutor() as threads, acme.connect() as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM hubspot.hubspot_deals")
        erasing = threads.submit(erase, acme)
        wait_for_lock(acme)
        began = time.monotonic()
        other.query("SELECT count(*) FROM hubspot.hubspot_deals")  # stands behind the erasure, not behind the reader
        assert time.monotonic() - began < 2.5
        with pytest.raises(psycopg.errors.LockNotAvailable, match="nothing of it was erased"):
            erasing.result()
    assert acme.deals() == before
    assert erase(acme)["rows"]["deals"] == 8


def test_an_organization_that_is_still_in_the_file_comes_back_with_its_next_run(acme: Tenant) -> None:
    live_in(acme)
    assert "registered again by its next run" in erase(acme)["note"]
    job = acme.claim(a_run("next"))
    assert (job.mode, acme.deals()) == ("full", {})


def test_erasing_while_the_organization_is_claimed_leaves_all_or_nothing(acme: Tenant) -> None:
    for number in range(10):
        acme.claim(a_run("first"))
        with ThreadPoolExecutor() as threads:
            claiming, erasing = threads.submit(acme.claim, a_run(f"run {number}")), threads.submit(erase, acme)
            for one in (claiming, erasing):
                one.exception()
        leaves = acme.query("SELECT FROM pg_class WHERE relkind = 'r' AND relname LIKE %s", f"%{acme.id.hex}")
        known = acme.query("SELECT FROM hubspot.sync_state WHERE organization_id = %s", acme.id)
        assert len(leaves) == len(known)
        erase(acme)
