"""Jobs of the past, and the events that tell what became of them."""

from __future__ import annotations

from typing import Any

from airflow_provider_hubspot_deals.jobs import Job
from tests.integration.tenant import Tenant, a_run


def an_ended_job(tenant: Tenant, run_id: str, *, days_ago: float = 0, status: str = "completed") -> Job:
    """A job of its own run that ended so long ago."""
    job = tenant.claim(a_run(run_id, dag_id=f"hubspot_deals_{tenant.slug}_{tenant.type}"))
    tenant.execute(
        "UPDATE hubspot.jobs SET status = %s, end_time = now() - make_interval(secs => %s) WHERE id = %s",
        status,
        days_ago * 86_400,
        job.id,
    )
    return job


def told(tenant: Tenant, kind: str) -> list[dict[str, Any]]:
    """Details of the events of one kind that belong to no job, oldest first."""
    rows = tenant.query(
        "SELECT details FROM hubspot.job_events WHERE kind = %s AND job_id IS NULL ORDER BY occurred_at", kind
    )
    return [row["details"] for row in rows]


def ids_in(tenant: Tenant, table: str) -> set[Any]:
    """Ids of the rows of a table that has a column ``id``."""
    statement = {
        "jobs": "SELECT id FROM hubspot.jobs",
        "jobs_archive": "SELECT id FROM hubspot.jobs_archive",
        "deals_quarantine": "SELECT id FROM hubspot.deals_quarantine",
    }[table]
    return {row["id"] for row in tenant.query(statement)}
