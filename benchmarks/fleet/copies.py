"""Whether each organization's copy is what its account of HubSpot holds, and what its jobs say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import psycopg
import requests

from airflow_provider_hubspot_deals.organizations.organization import Organization
from benchmarks.fleet.stack import FleetStack

TIMEOUT_S = 60.0
MODIFIED = "hs_lastmodifieddate"
HALF_DONE = "SELECT dag_id FROM hubspot.jobs WHERE status = 'running' AND records_extracted > 0"
STORED = f"""
SELECT hubspot_deal_id::text, raw_properties ->> '{MODIFIED}', archived FROM hubspot.hubspot_deals
WHERE _organization_id = %s
"""  # noqa: S608 - a constant
JOBS = "SELECT status, attempt, dag_id FROM hubspot.jobs"
EVENTS = """
SELECT event.kind, count(*) FROM hubspot.job_events AS event JOIN hubspot.jobs AS job ON job.id = event.job_id
WHERE job.dag_id = ANY(%s) GROUP BY 1 ORDER BY 1
"""


def half_done(deals_url: str) -> set[str]:
    """DAG ids of the jobs that have stored some deals and go on."""
    with psycopg.connect(deals_url) as connection:
        return {dag_id for (dag_id,) in connection.execute(HALF_DONE)}


def compared(stack: FleetStack, lost: Sequence[str]) -> dict[str, Any]:
    """Copies that equal their account, deals in them, jobs by status, and what the lost ones' jobs went through."""
    with psycopg.connect(stack.deals_url) as connection:
        counts = [_deals_if_complete(connection, each, stack.simulator.url) for each in stack.organizations]
        jobs = connection.execute(JOBS).fetchall()
        events = connection.execute(EVENTS, [list(lost)]).fetchall()
    return {
        "copies": len(counts),
        "complete_copies": sum(count is not None for count in counts),
        "deals": sum(filter(None, counts)),
        "jobs": dict(Counter(status for status, _, _ in jobs)),
        "attempts": {dag_id: attempt for _, attempt, dag_id in jobs if attempt > 1},
        "events": dict(events),
    }


def _deals_if_complete(connection: psycopg.Connection[Any], organization: Organization, url: str) -> int | None:
    """How many deals there are; None unless each is there, once, in its newest version, archived where it is."""
    stored = connection.execute(STORED, [organization.id]).fetchall()
    found = {deal_id: (modified, archived) for deal_id, modified, archived in stored}
    return len(found) if found == _truth(url, organization) and len(found) == len(stored) else None


def _truth(url: str, organization: Organization) -> dict[str, tuple[str, bool]]:
    answer = requests.get(f"{url}/_control/portals/{organization.portal_id}/deals", timeout=TIMEOUT_S)
    answer.raise_for_status()
    deals = answer.json()
    return {
        deal_id: (record["properties"][MODIFIED], kind == "archived")
        for kind in ("live", "archived")
        for deal_id, record in deals[kind].items()
    }
