"""What a notification says about a job: from its row, and from the failure where the row could not be written."""

from __future__ import annotations

import logging
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_hubspot_deals.exceptions import HubSpotDealsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_provider_hubspot_deals.organizations import Organization

log = logging.getLogger(__name__)

Facts = dict[str, Any]

FACTS = "hubspot_job"  # under which templates of notifiers find them in the context

_UNKNOWN_CODE = "UNEXPECTED"
_UNKNOWN = "The task failed, and its job does not say why; the task log has the details."


def job_facts(context: Context) -> Facts:
    """What may be said of the task's job: small, JSON-able, no token, no deal.

    Keys: organization, organization_id, type, job_id, mode, status, attempt, started_at, ended_at, seconds, watermark,
    counts (by name), error_code, error, dag_id, run_id, task_id, map_index, try_number. What is not known is None.

    Args:
        context: of a callback of a task of :class:`HubSpotDealsToPostgresOperator`.

    Raises:
        ConfigurationError: the task's arguments name no organization.
    """
    task: Any = context["task"]  # our operator
    organization = task.identified_organization
    facts = {**_of_the_run(context), **_of_the_organization(organization)}
    row = _row(organization, facts)
    return {**facts, **_of_the_job(row or {}), **_failure(context, row or {})}


def _of_the_run(context: Context) -> Facts:
    task_instance = context["ti"]
    map_index = getattr(task_instance, "map_index", None)
    return {
        "dag_id": task_instance.dag_id,
        "run_id": task_instance.run_id,
        "task_id": task_instance.task_id,
        "map_index": -1 if map_index is None else map_index,
        "try_number": task_instance.try_number,
    }


def _of_the_organization(organization: Organization) -> Facts:
    return {
        "organization": organization.slug,
        "organization_id": str(organization.id),
        "type": organization.type,
    }


def _row(organization: Organization, facts: Facts) -> Mapping[str, Any] | None:
    """The job's row; None when there is none, or nobody to ask."""
    import psycopg

    from airflow_provider_hubspot_deals import sql
    from airflow_provider_hubspot_deals.hooks.postgres import HURRIED, connection_opener

    parameters = {**facts, "job_type": organization.job_type}
    try:
        with closing(connection_opener(organization.postgres_conn_id, **HURRIED)()) as connection:
            connection.autocommit = True
            with sql.transaction(connection):
                return sql.one(connection, "notifications.job_of_run", parameters, schema=organization.schema)
    except (psycopg.Error, HubSpotDealsError) as error:
        log.warning("The job of %s could not be read (%s).", facts["organization"], type(error).__name__)
        return None


def _of_the_job(row: Mapping[str, Any]) -> Facts:
    from airflow_provider_hubspot_deals.jobs import COUNTS

    started_at, ended_at = row.get("start_time"), row.get("end_time")
    return {
        "job_id": str(row["id"]) if row else None,
        "mode": row.get("mode"),
        "status": row.get("status"),
        "attempt": row.get("attempt"),
        "started_at": moment_text(started_at),
        "ended_at": moment_text(ended_at),
        "seconds": round((ended_at - started_at).total_seconds(), 3) if started_at and ended_at else None,
        "watermark": moment_text(row.get("watermark")),
        "counts": {name: row.get(name) for name in COUNTS},
    }


def _failure(context: Context, row: Mapping[str, Any]) -> Facts:
    """The row's own words; where it has not failed in this try, the exception's, if it is one of ours: others may quote
    values.
    """
    has_failed = row.get("status") in ("failed", "cancelled") and row.get("try_number") == context["ti"].try_number
    if row.get("error_code") and has_failed:
        return {"error_code": row["error_code"], "error": row["error_message"]}
    error: object = context.get("exception")
    if row.get("status") == "completed" and error is None:
        return {"error_code": None, "error": None}
    while isinstance(error, BaseException):
        if isinstance(error, HubSpotDealsError):
            return {"error_code": error.code, "error": str(error)}
        error = error.__cause__
    return {"error_code": row.get("error_code") or _UNKNOWN_CODE, "error": row.get("error_message") or _UNKNOWN}


def moment_text(value: datetime | None) -> str | None:
    """ISO 8601 in UTC."""
    return None if value is None else value.astimezone(UTC).isoformat()
