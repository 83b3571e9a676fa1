"""What is said of a job → the event that webhooks are told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_hubspot_deals.webhooks.event import Event, event_of

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.notifications.job_facts import Facts

TYPES = {"completed": "job.completed", "failed": "job.failed", "stale": "data.stale"}

# What makes it another event than the last one of its type: a job may fail, be taken up again, and fail once more.
_IDENTITY = ("organization_id", "type", "job_id", "attempt")
_IDENTITY_WITHOUT_JOB = ("organization_id", "type", "dag_id", "run_id", "task_id", "map_index", "try_number")
_IDENTITY_OF_STALENESS = ("organization_id", "type", "last_completed_at")


def event_about(facts: Facts, kind: str | None = None) -> Event:
    """Return the event, with an id that is the same whenever and wherever it is told again.

    Args:
        kind: one of ``TYPES``; by itself ``failed`` when there is an error, else ``completed``.
    """
    kind = kind or ("failed" if facts.get("error_code") else "completed")
    if kind == "stale":
        identity: tuple[str, ...] = _IDENTITY_OF_STALENESS
    else:
        identity = _IDENTITY if facts.get("job_id") else _IDENTITY_WITHOUT_JOB
    occurred_at = facts.get("ended_at")
    return event_of(
        TYPES[kind],
        about=" ".join(str(facts.get(name)) for name in identity),
        occurred_at=datetime.fromisoformat(occurred_at) if occurred_at else datetime.now(UTC),
        data=facts,
    )
