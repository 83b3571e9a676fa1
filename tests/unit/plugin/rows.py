"""Rows as the page's statements return them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NAMESPACE = UUID("00000000-0000-4000-8000-000000000003")


def a_job(**columns: Any) -> dict[str, Any]:
    """A running job that began a minute ago and was heard of just now."""
    return {
        "status": "running",
        "mode": "full",
        "start_time": NOW - timedelta(minutes=1),
        "end_time": None,
        "last_heartbeat": NOW,
        "resume_at": None,
        "records_extracted": 0,
        "records_expected": None,
        "now": NOW,
        **columns,
    }


def an_organization(slug: str = "acme", **columns: Any) -> dict[str, Any]:
    """A row of ``board.organizations``: an organization whose newest job is :func:`a_job`."""
    return {
        **a_job(),
        "organization_id": uuid5(NAMESPACE, slug),
        "type": "standard",
        "slug": slug,
        "name": slug,
        "dag_id": f"hubspot_deals_{slug}",
        "job_dag_id": f"hubspot_deals_{slug}",
        "watermark": NOW - timedelta(minutes=5),
        "last_sync_at": NOW,
        "stale_after_minutes": 1440,
        "portal_id": 1,
        "deals": 0,
        "changed_today": 0,
        "api_calls_today": 0,
        "value_issues": 0,
        "quarantined": 0,
        "daily_limit": None,
        **columns,
    }
