"""Who else is at work for an organization and type, and what a claim does about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError, JobAlreadyRunning
from airflow_provider_hubspot_deals.jobs.model import SILENCE_MAX, JobOrder

STUCK_AFTER = timedelta(seconds=sql.TRANSACTION_TIMEOUT_S + 30)  # no living client waits for a transaction that long


def end_or_respect(connection: Connection[Any], schema: str, order: JobOrder, active: sql.Row) -> None:
    """One organization and type has one active job; end one that nobody works on any more, respect any other.

    Raises:
        JobAlreadyRunning: somebody does.
    """
    silence = f"{SILENCE_MAX.total_seconds():.0f} s"
    if active["abandoned"]:
        code = "ABANDONED"
        why = "Its task was cleared" if active["is_own"] else f"Run {active['run_id']!r} left it behind"
    elif active["silent"]:
        code, why = "HEARTBEAT_LOST", f"No sign of life for more than {silence}"
        if active["status"] == "pending":
            why = f"It waited for another attempt, and none came within {silence} after it was due"
    else:
        raise already_running(order, active)
    successor = f"run {order.origin.run_id!r} took over" if order.origin.run_id else "a run outside Airflow took over"
    ended = {"id": active["id"], "error_code": code, "error_message": f"{why}; {successor}."}
    sql.execute(connection, "jobs.fail_other", ended, schema=schema)


def already_running(order: JobOrder, active: sql.Row) -> JobAlreadyRunning:
    """That this run has nothing to do."""
    return JobAlreadyRunning(
        f"Organization {order.organization!r} (type {order.type!r}) has an active job already: {active['id']}, "
        f"{active['status']}, of run {active['run_id']!r}. This run leaves it alone."
    )


def who_holds_the_fence(
    connection: Connection[Any], schema: str, order: JobOrder, keys: Mapping[str, Any]
) -> DatabaseUnavailableError | JobAlreadyRunning:
    """Another run that is at work, in a batch that takes its time; or nobody knows who."""
    with sql.transaction(connection):
        active = sql.one(connection, "jobs.active_job", {**keys, "silence": SILENCE_MAX}, schema=schema)
    if active and active["status"] == "running" and not (active["is_own"] or active["silent"]):
        return already_running(order, active)
    return DatabaseUnavailableError(
        f"Another session holds the row of organization {order.organization!r} (type {order.type!r}) in "
        f"{schema}.sync_state. If its worker is frozen, a load ends it after {STUCK_AFTER.total_seconds():.0f} s, "
        "where it logs in as the same role, or as one that has pg_read_all_stats and pg_signal_backend; end any "
        "other with pg_terminate_backend.",
        code="DB_BUSY",
    )
