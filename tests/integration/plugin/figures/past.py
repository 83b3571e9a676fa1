"""Organizations with a past: jobs, batches, deals and quarantine of many days, in which no two figures agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.deals.parsing import BadRecord
from airflow_provider_hubspot_deals.loading import quarantine
from airflow_provider_hubspot_deals.organizations.organization import dag_id_of
from tests.builders import a_row
from tests.integration.tenant import Tenant, a_batch, a_run, tables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_hubspot_deals.jobs import Job

# As if everything until now had been done a day before.
SET_BACK = """
ALTER TABLE hubspot.jobs DISABLE TRIGGER USER;
UPDATE hubspot.jobs SET created_at = created_at - interval '1 day', start_time = start_time - interval '1 day',
                        end_time = end_time - interval '1 day', last_heartbeat = last_heartbeat - interval '1 day';
ALTER TABLE hubspot.jobs ENABLE TRIGGER USER;
UPDATE hubspot.usage_records SET day = day - 1;
UPDATE hubspot.job_batches SET written_at = written_at - interval '1 day'
"""
# More ended jobs than a sparkline shows, of any end; and each ended job took a time of its own.
EARLIER = """
ALTER TABLE hubspot.jobs DISABLE TRIGGER USER;
INSERT INTO hubspot.jobs (organization_id, type, status, created_at, start_time, end_time, scan_id, mode,
                          records_extracted, records_updated, config)
SELECT organization_id, 'hubspot_deals' || CASE type WHEN 'standard' THEN '' ELSE '_' || type END,
       (ARRAY['completed', 'failed', 'completed', 'cancelled', 'completed'])[1 + mod(run, 5)], at, at, at,
       gen_random_uuid()::text, 'incremental', 7 * run + portal_id, 7 * run + portal_id, '{}'
FROM hubspot.portals, generate_series(2, 34) AS run, LATERAL (SELECT now() - run * interval '1 day') AS ended (at);
UPDATE hubspot.jobs SET start_time = end_time - make_interval(secs => 100 + mod(records_extracted, 9973)),
                        created_at = end_time - make_interval(secs => 101 + mod(records_extracted, 9973)),
                        mode = coalesce(mode, 'full')
WHERE end_time IS NOT NULL;
ALTER TABLE hubspot.jobs ENABLE TRIGGER USER
"""
# At 20.2 deals a second, and half of them read.
AT_WORK = """
UPDATE hubspot.jobs SET mode = 'full', records_expected = 2 * records_extracted, last_heartbeat = now(),
                        start_time = now() - make_interval(secs => records_extracted / 20.2)
WHERE id = %s
"""
FRESHNESS = """
UPDATE hubspot.sync_state SET watermark = now() - make_interval(hours => %s, secs => 10),
                              last_sync_at = now() - make_interval(hours => %s), stale_after_minutes = 360,
                              portal_id = %s
