"""Alembic's environment: one transaction, one migrator at a time, every unqualified name in our schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import psycopg
from alembic import context
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from airflow_provider_hubspot_deals.migrations import VERSION_TABLE, locks, newer_than_package

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK_TIMEOUT = "2s"  # for what lock_tables leaves out
_AS_LONG_AS_IT_TAKES = """
SELECT set_config('transaction_timeout', '0', true) WHERE current_setting('transaction_timeout', true) IS NOT NULL
"""  # PostgreSQL has it from version 17 on


def _engine(connect: Callable[[], psycopg.Connection[Any]]) -> Engine:
    def transactional() -> psycopg.Connection[Any]:
        connection = connect()
        connection.autocommit = True
        connection.execute("SET client_encoding TO 'UTF8'")  # a role or database may have another, which has no "…"
        connection.autocommit = False  # else each statement commits itself, and our search_path ends with it
        return connection

    return create_engine("postgresql+psycopg://", creator=transactional, poolclass=NullPool)


def _enter_schema(connection: Connection, schema: str) -> None:
    connection.execute(text(_AS_LONG_AS_IT_TAKES))
    connection.execute(text(f"SET LOCAL lock_timeout TO '{locks.MIGRATOR_TIMEOUT}'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"migrate {schema}"})
    # CREATE SCHEMA IF NOT EXISTS asks for CREATE on the database even when the schema exists.
    if not connection.execute(text("SELECT to_regnamespace(:name)"), {"name": schema}).scalar():
        connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    connection.execute(text(_search_path(schema)))
    connection.execute(text(f"SET LOCAL lock_timeout TO '{LOCK_TIMEOUT}'"))


def _search_path(schema: str) -> str:
    # pg_temp by name, and last: unnamed it comes first, and a caller's temporary table could stand in for one of ours.
    return f'SET LOCAL search_path TO "{schema}", pg_temp'


def _prepare_change(connection: Connection, schema: str) -> None:
    """Look before anything is changed; whoever is where they want to be disturbs nobody."""
    heads = set(context.get_context().get_current_heads())
    known = {script.revision for script in context.script.walk_revisions()}
    if unknown := heads - known:
        raise newer_than_package(schema, max(unknown))
    if context.config.attributes["locks"] and heads != {context.get_revision_argument()}:
        locks.lock_tables(cast("psycopg.Connection[Any]", connection.connection.dbapi_connection), schema)


def _run_migrations() -> None:
    schema: str = context.config.attributes["schema"]
    with _engine(context.config.attributes["connect"]).begin() as connection:
        _enter_schema(connection, schema)
        context.configure(connection=connection, version_table=VERSION_TABLE, version_table_schema=schema)
        _prepare_change(connection, schema)
        context.run_migrations()


def _print_migrations() -> None:
    """The same as a script, for whoever wants to read it, or to run it in psql."""
    schema: str = context.config.attributes["schema"]
    context.configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},  # else % comes out doubled
        version_table=VERSION_TABLE,
        version_table_schema=schema,
    )
    with context.begin_transaction():
        context.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        context.execute(_search_path(schema))
        context.execute(f"SET LOCAL lock_timeout TO '{LOCK_TIMEOUT}'")
        context.run_migrations()


_print_migrations() if context.is_offline_mode() else _run_migrations()
