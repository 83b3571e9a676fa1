"""`./run bench filters`: which indexes the statements of the two schema documents use, and what they cost on disk."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import psycopg
from psycopg import sql

from airflow_provider_hubspot_deals import migrations
from benchmarks import candidates, deals
from benchmarks.deals import Large
from benchmarks.plans import Plan, explain
from benchmarks.printed import SEARCH_PATH, filters
from benchmarks.report import say, table
from benchmarks.server import bench_server

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
            large = deals.make(connection, deals=options.deals, others=50)
            connection.execute("SET session_replication_role = replica")  # their events would take longer than all else
            deals.add_jobs(connection, options.jobs)
            connection.execute("RESET session_replication_role")
            say(f"{options.deals} deals and {options.jobs} jobs made in {time.perf_counter() - started:.0f} s")
            return {
                "deals": options.deals,
                "jobs": options.jobs,
                "sizes": sizes(connection, large.leaf) | {"jobs": relation_size(connection, "hubspot.jobs")},
                "statements": list(explained(connection, large)),
                "candidates": list(candidates.weigh(connection, large)),
            }


def explained(connection: psycopg.Connection[Any], large: Large) -> Iterator[dict[str, Any]]:
    """Each statement through the views, and those on deals through the organization's own table as well."""
    asked = filters(large)
    connection.execute(SEARCH_PATH)
    through_views = [explain(connection, each.text, each.table) for each in asked]
    hide_reporting_view(connection, large.leaf)
    for each, plan in zip(asked, through_views, strict=True):
        leaf = explain(connection, each.text, each.table) if each.table == large.leaf else None
        document, title = each.statement.name
        yield {"document": document, "title": title, "job": each.job, "view": described(plan)} | (
            {"leaf": described(leaf)} if leaf else {}
        )
    connection.execute("DROP VIEW pg_temp.hubspot_deals")


def hide_reporting_view(connection: psycopg.Connection[Any], leaf: str) -> None:
    """From now on this session's ``hubspot_deals`` is the leaf, under the names of both documents."""
    row = connection.execute("SELECT pg_get_viewdef('hubspot_reporting.hubspot_deals'::regclass)").fetchone()
    definition = str(row[0] if row else "")
    definition = re.sub(r"FROM (hubspot\.)?hubspot_deals\b", f"FROM hubspot.{leaf} AS hubspot_deals", definition)
    connection.execute(sql.SQL(LEAF_VIEW + definition))


def sizes(connection: psycopg.Connection[Any], leaf: str) -> dict[str, int]:
    """Bytes of the leaf's table, TOAST and indexes."""
    return dict(connection.execute(SIZES, [f"hubspot.{leaf}"]).fetchall())


def relation_size(connection: psycopg.Connection[Any], name: str) -> int:
    """Bytes of a table with all that belongs to it."""
    row = connection.execute("SELECT pg_total_relation_size(%s::regclass)", [name]).fetchone()
    return int(row[0]) if row else 0


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
    table(
        ["index that is not there", "MiB", "µs and WAL bytes a new deal: without, with", "statements, ms"],
        map(weighed, figures["candidates"]),
    )
    table(["relation", "MiB"], [[name, round(size / 2**20, 1)] for name, size in figures["sizes"].items()])


def cell(plan: dict[str, Any] | None) -> str:
    """One plan."""
    if plan is None:
        return ""
    how = ", ".join(plan["indexes"]) if plan["uses_index"] else "scan"
    return f"{plan['ms']} ms, {plan['pages']} pages, {how}"


def weighed(candidate: dict[str, Any]) -> list[str]:
    """One candidate's row."""
    before, after = candidate["written_row"]["before"], candidate["written_row"]["with_it"]
    return [
        f"`{candidate['index']}`",
        str(round(candidate["bytes"] / 2**20, 1)),
        f"{before['us']} µs {before['wal_bytes']} B, {after['us']} µs {after['wal_bytes']} B",
        "; ".join(f"{each['title']}: {each['before_ms']} → {each['with_it_ms']}" for each in candidate["statements"]),
    ]