WHERE (organization_id, type) = (%s, %s)
"""
PORTAL = "INSERT INTO hubspot.portals (organization_id, type, portal_id, time_zone) VALUES (%s, %s, %s, 'UTC')"
RESOLVE = "UPDATE hubspot.deals_quarantine SET resolved_at = now() WHERE raw = ANY (%s)"
SILENT = "UPDATE hubspot.jobs SET last_heartbeat = now() - interval '1 hour' WHERE id = %s"

SEEDS = (3, 5, 7, 11)  # of the portals too
ENDS = (None, "failed", "cancelled", None)  # of the newest job


def dag_of(tenant: Tenant) -> str:
    return dag_id_of(tenant.slug, tenant.type)


def tenants_of(url: str) -> Sequence[Tenant]:
    """One whose job is at work, one that failed, one that was cancelled, one that is silent."""
    return [Tenant(url, "acme"), Tenant(url, "acme", "sandbox"), Tenant(url, "beta"), Tenant(url, "gamma")]


def fill_past(url: str) -> None:
    """Make all that they did."""
    active, *_ = tenants = tenants_of(url)
    for tenant, seed in zip(tenants, SEEDS, strict=True):
        work(tenant, seed, "yesterday", batches=2)
        end(tenant, "completed")
    active.execute(SET_BACK)
    # Reversed, so that a job of Acme's main account is the last one that ends: newer than its sandbox's newest.
    for tenant, seed, status in reversed(list(zip(tenants, SEEDS, ENDS, strict=True))):
        tenant.execute(PORTAL, tenant.id, tenant.type, seed)
        work(tenant, seed, "this morning", batches=1)
        end(tenant, "completed")
        store(tenant, work(tenant, seed + 1, "now", batches=3), seed)
        if status:
            end(tenant, status, "WRONG_PORTAL" if status == "failed" else None)
    active.execute(EARLIER)


def bring_to_now(url: str) -> Sequence[Tenant]:
    """What depends on the clock, and on what PostgreSQL knows of a copied database."""
    active, *_, silent = tenants = tenants_of(url)
    for tenant, seed in zip(tenants, SEEDS, strict=True):
        tenant.execute(FRESHNESS, 2 * seed, seed, seed, tenant.id, tenant.type)
    for tenant in (active, silent):
        tenant.execute(AT_WORK, active_job(tenant))
    silent.execute(SILENT, active_job(silent))
    active.execute("ANALYZE hubspot.hubspot_deals")
    return tenants


def work(tenant: Tenant, seed: int, run_id: str, *, batches: int) -> Job:
    """A job with so many batches in each of two phases, every count another."""
    job = tenant.claim(a_run(run_id, dag_id=dag_of(tenant)))
    for number in range(2 * batches):
        with tenant.connect() as connection, sql.transaction(connection):
            jobs.record_batch(
                connection, job, batch_of(1000 * seed + number, "archived" if number < batches else "live")
            )
    return job


def batch_of(size: int, phase: str) -> dict[str, Any]:
    """Each count is another multiple of the size, and they add up as the ledger demands."""
    parts = {"inserted": size, "updated": 2 * size, "unchanged": 3 * size, "duplicate": 4, "stale": 5, "quarantined": 6}
    return a_batch(
        **parts,
        phase=phase,
        received=sum(parts.values()),
        deleted=7 + size,
        value_issues=8 + size,
        pages=9 + size,
        api_calls=10 + 3 * size,
        api_calls_by_endpoint={"list": 10 + size, "search": 2 * size},
        rate_limit_hits=11 + size,
        bytes_received=12_345 * size,
        daily_limit=250_000 + size,
        daily_remaining=100_000 - size,
    )


def store(tenant: Tenant, job: Job, seed: int) -> None:
    """Deals, a part of them archived; records in quarantine, a part of them resolved."""
    tenant.store(job, *(a_row(number, archived=number % 4 == 0) for number in range(1, 10 * seed)))
    raws = [f"{tenant.slug} {tenant.type} {number}".encode() for number in range(2 * seed)]
    bad = [BadRecord(deal_id_text=None, reason_code="BAD_ID", field_name=None, raw=raw, page_number=1) for raw in raws]
    with tenant.connect() as connection, sql.transaction(connection):
        quarantine(connection, tables_of(job), job.keys, bad)
    stored = "SELECT raw FROM hubspot.deals_quarantine WHERE (organization_id, type) = (%s, %s) ORDER BY id LIMIT %s"
    tenant.execute(RESOLVE, [row["raw"] for row in tenant.query(stored, tenant.id, tenant.type, seed - 1)])


def end(tenant: Tenant, status: str, error_code: str | None = None) -> None:
    ending = "UPDATE hubspot.jobs SET status = %s, error_code = %s WHERE id = %s"
    tenant.execute(ending, status, error_code, active_job(tenant))


def active_job(tenant: Tenant) -> str:
    (row,) = tenant.query(
        "SELECT id FROM hubspot.jobs"
        " WHERE end_time IS NULL AND (organization_id, hubspot.deal_type_of(type)) = (%s, %s)",
        tenant.id,
        tenant.type,
    )
    return str(row["id"])
