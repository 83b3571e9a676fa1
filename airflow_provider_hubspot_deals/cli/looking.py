"""Transactions in a store, under our own settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import migrations, sql
from airflow_provider_hubspot_deals.cli.somebody import somebody
from airflow_provider_hubspot_deals.organizations import Store
from airflow_provider_hubspot_deals.transfers.postgres import opened


@contextmanager
def transaction_in(store: Store) -> Iterator[Connection[Any]]:
    """Lend a connection with an open transaction; it commits at the end.

    Raises:
        ConfigurationError: the connection is missing or malformed.
        SchemaError: the schema is missing, behind or ahead, or not for this role.
        DatabaseUnavailableError: PostgreSQL is away or busy.
    """
    migrations.check_schema_name(store.schema)
    with opened(
        store.postgres_conn_id, f"Connection {store.postgres_conn_id!r}, schema {store.schema!r}"
    ) as connection:
        migrations.check(connection, store.schema)
        with sql.transaction(connection):
            sql.execute(connection, "listing.name_session", {"application": f"airflow hubspot-deals, {somebody()}"})
            yield connection
