"""What PostgreSQL does to answer a statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

COLUMNS = r"SELECT substring(pg_get_indexdef(to_regclass(%s)) FROM '\(.*\)')"
EXPLAIN = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ")


@dataclass(frozen=True, slots=True)
class Plan:
    """One execution. A table is read by its indexes, or scanned."""

    ms: float
    pages: int  # of 8 KiB, from memory or disk
    rows: int
    indexes: tuple[str, ...]  # columns of those used on the table asked for
    scans: bool  # that table is read whole

    @property
    def uses_index(self) -> bool:
        """Whether no part of it reads the whole table."""
        return bool(self.indexes) and not self.scans


def explain(connection: psycopg.Connection[Any], statement: str, table: str) -> Plan:
    """Execute, roll back, and tell how ``table`` was read."""
    with connection.transaction(force_rollback=True):
        explained = connection.execute(EXPLAIN + sql.SQL(statement)).fetchone()
    if explained is None:
        raise LookupError(statement)
    ((answer,),) = explained
    plan = answer["Plan"]
    nodes = list(_nodes(plan))
    scans = [node for node in nodes if node["Node Type"] == "Seq Scan" and node["Relation Name"] == table]
    return Plan(
        ms=round(answer["Execution Time"], 2),
        pages=plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
        rows=plan["Actual Rows"],
        indexes=tuple(sorted({_columns(connection, name) for name in _indexes(nodes, table)})),
        scans=bool(scans),
    )


def _indexes(nodes: list[Mapping[str, Any]], table: str) -> Iterator[str]:
    for node in nodes:
        of_table = node.get("Relation Name") == table
        if of_table and "Index Name" in node:
            yield node["Index Name"]
        if of_table and node["Node Type"] == "Bitmap Heap Scan":
            yield from (below["Index Name"] for below in _nodes(node) if "Index Name" in below)


def _columns(connection: psycopg.Connection[Any], index: str) -> str:
    row = connection.execute(COLUMNS, [f"hubspot.{index}"]).fetchone()
    return str(row[0]) if row else index


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)
