"""Rows for the floor: taken from a table that we loaded, in PostgreSQL's own COPY text, a file for each batch."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
from psycopg import sql

from airflow_provider_hubspot_deals.sync.request import SyncRequest
from benchmarks.pipeline.contestants import LEAF
from benchmarks.pipeline.measurement import Prepared, Track, measure
from benchmarks.pipeline.programs.floor import column_names

BATCH_ROWS = SyncRequest.batch_rows // 2  # as ours: half of what may be uncommitted is one transaction
BATCH = sql.SQL("SELECT {columns} FROM {leaf} WHERE hubspot_deal_id > {after} ORDER BY hubspot_deal_id LIMIT {rows}")
EXPORT = sql.SQL("COPY ({batch}) TO STDOUT")
LAST = sql.SQL("SELECT max(hubspot_deal_id) FROM ({batch}) AS batch")


def prepare(track: Track, case: str, folder: Path) -> Prepared:
    """Let ours load the portal as it is now, and keep the rows."""
    truth = track.portal.walk()
    track.portal.set_pace(track.latency_ms)
    measure(track, case, truth, run=0)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    export(track.database_url, folder)
    return Prepared(folder, truth)


def export(database_url: str, folder: Path) -> None:
    """Write all rows of our table, in the order of their ids."""
    after, number = 0, 0
    with psycopg.connect(database_url) as connection:
        leaf = sql.Identifier(*LEAF.split("."))
        columns = sql.SQL(", ").join(map(sql.Identifier, column_names(connection, leaf)))
        while True:
            batch = BATCH.format(columns=columns, leaf=leaf, after=sql.Literal(after), rows=sql.Literal(BATCH_ROWS))
            last = connection.execute(LAST.format(batch=batch)).fetchone()
            if last is None or last[0] is None:
                return
            with connection.cursor().copy(EXPORT.format(batch=batch)) as rows:
                (folder / f"{number:06}.copy").write_bytes(b"".join(rows))
            after, number = last[0], number + 1
