"""Which job an attempt works on: its own from an earlier try, a new one, or none because another run is active."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.errors import ForeignKeyViolation, LockNotAvailable, UniqueViolation
from psycopg.types.json import Jsonb

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.exceptions import (
    ConfigurationError,
    DatabaseUnavailableError,
    JobCancelled,
    JobSuperseded,
)
from airflow_provider_hubspot_deals.jobs.lifecycle import stopped
from airflow_provider_hubspot_deals.jobs.model import SILENCE_MAX, Job, JobOrder
from airflow_provider_hubspot_deals.jobs.rivals import STUCK_AFTER, already_running, end_or_respect, who_holds_the_fence
from airflow_provider_hubspot_deals.kill_points import KillPoint, reached

LOST_AFTER = timedelta(seconds=2)  # what holds our own fence for longer is no rival's claim, but what we lost


def claim(connection: Connection[Any], schema: str, order: JobOrder) -> Job:
    """As ``being_claimed``, with its transaction committed."""
    with being_claimed(connection, schema, order) as job:
        pass
    return job


@contextmanager
def being_claimed(connection: Connection[Any], schema: str, order: JobOrder) -> Iterator[Job]:
    """Register the organization, find or make the job of this run, and take the fence, in a transaction.

    The job is given before the COMMIT: whoever is stopped while that is under way knows which job may be running.

    Raises:
        JobAlreadyRunning: another run of this organization and type is active, or a later try of this one.
        JobCancelled: the job of this run was cancelled before.
        ConfigurationError: another organization has this slug.
        DatabaseUnavailableError: another session holds the fence, and this one may not end it, or not yet.
    """
    keys = _keys(order)
    try:
        with sql.transaction(connection):
            yield _claimed(connection, schema, order, keys)
    except _FenceHeldError:
        raise who_holds_the_fence(connection, schema, order, keys) from None


class _FenceHeldError(Exception):
    """Another session has the fence for longer than we wait."""


def _claimed(connection: Connection[Any], schema: str, order: JobOrder, keys: Mapping[str, Any]) -> Job:
    stuck = {**keys, "patience": STUCK_AFTER, "load_ids": None}
    sql.execute(connection, "jobs.end_stuck_session", stuck, schema=schema)
    _register(connection, schema, order, keys)
    state = _fence(connection, schema, keys)
    if state is None:
        raise JobSuperseded(f"Organization {order.organization!r} was erased while its job was being claimed.")
    # After the fence, as in every batch, since the other order can deadlock: a new name locks the row of the
    # organization, a switched amount check the leaf.
    with _one_id_each(order):
        sql.execute(connection, "jobs.update_organization", keys, schema=schema)
    (leaf,) = sql.column(connection, "jobs.ensure_leaf", keys, schema=schema)
    sql.execute(connection, "jobs.allow_negative_amounts", keys, schema=schema)
    sql.execute(connection, "jobs.update_sync_state", keys, schema=schema)
    (state["leaf_is_empty"],) = sql.column(connection, "jobs.is_empty", {}, schema=schema, leaf=leaf)
    if state["leaf_is_empty"]:
        sql.execute(connection, "jobs.forget_full_sync", keys, schema=schema)
        sql.execute(connection, "jobs.forget_lost_checkpoints", keys, schema=schema)
    own = sql.one(connection, "jobs.job_of_run", {**keys, "silence": SILENCE_MAX}, schema=schema)
    if own and own["status"] == "completed" and own["try_number"] < order.origin.try_number:
        return _job(order, schema, leaf, state, own, is_finished=True)
    if own and own["status"] == "cancelled":
        raise JobCancelled(f"Job {own['id']} of organization {order.organization!r} was cancelled.")
    if own and own["is_of_later_try"]:
        raise already_running(order, own)
    if own and own["status"] in {"pending", "running"}:
        job_id = own["id"]
        if state["leaf_is_empty"]:
            sql.execute(connection, "jobs.begin_anew", {"id": job_id}, schema=schema)
    else:
        job_id = _other_job(connection, schema, order, {**keys, **_beginning(order, state, own)})
        if state["leaf_is_empty"]:  # once more: a silent job may have become a lost one by this
            sql.execute(connection, "jobs.forget_lost_checkpoints", keys, schema=schema)
    job = _job(order, schema, leaf, state, _started(connection, schema, job_id, uuid4(), keys))
    reached(KillPoint.CLAIM_WRITTEN)
    return job


@contextmanager
def being_taken_up(connection: Connection[Any], job: Job, order: JobOrder) -> Iterator[Job]:
    """The same job for the same worker, after it lost its connection: a new epoch, and what was committed of it.

    Given before the COMMIT, as in ``being_claimed``. ``is_finished`` when the last thing that was committed had
    completed it. Done again, this goes on with what it did the first time, whose COMMIT may have been lost, too.

    Raises:
        JobCancelled, JobLostError, JobSuperseded: it is not ours any more.
        DatabaseUnavailableError: this database does not know it; the run's retry makes another one.
    """
    keys = _keys(order)
    ours = {"id": job.id, "load_ids": job.keys["load_ids"]}
    with sql.transaction(connection):  # on its own: a session that is being ended lets go of its locks a little later
        sql.execute(connection, "jobs.end_stuck_session", {**keys, **ours, "patience": LOST_AFTER}, schema=job.schema)
    with sql.transaction(connection):
        yield _taken_up(connection, job, order, {**keys, **ours})


def _taken_up(connection: Connection[Any], job: Job, order: JobOrder, keys: Mapping[str, Any]) -> Job:
    schema = job.schema
    state = sql.one(connection, "jobs.lock_sync_state", keys, schema=schema)
    stored = sql.one(connection, "jobs.job_of_attempts", keys, schema=schema)
    if state is not None and sql.one(connection, "jobs.status", keys, schema=schema) is None:
        raise DatabaseUnavailableError(
            f"Job {job.id} of organization {order.organization!r} is not in this database: a standby that lacked "
            "the last commits seems to have taken over. The run's retry begins it again."
        )
    if state is None or stored is None or stored["epoch"] != state["epoch"]:
        raise JobSuperseded(f"Job {job.id} was taken over by a newer attempt; this one stops without writing.")
    if stored["status"] == "completed":
        return _job(order, schema, job.leaf, state, stored, is_finished=True)
    if stored["status"] != "running":
        raise stopped(connection, replace(job, epoch=stored["epoch"]))
    if stored["load_id"] != job.next_load_id:
        stored = _started(connection, schema, job.id, job.next_load_id, keys)
    return _job(order, schema, job.leaf, state, stored)


def _keys(order: JobOrder) -> dict[str, Any]:
    origin = order.origin
    return {
        "organization_id": order.organization_id,
        "slug": order.organization,
        "type": order.type,
        "job_type": order.job_type,
        "selection": order.selection,
        "run_selection": order.run_selection or order.selection,
        "allow_negative_amounts": order.allow_negative_amounts,
        "full_refresh_every": order.full_refresh_every,
        "retention_days": order.retention_days,
        "archive_days": order.archive_days,
        "quarantine_days": order.quarantine_days,
        "stale_after_minutes": order.stale_after_minutes,
        "name": order.name,
        "dag_id": origin.dag_id,
        "run_id": origin.run_id,
        "task_id": origin.task_id,
        "map_index": origin.map_index,
        "clear_number": origin.clear_number,
        "first_try": origin.first_try,
        "try_number": origin.try_number,
        "trigger": origin.trigger,
    }


def _fence(connection: Connection[Any], schema: str, keys: Mapping[str, Any]) -> sql.Row | None:
    """The organization's row of sync_state, locked."""
    try:
        return sql.one(connection, "jobs.lock_sync_state", keys, schema=schema)
    except LockNotAvailable:
        raise _FenceHeldError from None


