"""The jobs table: claim, heartbeat, progress, and the ways in which a job ends.

A job is one extraction run. Its attempts (Airflow's tries) share its row and go on from its checkpoint. Claiming it
takes a new epoch from ``sync_state``; every later write names that epoch, so an attempt that was replaced while it
slept writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.exceptions import ConfigurationError, JobAlreadyRunning, JobCancelled, JobSuperseded

SILENCE_MAX = timedelta(seconds=120)  # a running job that was not heard of for longer is taken for dead

COUNTS = (
    "records_extracted",
    "records_inserted",
    "records_updated",
    "records_unchanged",
    "records_duplicate",
    "records_stale",
    "records_quarantined",
    "records_deleted",
    "value_issues",
    "pages_read",
    "api_calls",
    "rate_limit_hits",
)


@dataclass(frozen=True, kw_only=True)
class JobOrigin:
    """The Airflow task instance that a job belongs to; all None outside Airflow.

    Attributes:
        clear_number: how often the DAG run was cleared. A retry continues its job, a cleared task starts another.
        max_tries: tries after the first one; the last try's failure fails the job.
        trigger: how the run came about, e.g. ``scheduled`` or ``manual``.
    """

    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 0
    clear_number: int = 0
    trigger: str | None = None

    @property
    def has_tries_left(self) -> bool:
        """Whether Airflow will start another attempt when this one fails."""
        return self.run_id is not None and self.try_number <= self.max_tries


@dataclass(frozen=True, kw_only=True)
class JobOrder:
    """What somebody asks for: the identity and settings that decide which job to claim."""

    organization_id: UUID
    organization: str
    type: str
    mode: str
    selection: str  # fingerprint of what is read of each deal; another one than last time asks for a full run
    full_refresh_every: timedelta
    allow_negative_amounts: bool
    config: Mapping[str, Any]
    origin: JobOrigin

    @property
    def job_type(self) -> str:
        """``jobs.type``: ``hubspot_deals``, or ``hubspot_deals_<type>`` for another label than ``standard``."""
        return "hubspot_deals" if self.type == "standard" else f"hubspot_deals_{self.type}"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A claimed job, or one that this very run had finished already."""

    id: UUID
    schema: str
    organization_id: UUID
    organization: str
    type: str
    leaf: str
    mode: str
    epoch: int
    load_id: UUID
    attempt: int
    portal_id: int | None
    watermark: datetime | None
    checkpoint: Mapping[str, Any] | None
    is_finished: bool = False
    row: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def keys(self) -> dict[str, Any]:
        """Parameters that nearly every statement names."""
        return {
            "id": self.id,
            "job_id": self.id,
            "epoch": self.epoch,
            "organization_id": self.organization_id,
            "type": self.type,
            "load_id": self.load_id,
        }


def claim(connection: Connection[Any], schema: str, order: JobOrder) -> Job:
    """Register the organization, find or make the job of this run, and take the fence.

    Raises:
        JobAlreadyRunning: another run of this organization and type is active.
        JobCancelled: the job of this run was cancelled before.
        ConfigurationError: another organization has this slug.
    """
    origin = order.origin
    keys = {
        "organization_id": order.organization_id,
        "slug": order.organization,
        "type": order.type,
        "job_type": order.job_type,
        "allow_negative_amounts": order.allow_negative_amounts,
        "dag_id": origin.dag_id,
        "run_id": origin.run_id,
        "task_id": origin.task_id,
        "map_index": origin.map_index,
        "clear_number": origin.clear_number,
    }
    with sql.transaction(connection):
        _register(connection, schema, order, keys)
        state = sql.one(
            connection, "jobs.lock_sync_state", {**keys, "full_refresh_every": order.full_refresh_every}, schema=schema
        )
        if state is None:
            raise JobSuperseded(f"Organization {order.organization!r} was erased while its job was being claimed.")
        # After the fence, as in every batch: a switched amount check locks the leaf, and the other order can deadlock.
        (leaf,) = sql.column(connection, "jobs.ensure_leaf", keys, schema=schema)
        sql.execute(connection, "jobs.allow_negative_amounts", keys, schema=schema)
        job = sql.one(connection, "jobs.job_of_run", keys, schema=schema)
        if job and job["status"] == "completed":
            return _job(order, schema, leaf, state, job, is_finished=True)
        if job and job["status"] == "cancelled":
            raise JobCancelled(f"Job {job['id']} of organization {order.organization!r} was cancelled.")
        job_id = job["id"] if job and job["status"] != "failed" else _new_job(connection, schema, order, state, keys)
        (epoch,) = sql.column(connection, "jobs.next_epoch", keys, schema=schema)
        attempt = {"id": job_id, "epoch": epoch, "load_id": uuid4(), "try_number": origin.try_number}
        started = sql.one(connection, "jobs.start_attempt", attempt, schema=schema)
        if started is None:
            raise JobSuperseded(f"Job {job_id} ended while it was being claimed.")
        return _job(order, schema, leaf, state, started)


def _register(connection: Connection[Any], schema: str, order: JobOrder, keys: Mapping[str, Any]) -> None:
    try:
        sql.execute(connection, "jobs.register_organization", keys, schema=schema)
    except UniqueViolation:
        raise ConfigurationError(
            f"Organization {order.organization!r} is registered under another id than {order.organization_id}. "
            "Give it its registered id again, or choose another name."
        ) from None
    sql.execute(connection, "jobs.register_sync_state", keys, schema=schema)


