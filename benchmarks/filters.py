"""`./run bench filters`: which indexes the statements of the two schema documents use, and what they cost on disk."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from airflow_provider_hubspot_deals import migrations
from benchmarks import deals
from benchmarks.deals import Large
from benchmarks.plans import Plan, explain
from benchmarks.report import say, table
from benchmarks.server import bench_server
from tests.integration.documents import Statement, statements

SEARCH_PATH = "SET search_path = hubspot_reporting, hubspot"
ORGANIZATION = re.compile(r"'(tenant|org)-123'")
JOB = re.compile(r"'(job-uuid|job-id|uuid-1|your-scan-id|(hubspot-|my-)?scan-001)'")
# The same columns, read from the organization's own table: a temporary view hides the reporting view of that name.
LEAF_VIEW = "CREATE TEMPORARY VIEW hubspot_deals AS "
SIZES = r"""
SELECT CASE relation.relkind WHEN 't' THEN 'TOAST' WHEN 'r' THEN 'table'
       ELSE 'index ' || substring(pg_get_indexdef(relation.oid) FROM '\(.*\)') END,
       pg_relation_size(relation.oid)
FROM pg_class AS leaf
JOIN pg_class AS relation ON relation.oid IN (leaf.oid, leaf.reltoastrelid)
    OR relation.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = leaf.oid)
WHERE leaf.oid = %s::regclass
ORDER BY 2 DESC
"""


@dataclass(frozen=True, slots=True)
class Filter:
    """A printed statement with the job that stands in it."""

    statement: Statement
    job: str  # "daily", "full", or "" where the statement names none
    table: str
    text: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of this sub-command."""
    parser.add_argument("--deals", type=int, default=1_000_000, help="of one organization (default: 1,000,000)")
    parser.add_argument("--jobs", type=int, default=100_000, help="of all organizations (default: 100,000)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Fill a database, explain every statement; gives the figures for `--json`."""
    with bench_server() as server:
        migrations.upgrade(server.owner_url)
        with server.connect(server.superuser_url) as connection:
            started = time.perf_counter()
            large = deals.make(connection, deals=options.deals, jobs=options.jobs, others=50)
            say(f"{options.deals} deals and {options.jobs} jobs made in {time.perf_counter() - started:.0f} s")
            return {
                "deals": options.deals,
                "jobs": options.jobs,
                "sizes": sizes(connection, large.leaf),
                "statements": list(explained(connection, large)),
            }


def explained(connection: psycopg.Connection[Any], large: Large) -> Iterator[dict[str, Any]]:
    """Each statement through the views, and those on deals through the organization's own table as well."""
    connection.execute(SEARCH_PATH)
    asked = filters(large)
    through_views = [explain(connection, each.text, each.table) for each in asked]
    hide_reporting_view(connection, large.leaf)
    for each, plan in zip(asked, through_views, strict=True):
        leaf = explain(connection, each.text, each.table) if each.table == large.leaf else None
        document, title = each.statement.name
        yield {"document": document, "title": title, "job": each.job, "view": described(plan)} | (
            {"leaf": described(leaf)} if leaf else {}
        )


def filters(large: Large) -> list[Filter]:
    """Every printed SELECT and UPDATE; one that names a job of deals once for a small and once for a large one."""
    return [
        Filter(statement, job, table_of(statement, large), filled(statement, large.id, job_id))
        for statement in statements()
        if statement.verb in {"SELECT", "UPDATE scan_jobs"}
        for job, job_id in jobs_for(statement, large)
    ]


def jobs_for(statement: Statement, large: Large) -> list[tuple[str, UUID]]:
    """Which jobs stand for the placeholder, by name."""
    if JOB.search(statement.text) and table_of(statement, large) == large.leaf:
        return [("daily", large.daily_job), ("full", large.full_job)]
    return [("", large.active_job)]


def table_of(statement: Statement, large: Large) -> str:
    """The table that its filter is about."""
    return large.leaf if re.search(r"\bhubspot_deals\b\s*\n?WHERE", statement.text) else "jobs"


def filled(statement: Statement, organization: UUID, job: UUID) -> str:
    """With a UUID for each placeholder."""
    return JOB.sub(f"'{job}'", ORGANIZATION.sub(f"'{organization}'", statement.text))


def hide_reporting_view(connection: psycopg.Connection[Any], leaf: str) -> None:
    """From now on this session's ``hubspot_deals`` is the leaf, under the names of both documents."""
    row = connection.execute("SELECT pg_get_viewdef('hubspot_reporting.hubspot_deals'::regclass)").fetchone()
    definition = str(row[0] if row else "")
    definition = re.sub(r"FROM (hubspot\.)?hubspot_deals\b", f"FROM hubspot.{leaf} AS hubspot_deals", definition)
    connection.execute(sql.SQL(LEAF_VIEW + definition))


def sizes(connection: psycopg.Connection[Any], leaf: str) -> dict[str, int]:
    """Bytes of the leaf's table, TOAST and indexes."""
    return dict(connection.execute(SIZES, [f"hubspot.{leaf}"]).fetchall())


def described(plan: Plan) -> dict[str, Any]:
    """A plan as figures."""
    return asdict(plan) | {"uses_index": plan.uses_index}


def show(figures: dict[str, Any]) -> None:
    """The tables of docs/database.md."""
    rows = (
        [each["title"], each["job"], *(cell(each.get(way)) for way in ("view", "leaf"))]
        for each in figures["statements"]
    )
    table(["statement", "job", "through the views", "in the own table"], rows)
    table(["relation", "MiB"], [[name, round(size / 2**20, 1)] for name, size in figures["sizes"].items()])


def cell(plan: dict[str, Any] | None) -> str:
    """One plan."""
    if plan is None:
        return ""
    how = ", ".join(plan["indexes"]) if plan["uses_index"] else "scan"
    return f"{plan['ms']} ms, {plan['pages']} pages, {how}"
