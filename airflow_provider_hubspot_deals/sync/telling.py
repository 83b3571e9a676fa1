"""Events that a job's own row does not show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import jobs, sql

NAMES_MAX = 100  # of a list in one event; the count beside it is that of all


def tell(connection: Connection[Any], job: jobs.Job, kind: str, details: Mapping[str, Any]) -> None:
    """Write an event in the caller's transaction, whichever month it is. Never a deal's values."""
    sql.execute(connection, "dimensions.ensure_event_partition", {}, schema=job.schema)
    jobs.tell(connection, job, kind, details)
