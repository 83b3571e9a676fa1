"""Airflow connection of type Postgres → a way to open psycopg connections."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import psycopg
from airflow.providers.postgres.hooks.postgres import PostgresHook
from psycopg.rows import tuple_row

from airflow_provider_hubspot_deals.client.secret import Secret
from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.hooks.connections import get_required_connection
from airflow_provider_hubspot_deals.sql.network import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_HOW_TO_CREATE = "type Postgres, with host, port, database, login and password of the database that keeps the deals"

# For callbacks, which Airflow ends 20 s after the task: what they have to say matters more than writing it down.
HURRIED = {"connect_timeout": 3}


def connection_opener(postgres_conn_id: str, **network: int) -> Callable[[], psycopg.Connection[Any]]:
    """Return a function that opens a connection; Airflow itself is asked once, here, and not again.

    Args:
        network: parameters of libpq in place of ours; the connection's extras go before either.

    Raises:
        ConfigurationError: the connection is missing, or Airflow uses another driver than psycopg 3 for it.
    """
    airflow_connection = get_required_connection(postgres_conn_id, how_to_create=_HOW_TO_CREATE)
    airflow_connection.extra = Secret(json.dumps({**PATIENCE, **network, **airflow_connection.extra_dejson}))
    is_plain_on_purpose = airflow_connection.extra_dejson.get("sslmode") == "disable"
    hook = PostgresHook(postgres_conn_id=postgres_conn_id, connection=airflow_connection)

    def connect() -> psycopg.Connection[Any]:
        connection = _opened(hook)
        if isinstance(connection, psycopg.Error):
            raise connection
        if not isinstance(connection, psycopg.Connection):
            raise ConfigurationError(
                f"Connection {postgres_conn_id!r} is opened with {type(connection).__module__}, and psycopg 3 is "
                "needed: use Airflow 3 with SQLAlchemy 2 and apache-airflow-providers-postgres 6.3 or newer."
            )
        if not (connection.pgconn.ssl_in_use or _stays_here(connection.info.host) or is_plain_on_purpose):
            _warn_of_plain_text(postgres_conn_id)
        connection.row_factory = tuple_row  # the connection's extra `cursor` may have chosen another
        return connection

    return connect


@contextmanager
def opened(postgres_conn_id: str, doing: str) -> Iterator[psycopg.Connection[Any]]:
    """Lend a connection in autocommit mode; ``doing`` begins the sentences of what can go wrong with it.

    Raises:
        ConfigurationError: as :func:`connection_opener`; or PostgreSQL cannot be reached with what the connection says.
        DatabaseUnavailableError: PostgreSQL is away or busy.
        SchemaError: it refuses.
    """
    from airflow_provider_hubspot_deals.migrations.database import database_errors

    connect = connection_opener(postgres_conn_id)
    with database_errors(doing), closing(connect()) as connection:
        connection.autocommit = True  # whoever uses it opens its own transactions
        yield connection


def _opened(hook: PostgresHook) -> object:
    """A connection, or the error to raise: a new one, since psycopg's own remembers the password, as do its frames."""
    try:
        return hook.get_conn()
    except psycopg.Error as error:
        return type(error)(str(error))


def _stays_here(host: str) -> bool:
    return host in {"", "localhost", "127.0.0.1", "::1"} or host.startswith("/")


@cache  # once a process
def _warn_of_plain_text(postgres_conn_id: str) -> None:
    log.warning(
        "Connection %r reaches PostgreSQL unencrypted, which libpq's default 'prefer' allows. Set the extra sslmode to "
        "'verify-full', or to 'disable' where the network is trusted.",
        postgres_conn_id,
    )
