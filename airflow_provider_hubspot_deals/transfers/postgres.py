"""Airflow connection of type Postgres → a way to open psycopg connections."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import psycopg
from airflow.providers.postgres.hooks.postgres import PostgresHook
from psycopg.rows import tuple_row

from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.hooks.connections import get_required_connection

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_HOW_TO_CREATE = "type Postgres, with host, port, database, login and password of the database that keeps the deals"

# libpq waits for ever for a host that has vanished; the connection's extras may say otherwise.
_NETWORK = {
    "connect_timeout": 10,  # seconds
    "keepalives_idle": 30,  # seconds of silence before the first probe
    "keepalives_interval": 10,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds without an acknowledgement
}


_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def connection_opener(postgres_conn_id: str) -> Callable[[], psycopg.Connection[Any]]:
    """Return a function that opens a connection; Airflow itself is asked once, here, and not again.

    Raises:
        ConfigurationError: the connection is missing, or Airflow uses another driver than psycopg 3 for it.
    """
    airflow_connection = get_required_connection(postgres_conn_id, how_to_create=_HOW_TO_CREATE)
    airflow_connection.extra = json.dumps({**_NETWORK, **airflow_connection.extra_dejson})
    hook = PostgresHook(postgres_conn_id=postgres_conn_id, connection=airflow_connection)

    def connect() -> psycopg.Connection[Any]:
        connection: object = hook.get_conn()
        if not isinstance(connection, psycopg.Connection):
            raise ConfigurationError(
                f"Connection {postgres_conn_id!r} is opened with {type(connection).__module__}, and psycopg 3 is "
                "needed: use Airflow 3 with SQLAlchemy 2 and apache-airflow-providers-postgres 6.3 or newer."
            )
        if not (connection.pgconn.ssl_in_use or _is_local(connection.info.host)):
            log.warning(
                "Connection %r is not encrypted: deals and the password's proof cross the network in plain sight. "
                "Set its extra sslmode to verify-full, or to require.",
                postgres_conn_id,
            )
        connection.row_factory = tuple_row  # the connection's extra `cursor` may have chosen another
        return connection

    return connect


def _is_local(host: str) -> bool:
    """Whether it never leaves the machine; a path is that of a Unix socket."""
    return host in _LOCAL_HOSTS or not host or host.startswith(("/", "@"))