def _register(connection: Connection[Any], schema: str, order: JobOrder, keys: Mapping[str, Any]) -> None:
    with _one_id_each(order):
        sql.execute(connection, "jobs.register_organization", keys, schema=schema)
        sql.execute(connection, "jobs.register_sync_state", keys, schema=schema)


@contextmanager
def _one_id_each(order: JobOrder) -> Iterator[None]:
    """No two organizations have one name."""
    try:
        yield
    except (UniqueViolation, ForeignKeyViolation):
        raise ConfigurationError(
            f"Organization {order.organization!r} is registered under another id than {order.organization_id}. "
            "Give it its registered id again, or choose another name."
        ) from None


def _other_job(connection: Connection[Any], schema: str, order: JobOrder, job: Mapping[str, Any]) -> UUID:
    """A job that somebody inserted for whatever run comes first, or a new one."""
    active = sql.one(connection, "jobs.active_job", {**job, "silence": SILENCE_MAX}, schema=schema)
    if active and active["unclaimed"]:
        if adopted := sql.column(connection, "jobs.adopt_job", {**job, "id": active["id"]}, schema=schema):
            return cast("UUID", adopted[0])
    elif active:
        end_or_respect(connection, schema, order, active)
    job_id = uuid4()
    if sql.execute(connection, "jobs.insert_job", {**job, "id": job_id}, schema=schema):
        return job_id
    return _other_job(connection, schema, order, job)  # somebody has inserted one since


def _beginning(order: JobOrder, state: sql.Row, own: sql.Row | None) -> dict[str, Any]:
    """Where another job starts: where the lost one of this run stopped, or at the very beginning."""
    nothing = dict.fromkeys(("checkpoint", "window_start", "window_end", "continues"))
    anew = {**nothing, "config": Jsonb(dict(order.config)), "mode": _resolved_mode(order, state)}
    if not (own and own["is_lost"]):
        return anew
    if not own["checkpoint"]:  # had stored nothing, or what it had is gone: an incremental run would not ask for it
        return {**anew, "continues": own["id"]}
    kept = {name: own[name] for name in ("mode", "window_start", "window_end")}
    return {**anew, **kept, "checkpoint": Jsonb(own["checkpoint"]), "continues": own["id"]}


def _resolved_mode(order: JobOrder, state: sql.Row) -> str:
    """An incremental run needs a full one before; ``auto`` also wants one when it is due or the selection changed."""
    if order.mode in {"full", "window"}:
        return order.mode
    due = order.mode == "auto" and (state["full_is_due"] or state["selection"] != order.selection)
    return "full" if state["never_full"] or state["leaf_is_empty"] or due else "incremental"


def _started(connection: Connection[Any], schema: str, job_id: UUID, load_id: UUID, keys: Mapping[str, Any]) -> sql.Row:
    (epoch,) = sql.column(connection, "jobs.next_epoch", keys, schema=schema)
    attempt = {"id": job_id, "epoch": epoch, "load_id": load_id}
    started = sql.one(connection, "jobs.start_attempt", {**keys, **attempt}, schema=schema)
    if started is None:
        raise JobSuperseded(f"Job {job_id} ended while it was being claimed.")
    return started


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
