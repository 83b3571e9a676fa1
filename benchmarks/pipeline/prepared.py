"""Rows for the floor: taken from a table that we loaded, in PostgreSQL's own COPY text, a file for each batch."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from airflow_provider_hubspot_deals.sync.request import SyncRequest
from benchmarks.pipeline.contestants import LEAF
from benchmarks.pipeline.measurement import Track, measure
from benchmarks.pipeline.portal import Truth

BATCH_ROWS: int = SyncRequest.__dataclass_fields__["batch_rows"].default  # as ours
BATCH = "SELECT * FROM {leaf} WHERE hubspot_deal_id > {after} ORDER BY hubspot_deal_id LIMIT {rows}"
EXPORT = "COPY (" + BATCH + ") TO STDOUT"
LAST = "SELECT max(hubspot_deal_id) FROM (" + BATCH + ") AS batch"


@dataclass(frozen=True, slots=True)
class Prepared:
    """Files of rows, and what they add up to."""

    folder: Path
    truth: Truth


def prepare(track: Track, case: str, folder: Path) -> Prepared:
    """Let ours load the portal as it is now, and keep the rows."""
    truth = track.portal.walk()
    track.portal.set_pace(0)
    measure(track, case, truth, latency_ms=0, run=0)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    export(track.database_url, folder)
    return Prepared(folder, truth)


def export(database_url: str, folder: Path) -> None:
    """Write all rows of our table, in the order of their ids."""
    after, number = 0, 0
    with psycopg.connect(database_url) as connection:
        while True:
            leaf = sql.Identifier(*LEAF.split("."))
            names = {"leaf": leaf, "after": sql.Literal(after), "rows": sql.Literal(BATCH_ROWS)}
            last = connection.execute(sql.SQL(LAST).format(**names)).fetchone()
            if last is None or last[0] is None:
                return
            with connection.cursor().copy(sql.SQL(EXPORT).format(**names)) as rows:
                (folder / f"{number:06}.copy").write_bytes(b"".join(rows))
            after, number = last[0], number + 1
