"""SQL statements by name, read from the ``.sql`` files beside this module, and the ways to run one.

A file holds statements headed ``-- name: <name>``. Identifiers stand in braces (``{schema}``, ``{leaf}``) and are
quoted by psycopg; values are bound parameters. Python never joins SQL text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

from psycopg import Connection, IsolationLevel, sql
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from airflow_provider_hubspot_deals.sql.hanging_up import hung_up_after

_HEADING = re.compile(r"^-- name: (\w+)$", re.MULTILINE)

Row = dict[str, Any]

# A statement of ours ends after 60 s by itself, as long as PostgreSQL can still be heard.
TRANSACTION_TIMEOUT_S = 90.0


def statement(name: str, **identifiers: str) -> sql.Composed:
    """The statement ``file.name`` with its identifiers quoted in.

    Raises:
        KeyError: no such statement, or an identifier that the statement names was not given.
    """
    file_name, _, statement_name = name.partition(".")
    template = sql.SQL(_statements(file_name)[statement_name])
    return template.format(**{key: sql.Identifier(value) for key, value in identifiers.items()})


def execute(connection: Connection[Any], name: str, parameters: Mapping[str, Any], **identifiers: str) -> int:
    """Run a statement and return the number of rows that it wrote."""
    return connection.execute(statement(name, **identifiers), parameters).rowcount


def one(connection: Connection[Any], name: str, parameters: Mapping[str, Any], **identifiers: str) -> Row | None:
    """Run a statement and return its only row, or None."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement(name, **identifiers), parameters).fetchone()


def rows(connection: Connection[Any], name: str, parameters: Mapping[str, Any], **identifiers: str) -> list[Row]:
    """Run a statement and return its rows."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement(name, **identifiers), parameters).fetchall()


def column(connection: Connection[Any], name: str, parameters: Mapping[str, Any], **identifiers: str) -> list[Any]:
    """Run a statement and return the first column of its rows."""
    return [row[0] for row in connection.execute(statement(name, **identifiers), parameters)]


@contextmanager
def transaction(connection: Connection[Any]) -> Iterator[None]:
    """A short transaction under our own settings, whatever the role, database or pooler set.

    Server-side prepared statements are switched off: a pooler may give the next transaction another server session.

    Raises:
        psycopg.OperationalError: among much else, after ``TRANSACTION_TIMEOUT_S``, when the connection is hung up.
    """
    connection.prepare_threshold = None
    is_outermost = connection.info.transaction_status == TransactionStatus.IDLE
    if is_outermost and connection.isolation_level is None:  # the server's default; whoever chose another keeps it
        connection.isolation_level = IsolationLevel.READ_COMMITTED
    with hung_up_after(connection, TRANSACTION_TIMEOUT_S), connection.transaction():
        connection.execute(statement("jobs.set_transaction"))
        yield


@cache
def _statements(file_name: str) -> dict[str, str]:
    text = files(__package__).joinpath(f"{file_name}.sql").read_text(encoding="utf-8")
    parts = _HEADING.split(text)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))
