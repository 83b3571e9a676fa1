"""Organizations as the loader makes them: claimed, given a leaf, and a few deals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import psycopg
from psycopg import sql as psycopg_sql

from airflow_provider_hubspot_deals import jobs, loading, sql
from airflow_provider_hubspot_deals.deals.parsing import DealParser, DealRow
from airflow_provider_hubspot_deals.jobs import Job, JobOrder, JobOrigin

SCHEMA = "hubspot"
NAMESPACE = UUID("00000000-0000-4000-8000-00000000be9c")
DEALS_EACH = 5
MODIFIED = "2026-03-09T20:29:45.981Z"
CUSTOM_PROPERTIES = [f"choice_of_{number}" for number in range(10)]
NEW_DEALS = """
INSERT INTO {leaf} (hubspot_deal_id, dealname, amount, dealstage, _organization_id, _tenant_id)
SELECT number, 'Deal ' || number, number, 'closedwon', {organization}, {organization}
FROM generate_series(1, {deals}) AS number
"""
END_JOB = "UPDATE {jobs} SET status = 'completed' WHERE id = {job}"


def organization_id(number: int) -> UUID:
    """The same every time."""
    return uuid5(NAMESPACE, str(number))


def order(number: int, run_id: str) -> JobOrder:
    """A scheduled run of one organization."""
    return JobOrder(
        organization_id=organization_id(number),
        organization=f"organization-{number}",
        type="standard",
        mode="auto",
        selection="all",
        full_refresh_every=timedelta(days=7),
        allow_negative_amounts=False,
        config={"mode": "auto"},
        origin=JobOrigin(dag_id=f"organization-{number}", run_id=run_id, task_id="load"),
    )


def claim(connection: psycopg.Connection[Any], number: int, run_id: str) -> Job:
    """By the loader's own statements; makes organization and leaf when they are new."""
    return jobs.claim(connection, SCHEMA, order(number, run_id))


def fill(connection: psycopg.Connection[Any], job: Job) -> None:
    """A few deals, and the end of the job."""
    names = {
        "leaf": psycopg_sql.Identifier(SCHEMA, job.leaf),
        "organization": psycopg_sql.Literal(job.organization_id),
        "deals": psycopg_sql.Literal(DEALS_EACH),
        "jobs": psycopg_sql.Identifier(SCHEMA, "jobs"),
        "job": psycopg_sql.Literal(job.id),
    }
    connection.execute(psycopg_sql.SQL(NEW_DEALS).format(**names))
    connection.execute(psycopg_sql.SQL(END_JOB).format(**names))


def store(connection: psycopg.Connection[Any], job: Job, rows: list[DealRow]) -> None:
    """One batch, as ``sync.batches.write`` stores it."""
    with sql.transaction(connection):
        jobs.lock_fence(connection, job)
        loading.store(connection, loading.Tables(schema=SCHEMA, leaf=job.leaf), job.keys, rows)


def new_rows(count: int) -> list[DealRow]:
    """Parsed deals whose ids no organization has yet, a kilobyte each."""
    parser = DealParser(CUSTOM_PROPERTIES, allow_negative_amounts=False)
    return parser.parse_page((a_record(1_000_000 + number) for number in range(count)), 1).rows


def a_record(deal_id: int) -> dict[str, Any]:
    """A deal as HubSpot sends it."""
    properties = {
        "dealname": f"Deal {deal_id}",
        "amount": "1500.00",
        "dealstage": "presentationscheduled",
        "pipeline": "default",
        "closedate": MODIFIED,
        "createdate": MODIFIED,
        "hs_lastmodifieddate": MODIFIED,
        "hubspot_owner_id": "77000001",
        "description": "They asked for a second offer. " * 3,
    }
    custom = dict.fromkeys(CUSTOM_PROPERTIES, "one of several choices")
    return {"id": str(deal_id), "properties": properties | custom, "archived": False}
