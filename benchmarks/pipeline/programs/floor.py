"""The floor: rows that somebody else has read and parsed, copied and merged into the same table, batch by batch.

Nothing is fetched, parsed, compared by us or recorded beside the rows and a checkpoint: what PostgreSQL takes for a
checkpointed load that writes all rows into these tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.pipeline.programs.metering import metered, read_order

SCHEMA = "hubspot"
KEY = "hubspot_deal_id"
HASH = "_content_hash"
COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum
"""
PREPARE = """
CREATE TABLE IF NOT EXISTS floor_checkpoint (organization_id uuid PRIMARY KEY, batches integer NOT NULL);
CREATE TEMPORARY TABLE stage (LIKE {leaf}) WITH (toast_tuple_target = 8160) ON COMMIT DELETE ROWS
"""  # rows stay whole on the stage, as on ours: compressing them there costs a fifth more
MERGE = """
INSERT INTO {leaf} AS stored ({columns}) SELECT {columns} FROM stage
ON CONFLICT ({key}) DO UPDATE SET {changes} WHERE stored.{hash} IS DISTINCT FROM excluded.{hash}
"""
CHECKPOINT = """
INSERT INTO floor_checkpoint VALUES (%s, 1)
ON CONFLICT (organization_id) DO UPDATE SET batches = floor_checkpoint.batches + 1
"""
Connection = psycopg.Connection[Any]


def main() -> None:
    """One load, measured; the rows wait in memory."""
    order = read_order()
    batches = [path.read_bytes() for path in sorted(Path(order["batches"]).iterdir())]
    with psycopg.connect(order["database_url"]) as connection:
        leaf = prepare(connection, order["organization_id"])
        copy, merge = statements(connection, leaf)
        with metered(order["figures"]):
            for rows in batches:
                load(connection, copy, merge, rows, order["organization_id"])


def prepare(connection: Connection, organization_id: str) -> sql.Identifier:
    """The organization's leaf and the stage; gives the leaf."""
    row = connection.execute("SELECT hubspot.ensure_deals_partition(%s, 'standard')", [organization_id]).fetchone()
    leaf = sql.Identifier(SCHEMA, str(row[0] if row else "").rpartition(".")[2])
    connection.execute(sql.SQL(PREPARE).format(leaf=leaf))
    connection.commit()
    return leaf


def statements(connection: Connection, leaf: sql.Identifier) -> tuple[sql.Composed, sql.Composed]:
    """COPY and merge, for the columns that the leaf has."""
    names = column_names(connection, leaf)
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    changes = sql.SQL(", ").join(
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in names if name != KEY
    )
    merge = sql.SQL(MERGE).format(
        leaf=leaf, columns=columns, changes=changes, key=sql.Identifier(KEY), hash=sql.Identifier(HASH)
    )
    return sql.SQL("COPY stage ({}) FROM STDIN").format(columns), merge


def column_names(connection: Connection, leaf: sql.Identifier) -> Sequence[str]:
    """In the order of the table, which is that of the prepared rows."""
    return [name for (name,) in connection.execute(COLUMNS, [leaf.as_string()])]


def load(connection: Connection, copy: sql.Composed, merge: sql.Composed, rows: bytes, organization_id: str) -> None:
    """One batch, one transaction."""
    with connection.cursor().copy(copy) as stream:
        stream.write(rows)
    connection.execute(merge)
    connection.execute(CHECKPOINT, [organization_id])
    connection.commit()


if __name__ == "__main__":
    main()
