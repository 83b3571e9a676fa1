"""One organization in a database: its jobs and its deals, without HubSpot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import psycopg
from psycopg.rows import dict_row

from airflow_provider_hubspot_deals import jobs, loading, sql
from airflow_provider_hubspot_deals.deals.parsing import DealRow
from airflow_provider_hubspot_deals.jobs import Job, JobOrder, JobOrigin
from airflow_provider_hubspot_deals.loading import Tables, Written

NAMESPACE = UUID("00000000-0000-4000-8000-000000000002")
BATCH_COUNTS = (
    *("pages", "received", "expected", "inserted", "updated", "unchanged", "stale", "duplicate", "quarantined"),
    *("deleted", "value_issues"),
)
CONFIG = {"mode": "auto", "properties": None, "selection": "all"}
NO_USAGE = {"api_calls": 0, "api_calls_by_endpoint": {}, "rate_limit_hits": 0, "bytes_received": 0}


def a_run(run_id: str = "first", *, dag_id: str = "hubspot_deals_acme", **settings: Any) -> JobOrigin:
    return JobOrigin(dag_id=dag_id, run_id=run_id, task_id="load", **settings)


@dataclass(frozen=True)
class Tenant:
    """Every call has its own connection, as every attempt has."""

    url: str
    slug: str = "acme"
    type: str = "standard"

    @property
    def id(self) -> UUID:
        return uuid5(NAMESPACE, self.slug)

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, autocommit=True)

    def order(self, origin: JobOrigin | None = None, **overrides: Any) -> JobOrder:
        settings = {
            "organization_id": self.id,
            "organization": self.slug,
            "type": self.type,
            "mode": "auto",
            "selection": "all",
            "full_refresh_every": timedelta(days=7),
            "allow_negative_amounts": False,
            "config": CONFIG,
            "origin": origin or a_run(),
        }
        return JobOrder(**{**settings, **overrides})

    def claim(self, origin: JobOrigin | None = None, **overrides: Any) -> Job:
        with self.connect() as connection:
            return jobs.claim(connection, "hubspot", self.order(origin, **overrides))

    def take_up(self, job: Job, origin: JobOrigin | None = None) -> Job:
        with self.connect() as connection, jobs.being_taken_up(connection, job, self.order(origin)) as taken_up:
            pass
        return taken_up

    def query(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        with self.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, parameters or None).fetchall()

    def execute(self, statement: str, *parameters: object) -> int:
        with self.connect() as connection:
            return connection.execute(statement, parameters or None).rowcount

    def job(self, job: Job) -> dict[str, Any]:
        (row,) = self.query("SELECT * FROM hubspot.jobs WHERE id = %s", job.id)
        return row

    def sync_state(self) -> dict[str, Any]:
        (row,) = self.query(
            "SELECT * FROM hubspot.sync_state WHERE (organization_id, type) = (%s, %s)", self.id, self.type
        )
        return row

    def store(self, job: Job, *rows: DealRow) -> Written:
        """One batch of rows, committed."""
        with self.connect() as connection, sql.transaction(connection):
            return loading.store(connection, tables_of(job), job.keys, rows)

    def deals(self) -> dict[int, dict[str, Any]]:
        rows = self.query(
            "SELECT *, xmin::text AS row_version FROM hubspot.hubspot_deals WHERE (_organization_id, _type) = (%s, %s)",
            self.id,
            self.type,
        )
        return {row["hubspot_deal_id"]: row for row in rows}

    def deal(self, deal_id: int = 1) -> dict[str, Any]:
        return self.deals()[deal_id]

    def living(self) -> Sequence[int]:
        return sorted(deal_id for deal_id, row in self.deals().items() if not row["archived"])


def tables_of(job: Job) -> Tables:
    return Tables(schema=job.schema, leaf=job.leaf)


def a_batch(**counts: Any) -> dict[str, Any]:
    """What ``record_batch`` takes; counts that are not given are 0."""
    window = {"window_start": None, "window_end": None}
    return {
        **dict.fromkeys(BATCH_COUNTS, 0),
        **NO_USAGE,
        **window,
        "phase": "live",
        "checkpoint": {"phase": "live"},
        **counts,
    }
