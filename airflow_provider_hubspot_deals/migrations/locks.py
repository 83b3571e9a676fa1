"""All the locks of a migration, taken before its first change: all of them or none, and never long waited for.

A waiting ACCESS EXCLUSIVE lock blocks every reader behind it, and a migration that waits for one table while it holds
another can deadlock with the loader. Here a reader waits for one try at most, and for the migration's own work.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
from psycopg import Connection, sql

from airflow_provider_hubspot_deals import sql as statements
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError

TRY = (
    "500ms"  # how long readers may stand behind one try; below deadlock_timeout, so that never the loader is the victim
)
PAUSE_S = 0.25  # for those who stood behind it
PATIENCE_S = 10.0
MIGRATOR_TIMEOUT = "60s"  # for whoever is migrating this schema already


def lock_tables(connection: Connection[Any], schema: str) -> None:
    """Lock every table of ``schema`` but partitions, until the end of the transaction.

    Raises:
        DatabaseUnavailableError: others used some table all the time; names their processes.
        psycopg.Error: PostgreSQL refused or went away.
    """
    tables = statements.column(connection, "migrations.own_tables", {"schema": schema})
    if not tables:
        return
    deadline = time.monotonic() + PATIENCE_S
    while not _try_lock(connection, schema, tables):
        if time.monotonic() > deadline:
            others = statements.column(connection, "migrations.who_locks", {"schema": schema})
            raise DatabaseUnavailableError(
                f"Schema {schema!r} could not be migrated: for {PATIENCE_S:g} s others kept its tables locked"
                f" ({'; '.join(others) or 'each for a short time'}). Nothing is half done. Run it again when they are"
                " done; SELECT pg_terminate_backend(process) ends one."
            )
        time.sleep(PAUSE_S)


def _try_lock(connection: Connection[Any], schema: str, tables: list[str]) -> bool:
    names = sql.SQL(", ").join(sql.Identifier(schema, table) for table in tables)
    try:
        with connection.transaction():  # a savepoint: going back to it gives back what it locked
            connection.execute("SELECT set_config('statement_timeout', %s, true)", [TRY])
            connection.execute(sql.SQL("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE").format(names))
            connection.execute("SELECT set_config('statement_timeout', '0', true)")
    except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable):
        return False
    return True
