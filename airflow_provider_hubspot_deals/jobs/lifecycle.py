"""From the first heartbeat to the end of a job. Every statement names the attempt's epoch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.exceptions import JobCancelled, JobLostError, JobSuperseded, WrongPortalError
from airflow_provider_hubspot_deals.jobs.model import Job
from airflow_provider_hubspot_deals.kill_points import KillPoint, reached

EVENT_NAMES_MAX = 100  # of a list in one event; the count beside it is that of all


def bind_portal(connection: Connection[Any], job: Job, portal_id: int) -> None:
    """Remember which portal this organization and type belongs to; a later token must open the same one.

    Raises:
        WrongPortalError: the portal belongs to another organization or type already.
    """
    try:
        with sql.transaction(connection):
            sql.execute(connection, "jobs.bind_portal", {**job.keys, "portal_id": portal_id}, schema=job.schema)
    except UniqueViolation:
        raise WrongPortalError(
            f"The HubSpot token of organization {job.organization!r} (type {job.type!r}) opens portal {portal_id}, "
            "which belongs to another organization or type. Put the right token into its connection."
        ) from None


def database_time(connection: Connection[Any]) -> datetime:
    """PostgreSQL's clock."""
    with sql.transaction(connection):  # under the DateStyle that psycopg reads
        (now,) = sql.column(connection, "jobs.database_time", {})
    return cast("datetime", now)


def heartbeat(connection: Connection[Any], job: Job) -> bool:
    """Say that the job is alive; False when it is no longer ours to run."""
    with sql.transaction(connection):
        return sql.one(connection, "jobs.heartbeat", job.keys, schema=job.schema) is not None


def lock_fence(connection: Connection[Any], job: Job) -> str:
    """First statement of every batch: nobody can take the fence until this transaction ends; the transaction's id.

    Raises:
        JobSuperseded: a newer attempt has it.
    """
    locked = sql.one(connection, "jobs.lock_fence", job.keys, schema=job.schema)
    if locked is None:
        raise JobSuperseded(f"Job {job.id} was taken over by a newer attempt; this one stops without writing.")
    return str(locked["transaction_id"])


def record_batch(connection: Connection[Any], job: Job, batch: Mapping[str, Any]) -> None:
    """Counters, checkpoint and heartbeat of one batch, and its line in the ledger, in the caller's transaction.

    Raises:
        JobCancelled, JobSuperseded: the job is no longer running; the caller's transaction must roll back.
    """
    parameters = {**job.keys, **_usage(batch), "checkpoint": Jsonb(batch["checkpoint"])}
    recorded = sql.one(connection, "jobs.record_batch", parameters, schema=job.schema)
    if recorded is None:
        raise stopped(connection, job)
    sql.execute(
        connection, "jobs.insert_ledger", {**parameters, "batch_number": recorded["batches"]}, schema=job.schema
    )


def tell(connection: Connection[Any], job: Job, kind: str, details: Mapping[str, Any]) -> None:
    """Write an event that the job's own row does not show, in the caller's transaction. Never a deal's values.

    The month that it goes into is there: a claim makes it, for a week ahead.
    """
    sql.execute(
        connection, "jobs.insert_event", {**job.keys, "kind": kind, "details": Jsonb(dict(details))}, schema=job.schema
    )


def stopped(connection: Connection[Any], job: Job) -> JobCancelled | JobLostError | JobSuperseded:
    """Why the job is no longer ours."""
    row = sql.one(connection, "jobs.status", job.keys, schema=job.schema)
    if row and row["status"] == "cancelled":
        return JobCancelled(f"Job {job.id} of organization {job.organization!r} was cancelled; committed batches stay.")
    if row and row["is_lost"] and row["epoch"] == job.epoch:
        return JobLostError(
            f"Job {job.id} of organization {job.organization!r} was taken for dead, as nothing was heard of it for so "
            "long. Nobody has taken it over: the next try goes on from its last batch."
        )
    return JobSuperseded(f"Job {job.id} is {row['status'] if row else 'gone'}; this attempt stops without writing.")


def advance_watermark(connection: Connection[Any], job: Job, watermark: datetime) -> None:
    """Everything changed up to ``watermark`` is stored. In the transaction that stored the last of it."""
    sql.execute(connection, "jobs.advance_watermark", {**job.keys, "watermark": watermark}, schema=job.schema)


def complete(
    connection: Connection[Any], job: Job, *, selection: str, started_at: datetime, usage: Mapping[str, Any]
) -> sql.Row:
    """End the job well and return its row, with the organization's ``watermark``.

    Args:
        usage: API usage since the last batch: api_calls, api_calls_by_endpoint, rate_limit_hits, bytes_received; and
            daily_limit and daily_remaining, where HubSpot told them.

    Raises:
        JobCancelled, JobSuperseded: it was no longer running.
    """
    with sql.transaction(connection):
        lock_fence(connection, job)
        row = sql.one(connection, "jobs.complete", {**job.keys, **_usage(usage)}, schema=job.schema)
        if row is None:
            raise stopped(connection, job)
        outcome = {"mode": job.mode, "selection": selection, "started_at": started_at}
        state = sql.one(connection, "jobs.record_sync", {**job.keys, **outcome}, schema=job.schema)
        reached(KillPoint.COMPLETION_WRITTEN)
        return {**row, **(state or {})}


def release(
    connection: Connection[Any],
    job: Job,
    *,
    error_code: str,
    error_message: str,
    resume_after: timedelta,
    usage: Mapping[str, Any],
) -> datetime | None:
    """Back to pending with its checkpoint: the next attempt goes on from there.

    Gives the moment from which it may, by PostgreSQL's clock; None when the job has changed hands already.
    """
    outcome = {"error_code": error_code, "error_message": error_message, "resume_after": resume_after}
    with sql.transaction(connection):
        released = sql.column(connection, "jobs.release", {**job.keys, **outcome, **_usage(usage)}, schema=job.schema)
    return released[0] if released else None


def fail(
    connection: Connection[Any], job: Job, *, error_code: str, error_message: str, usage: Mapping[str, Any]
) -> None:
    """End the job as failed, unless it has ended or changed hands already."""
    outcome = {"error_code": error_code, "error_message": error_message}
    with sql.transaction(connection):
        sql.execute(connection, "jobs.fail", {**job.keys, **outcome, **_usage(usage)}, schema=job.schema)


def count_usage(connection: Connection[Any], job: Job, usage: Mapping[str, Any]) -> None:
    """What an attempt asked of HubSpot before it saw that its job had ended; nothing when a newer attempt has it."""
    with sql.transaction(connection):
        sql.execute(connection, "jobs.count_usage", {**job.keys, **_usage(usage)}, schema=job.schema)


def _usage(parameters: Mapping[str, Any]) -> dict[str, Any]:
    told = {"daily_limit": None, "daily_remaining": None, **parameters}
    return {**told, "api_calls_by_endpoint": Jsonb(dict(parameters["api_calls_by_endpoint"]))}
