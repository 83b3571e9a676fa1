"""One organization with many deals among others with few, and many ended jobs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from benchmarks import organizations

FOLDER = Path(__file__).with_name("sql")
SUBJECT = 1
DAYS = 365


@dataclass(frozen=True, slots=True)
class Large:
    """The organization with many deals."""

    id: UUID
    leaf: str
    full_job: UUID  # wrote seven deals of ten
    daily_job: UUID  # wrote what changed in a day
    active_job: UUID


def make(connection: psycopg.Connection[Any], *, deals: int, others: int) -> Large:
    """Fill an empty schema; the same deals for the same number."""
    connection.execute("SELECT setseed(0.5)")
    job = organizations.claim(connection, SUBJECT, "active")
    for number in range(SUBJECT + 1, SUBJECT + 1 + others):
        organizations.fill(connection, organizations.claim(connection, number, "first"))
    daily = [uuid4() for _ in range(DAYS)]
    large = Large(id=job.organization_id, leaf=job.leaf, full_job=uuid4(), daily_job=daily[7], active_job=job.id)
    _execute(
        connection,
        "fill_deals",
        leaf=sql.Identifier(large.leaf),
        organization=sql.Literal(large.id),
        full=sql.Literal(large.full_job),
        daily=sql.Literal(daily),
        load=sql.Literal(uuid4()),
        deals=sql.Literal(deals),
    )
    vacuum = sql.SQL("VACUUM (ANALYZE) hubspot.organizations, hubspot.{}")
    connection.execute(vacuum.format(sql.Identifier(large.leaf)))
    return large


def add_jobs(connection: psycopg.Connection[Any], jobs: int) -> None:
    """Ended jobs of every organization that is there."""
    _execute(connection, "fill_jobs", jobs=sql.Literal(jobs))
    connection.execute("VACUUM (ANALYZE) hubspot.jobs")


def _execute(connection: psycopg.Connection[Any], name: str, **parts: sql.Composable) -> None:
    text = (FOLDER / f"{name}.sql").read_text()
    connection.execute(sql.SQL(text).format(**parts))
