"""What is said of a job → the event that webhooks are told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_hubspot_deals.webhooks.event import Event, event_of

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.notifications.job_facts import Facts

TYPES = {"completed": "job.completed", "failed": "job.failed", "stale": "data.stale"}

# What makes it another event than the last one of its type: a job may fail, be taken up again, and fail once more, or
# fail before it is taken up. That it completed may be said by a later try than the one that completed it.
_IDENTITY_OF_COMPLETION = ("organization_id", "type", "job_id", "attempt")
_IDENTITY_OF_FAILURE = (*_IDENTITY_OF_COMPLETION, "try_number")
_IDENTITY_WITHOUT_JOB = ("organization_id", "type", "dag_id", "run_id", "task_id", "map_index", "try_number")
_IDENTITY_OF_STALENESS = ("organization_id", "type", "last_completed_at")


def event_about(facts: Facts, kind: str | None = None) -> Event:
    """Return the event, with an id that is the same whenever and wherever it is told again.

    Args:
        kind: one of ``TYPES``; by itself ``failed`` when there is an error, else ``completed``.
    """
    kind = kind or ("failed" if facts.get("error_code") else "completed")
    occurred_at = facts.get("ended_at")
    return event_of(
        TYPES[kind],
        about=" ".join(str(facts.get(name)) for name in _identity(facts, kind)),
        occurred_at=datetime.fromisoformat(occurred_at) if occurred_at else datetime.now(UTC),
        data=facts,
    )


def _identity(facts: Facts, kind: str) -> tuple[str, ...]:
    if kind == "stale":
        return _IDENTITY_OF_STALENESS
    if not facts.get("job_id"):
        return _IDENTITY_WITHOUT_JOB
    return _IDENTITY_OF_FAILURE if kind == "failed" else _IDENTITY_OF_COMPLETION