def _new_job(
    connection: Connection[Any], schema: str, order: JobOrder, state: sql.Row, keys: Mapping[str, Any]
) -> UUID:
    active = sql.one(connection, "jobs.active_job", {**keys, "silence": SILENCE_MAX}, schema=schema)
    if active and not (active["silent"] or active["abandoned"]):
        raise JobAlreadyRunning(
            f"Organization {order.organization!r} (type {order.type!r}) has an active job already: {active['id']}, "
            f"{active['status']}, of run {active['run_id']!r}. This run leaves it alone."
        )
    if active:
        reason = {"error_code": "HEARTBEAT_LOST", "error_message": "No sign of life; a later run took over."}
        sql.execute(connection, "jobs.fail", {"id": active["id"], "epoch": None, **reason}, schema=schema)
    job_id = uuid4()
    sql.execute(
        connection,
        "jobs.insert_job",
        {
            **keys,
            "id": job_id,
            "mode": _resolved_mode(order, state),
            "config": Jsonb(dict(order.config)),
            "trigger": order.origin.trigger,
        },
        schema=schema,
    )
    return job_id


def _resolved_mode(order: JobOrder, state: sql.Row) -> str:
    """An incremental run needs a full one before; ``auto`` also wants one when it is due or the selection changed."""
    if order.mode in {"full", "window"}:
        return order.mode
    never_full = state["watermark"] is None
    due = order.mode == "auto" and (state["full_is_due"] or state["selection"] != order.selection)
    return "full" if never_full or due else "incremental"


def _job(order: JobOrder, schema: str, leaf: str, state: sql.Row, row: sql.Row, *, is_finished: bool = False) -> Job:
    return Job(
        id=row["id"],
        schema=schema,
        organization_id=order.organization_id,
        organization=order.organization,
        type=order.type,
        leaf=leaf,
        mode=row["mode"],
        epoch=row["epoch"],
        load_id=row["load_id"],
        attempt=row["attempt"],
        portal_id=state["portal_id"],
        watermark=state["watermark"],
        checkpoint=row["checkpoint"],
        is_finished=is_finished,
        row=row,
    )


def bind_portal(connection: Connection[Any], job: Job, portal_id: int) -> None:
    """Remember which portal this organization and type belongs to; a later token must open the same one."""
    with sql.transaction(connection):
        sql.execute(connection, "jobs.bind_portal", {**job.keys, "portal_id": portal_id}, schema=job.schema)


def heartbeat(connection: Connection[Any], job: Job) -> bool:
    """Say that the job is alive; False when it is no longer ours to run."""
    with sql.transaction(connection):
        return sql.one(connection, "jobs.heartbeat", job.keys, schema=job.schema) is not None


def lock_fence(connection: Connection[Any], job: Job) -> None:
    """First statement of every batch: nobody can take the fence until this transaction ends.

    Raises:
        JobSuperseded: a newer attempt has it.
    """
    if sql.one(connection, "jobs.lock_fence", job.keys, schema=job.schema) is None:
        raise JobSuperseded(f"Job {job.id} was taken over by a newer attempt; this one stops without writing.")


def record_batch(connection: Connection[Any], job: Job, batch: Mapping[str, Any]) -> None:
    """Counters, checkpoint and heartbeat of one batch, and its line in the ledger, in the caller's transaction.

    Raises:
        JobCancelled, JobSuperseded: the job is no longer running; the caller's transaction must roll back.
    """
    parameters = {**job.keys, **batch, "checkpoint": Jsonb(batch["checkpoint"])}
    recorded = sql.one(connection, "jobs.record_batch", parameters, schema=job.schema)
    if recorded is None:
        raise stopped(connection, job)
    sql.execute(
        connection, "jobs.insert_ledger", {**parameters, "batch_number": recorded["batches"]}, schema=job.schema
    )


def stopped(connection: Connection[Any], job: Job) -> JobCancelled | JobSuperseded:
    """Why the job is no longer ours."""
    row = sql.one(connection, "jobs.status", job.keys, schema=job.schema)
    if row and row["status"] == "cancelled":
        return JobCancelled(f"Job {job.id} of organization {job.organization!r} was cancelled; committed batches stay.")
    return JobSuperseded(f"Job {job.id} is {row['status'] if row else 'gone'}; this attempt stops without writing.")


def advance_watermark(connection: Connection[Any], job: Job, watermark: datetime) -> None:
    """Everything changed up to ``watermark`` is stored. In the transaction that stored the last of it."""
    sql.execute(connection, "jobs.advance_watermark", {**job.keys, "watermark": watermark}, schema=job.schema)


def complete(connection: Connection[Any], job: Job, *, selection: str, started_at: datetime, api_calls: int) -> sql.Row:
    """End the job well and return its row.

    Raises:
        JobCancelled, JobSuperseded: it was no longer running.
    """
    with sql.transaction(connection):
        lock_fence(connection, job)
        row = sql.one(connection, "jobs.complete", {**job.keys, "api_calls": api_calls}, schema=job.schema)
        if row is None:
            raise stopped(connection, job)
        if job.mode != "window":
            outcome = {"full": job.mode == "full", "selection": selection, "started_at": started_at}
            sql.execute(connection, "jobs.record_sync", {**job.keys, **outcome}, schema=job.schema)
        return row


def release(
    connection: Connection[Any], job: Job, *, error_code: str, error_message: str, resume_after: timedelta
) -> None:
    """Back to pending with its checkpoint: the next attempt goes on from there."""
    outcome = {"error_code": error_code, "error_message": error_message, "resume_after": resume_after}
    with sql.transaction(connection):
        sql.execute(connection, "jobs.release", {**job.keys, **outcome}, schema=job.schema)


def fail(connection: Connection[Any], job: Job, *, error_code: str, error_message: str) -> None:
    """End the job as failed, unless it has ended or changed hands already."""
    outcome = {"error_code": error_code, "error_message": error_message}
    with sql.transaction(connection):
        sql.execute(connection, "jobs.fail", {**job.keys, **outcome}, schema=job.schema)
