"""Alembic's environment: one transaction, one migrator at a time, every unqualified name in our schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from alembic import context
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from airflow_provider_hubspot_deals.migrations import VERSION_TABLE

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK_TIMEOUT = "2s"  # a waiting ACCESS EXCLUSIVE lock blocks every reader behind it, so never wait long for one


def _engine(connect: Callable[[], psycopg.Connection[Any]]) -> Engine:
    def transactional() -> psycopg.Connection[Any]:
        connection = connect()
        connection.autocommit = False  # else each statement commits itself, and our search_path ends with it
        return connection

    return create_engine("postgresql+psycopg://", creator=transactional, poolclass=NullPool)


def _enter_schema(connection: Connection, schema: str) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"migrate {schema}"})
    # CREATE SCHEMA IF NOT EXISTS asks for CREATE on the database even when the schema exists.
    if not connection.execute(text("SELECT to_regnamespace(:name)"), {"name": schema}).scalar():
        connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    # pg_temp is searched first unless it is named: anybody's temporary table would stand in for ours in a function that
    # takes over this path and works as its owner.
    connection.execute(text(f'SET LOCAL search_path TO "{schema}", pg_temp'))
    connection.execute(text(f"SET LOCAL lock_timeout TO '{LOCK_TIMEOUT}'"))


def _run_migrations() -> None:
    schema: str = context.config.attributes["schema"]
    with _engine(context.config.attributes["connect"]).begin() as connection:
        _enter_schema(connection, schema)
        context.configure(connection=connection, version_table=VERSION_TABLE, version_table_schema=schema)
        context.run_migrations()


_run_migrations()
