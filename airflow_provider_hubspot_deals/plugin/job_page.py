"""The jobs of an organization, and one of them: its numbers, phases and events, and what to do about its error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

from psycopg import Connection

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.advice import Advice, advice_for
from airflow_provider_hubspot_deals.plugin import wording
from airflow_provider_hubspot_deals.plugin.progress import Progress, progress_of
from airflow_provider_hubspot_deals.plugin.timeline import Event, timeline

EVENTS_MAX = 200
BATCHES_MAX = 60
JOBS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """What the page of a job shows.

    Attributes:
        speed: deals a second in the newest batches, 0 to 1 of the fastest of them.
        recent_rate: deals a second over those batches; empty when there are fewer than two.
        conf: what triggers the same work again.
    """

    row: Mapping[str, Any]
    progress: Progress
    counts: Sequence[tuple[str, int]]
    phases: Sequence[Mapping[str, Any]]
    events: Sequence[Event]
    speed: Sequence[float]
    recent_rate: str
    advice: Advice | None
    conf: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """One row of the table of an organization's jobs."""

    row: Mapping[str, Any]
    progress: Progress


def read_jobs(connection: Connection[Any], schema: str, keys: Mapping[str, Any]) -> Sequence[JobLine]:
    """Read the newest jobs of the ``organization_id`` and ``type`` that belong to the DAG ``dag_id``."""
    found = sql.rows(connection, "board.jobs", {**keys, "jobs_max": JOBS_MAX}, schema=schema)
    return [JobLine(row=row, progress=progress_of(row)) for row in found]


def read_job(connection: Connection[Any], schema: str, dag_id: str, job_id: UUID) -> JobPage | None:
    """Read one job of this DAG; None when it has no such job."""
    keys: dict[str, Any] = {"job_id": job_id, "dag_id": dag_id, "events_max": EVENTS_MAX, "batches_max": BATCHES_MAX}
    row = sql.one(connection, "board.job", keys, schema=schema)
    if row is None:
        return None
    keys |= {"organization_id": row["organization_id"], "created_at": row["created_at"]}
    batches = sql.rows(connection, "board.batches", keys, schema=schema)
    speeds = _speeds(batches)
    return JobPage(
        row=row,
        progress=progress_of(row),
        counts=[(name, row[column]) for name, column in wording.COUNTS],
        phases=sql.rows(connection, "board.phases", keys, schema=schema),
        events=timeline(sql.rows(connection, "board.events", keys, schema=schema), row),
        speed=[speed / max(speeds) if max(speeds) else 0.0 for speed in speeds],
        recent_rate=_recent_rate(batches),
        advice=advice_for(row["error_code"]) if row["error_code"] else None,
        conf=conf_of(row),
    )


def conf_of(row: Mapping[str, Any]) -> dict[str, str]:
    """What to trigger the DAG with to have the same done again."""
    added = ",".join(row["additional_properties"])
    return _what_is_read(row) | ({"properties": added} if added else {})


def _what_is_read(row: Mapping[str, Any]) -> dict[str, str]:
    if row["mode"] == "full":
        return {"mode": "full"}
    if row["mode"] == "window":
        asked = {name: row[f"asked_{name}"] for name in ("window_start", "window_end")}
        return {"mode": "window", **{name: value for name, value in asked.items() if value is not None}}
    # As a scheduled run: everything, if that has become due meanwhile. Whoever said incremental wants no such run.
    is_as_scheduled = row["mode"] is None or row["asked_mode"] == "auto"
    return {} if is_as_scheduled else {"mode": "incremental"}


def _speeds(batches: Sequence[Mapping[str, Any]]) -> list[float]:
    """Deals a second of each batch but the first."""
    return [
        later["received"] / max((later["written_at"] - earlier["written_at"]).total_seconds(), 0.001)
        for earlier, later in pairwise(batches)
    ]


def _recent_rate(batches: Sequence[Mapping[str, Any]]) -> str:
    if len(batches) < 2:  # noqa: PLR2004 - a rate lies between two moments
        return ""
    seconds = (batches[-1]["written_at"] - batches[0]["written_at"]).total_seconds()
    return wording.rate(sum(batch["received"] for batch in batches[1:]), seconds)
