"""Indexes that the schema does not have: what each would save, and what it would cost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import psycopg
from psycopg import sql

from benchmarks import organizations
from benchmarks.deals import SUBJECT, Large
from benchmarks.plans import Plan, explain
from benchmarks.printed import SEARCH_PATH, Filter, filters

BATCHES = 10  # of BATCH_ROWS new deals, each rolled back
BATCH_ROWS = 1_000
SIZE = "SELECT pg_relation_size('hubspot.candidate')"
WAL_POSITION = "SELECT pg_current_wal_insert_lsn()"
WAL_BYTES = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An index of one leaf, and the statements that it is for."""

    definition: str
    titles: frozenset[str]


CANDIDATES = (
    Candidate("(_scan_id, _extracted_at)", frozenset({"Get paginated deals for tenant", "Multi-tenant query"})),
    Candidate("(_scan_id, closedate)", frozenset({"Get paginated deals results", "Get deals by date range"})),
    # Through the parent, the organization stays a condition: without it in the index, no scan is index-only.
    Candidate(
        "(hubspot_owner_id, dealstage) INCLUDE (amount, _organization_id) WHERE NOT archived",
        frozenset({"Get deals by owner and stage", "Count deals by stage for tenant", "Get tenant-specific analytics"}),
    ),
    # What scan_job_schema.md lists besides.
    Candidate("(_extracted_at)", frozenset({"Get paginated deals for tenant", "Multi-tenant query"})),
    Candidate("(hubspot_owner_id)", frozenset({"Get deals by owner and stage", "Get deals by owner"})),
    Candidate("(archived)", frozenset({"Count deals by stage for tenant", "Count deals by pipeline"})),
    Candidate("(dealstage, closedate)", frozenset({"Count deals by stage", "Get deals closing this month"})),
    Candidate("(pipeline, dealstage)", frozenset({"Count deals by pipeline", "Count deals by stage"})),
    Candidate(
        "USING gin (dealname public.gin_trgm_ops)",  # where the server has the extension pg_trgm
        frozenset({"Search deals by name (multi-tenant)"}),
    ),
)


def weigh(connection: psycopg.Connection[Any], large: Large) -> Iterator[dict[str, Any]]:
    """Make, measure and drop each candidate."""
    connection.execute(SEARCH_PATH)
    for candidate in CANDIDATES:
        asked = [each for each in filters(large) if each.statement.title in candidate.titles and each.job != "daily"]
        before, cost_before = _plans(connection, asked), cost_of_writing(connection)
        started = time.perf_counter()
        if not _create(connection, large.leaf, candidate):
            continue
        seconds = time.perf_counter() - started
        row = connection.execute(SIZE).fetchone()
        yield {
            "index": candidate.definition,
            "bytes": row[0] if row else None,
            "made_in_s": round(seconds, 1),
            "statements": [
                {
                    "title": each.statement.title,
                    "before_ms": without.ms,
                    "with_it_ms": with_it.ms,
                    "uses": with_it.indexes,
                }
                for each, without, with_it in zip(asked, before, _plans(connection, asked), strict=True)
            ],
            "written_row": {"before": cost_before, "with_it": cost_of_writing(connection)},
        }
        connection.execute("DROP INDEX hubspot.candidate")


def cost_of_writing(connection: psycopg.Connection[Any]) -> dict[str, float]:
    """Of one new deal in a batch: microseconds, and bytes of write-ahead log."""
    job = organizations.claim(connection, SUBJECT, "active")
    rows = organizations.new_rows(BATCH_ROWS)
    times, volumes = [], []
    for _ in range(BATCHES):
        (position,) = connection.execute(WAL_POSITION).fetchone() or (None,)
        started = time.perf_counter()
        with connection.transaction(force_rollback=True):
            organizations.store(connection, job, rows)
        times.append(time.perf_counter() - started)
        (volume,) = connection.execute(WAL_BYTES, [position]).fetchone() or (0,)
        volumes.append(float(volume))
    return {
        "us": round(median(times) * 1_000_000 / BATCH_ROWS, 1),
        "wal_bytes": round(median(volumes) / BATCH_ROWS),
    }


def _create(connection: psycopg.Connection[Any], leaf: str, candidate: Candidate) -> bool:
    """Whether this server can make it."""
    create = sql.SQL("CREATE INDEX candidate ON hubspot.{} " + candidate.definition)
    try:
        if "trgm" in candidate.definition:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public")
        connection.execute(create.format(sql.Identifier(leaf)))
    except psycopg.errors.FeatureNotSupported:
        return False
    connection.execute(sql.SQL("VACUUM (ANALYZE) hubspot.{}").format(sql.Identifier(leaf)))
    return True


def _plans(connection: psycopg.Connection[Any], asked: list[Filter]) -> list[Plan]:
    """Of each the better of two executions."""
    return [
        min((explain(connection, each.text, each.table) for _ in range(2)), key=lambda plan: plan.ms) for each in asked
    ]
