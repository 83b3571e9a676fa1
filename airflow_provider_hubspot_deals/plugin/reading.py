"""The project's tables, read and never written, through the connection that the DAGs use."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from airflow.configuration import conf
from psycopg import Connection

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.exceptions import ConfigurationError, HubSpotDealsError
from airflow_provider_hubspot_deals.hooks.postgres import connection_opener
from airflow_provider_hubspot_deals.organizations.stores import Store, parse_stores

log = logging.getLogger(__name__)


class PageUnavailableError(Exception):
    """The tables cannot be read or written now. The message is for whoever looks at the page; the log says more."""


def stores() -> tuple[Store, ...]:
    """Where the page looks, from Airflow's option ``[hubspot_deals] stores``; the first one is shown at first.

    Raises:
        PageUnavailableError: the option cannot be read.
    """
    try:
        return parse_stores(conf.get("hubspot_deals", "stores", fallback="") or "")
    except ConfigurationError as error:
        raise PageUnavailableError(str(error)) from error


@contextmanager
def reading(store: Store, **network: int) -> Iterator[Connection[Any]]:
    """One read-only transaction on a connection of its own, on a snapshot of its own.

    Args:
        network: as ``connection_opener`` takes it.

    Raises:
        PageUnavailableError: PostgreSQL is away, or refuses.
    """
    with _connected(store, **network) as connection:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with sql.transaction(connection):
            connection.execute(sql.statement("board.set_transaction"))
            yield connection


@contextmanager
def writing(store: Store) -> Iterator[Connection[Any]]:
    """One short transaction that may change jobs.

    Raises:
        PageUnavailableError: PostgreSQL is away, or refuses.
    """
    with _connected(store) as connection, sql.transaction(connection):
        connection.execute(sql.statement("board.set_transaction"))
        yield connection


@contextmanager
def _connected(store: Store, **network: int) -> Iterator[Connection[Any]]:
    try:
        with closing(connection_opener(store.postgres_conn_id, **network)()) as connection:
            yield connection
    except (psycopg.Error, HubSpotDealsError) as error:
        log.exception("The page cannot use schema %r through connection %r", store.schema, store.postgres_conn_id)
        raise PageUnavailableError(
            f"Schema {store.schema!r} cannot be used through connection {store.postgres_conn_id!r} "
            f"({type(error).__name__}). The log of Airflow's API server says why."
        ) from error
