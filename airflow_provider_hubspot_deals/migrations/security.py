"""Row-level security as the catalog has it: what is missing, and the step that puts tables right one by one."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

from psycopg import Connection
from psycopg.errors import LockNotAvailable

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError, SchemaError
from airflow_provider_hubspot_deals.migrations.database import Database, opener_of

LOCK_TIMEOUT = "1s"  # a waiting ACCESS EXCLUSIVE lock blocks every reader behind it
ATTEMPTS_MAX = 5
PAUSE_S = 0.5  # between two attempts at one table, for those who waited behind us


def security_findings(connection: Connection[Any], schema: str = "hubspot") -> list[str]:
    """Everything by which rows could reach the wrong reader: object, what is wrong, what to do. Empty when all is well.

    Args:
        connection: of the schema's owner or of a loader.

    Raises:
        psycopg.errors.InsufficientPrivilege: the role may not look.
        psycopg.errors.UndefinedTable: the schema is older than revision 0009.
    """
    with connection.transaction():
        connection.execute(sql.statement("security.set_search_path"))
        found = sql.rows(connection, "security_findings.all", {"schema": schema}, schema=schema)
    return [f"{row['object']}: {row['problem']}. {row['remedy']}." for row in found]


def refuse_findings(connection: Connection[Any], schema: str) -> None:
    """Say everything that ``security_findings`` finds.

    Raises:
        SchemaError: it found something.
    """
    if findings := security_findings(connection, schema):
        raise SchemaError(f"The row-level security of schema {schema!r} has gaps:\n" + "\n".join(findings))


def missing_privileges(connection: Connection[Any], schema: str = "hubspot") -> list[str]:
    """What the connection's role lacks for loading, such as ``UPDATE on table jobs``; empty when nothing.

    Raises:
        psycopg.Error: the schema is older than revision 0009.
    """
    with connection.transaction():
        if sql.column(connection, "security.may_use_schema", {"schema": schema}) == [False]:
            return [f"USAGE on schema {schema}"]
        return sql.column(connection, "security.missing_privileges", {}, schema=schema)


def protect_tables(database: Database, schema: str) -> None:
    """Give every table, partition and leaf that has none yet its policies, each in a short transaction of its own.

    Does nothing below revision 0009 and when nothing is missing.

    Raises:
        DatabaseUnavailableError: a table was in use all the time. Nothing is lost; run it again.
        psycopg.Error: PostgreSQL refused or went away.
    """
    with closing(opener_of(database)()) as connection:
        connection.autocommit = True
        # Another schema in the path could hold a function that fits a call of PostgreSQL's own better than that one's.
        connection.execute("SET search_path TO pg_catalog")
        if sql.column(connection, "security.has_row_security", {"schema": schema}) == [True]:
            for table in sql.rows(connection, "security.unprotected", {"schema": schema}, schema=schema):
                _protect(connection, schema, table["relation"], table["name"])


def _protect(connection: Connection[Any], schema: str, table: int, name: str) -> None:
    for attempt in range(ATTEMPTS_MAX):
        if attempt:
            time.sleep(PAUSE_S)
        try:
            with connection.transaction():
                connection.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
                sql.execute(connection, "security.protect_table", {"table": table}, schema=schema)
        except LockNotAvailable:
            continue
        else:
            return
    raise DatabaseUnavailableError(
        f"Table {name} has no row-level security yet: other sessions kept it locked. Run the upgrade again."
    )
