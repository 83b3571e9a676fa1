"""Looking into stores: transactions under our own settings, and rows of several at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import migrations, sql
from airflow_provider_hubspot_deals.cli.targets import nearest
from airflow_provider_hubspot_deals.cli.user import current_user
from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.hooks.postgres import opened
from airflow_provider_hubspot_deals.organizations import Store
from airflow_provider_hubspot_deals.organizations.organization import STANDARD_TYPE


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
            sql.execute(connection, "listing.name_session", {"application": f"airflow hubspot-deals, {current_user()}"})
            yield connection


def rows_of_all(
    stores: Sequence[Store], statement: str, wanted: Mapping[str, Any], latest: str, *, type_: str | None
) -> list[sql.Row]:
    """At most ``wanted["rows_max"]`` rows of all stores, with the latest ones first.

    Args:
        wanted: parameters of the statement; ``organization`` is a slug, or None for all.
        latest: the column that says when.
        type_: of portal, or None for all; what was misspelt finds nothing.

    Raises:
        ConfigurationError: no store has ever had an organization of that name, or a portal of that type.
    """
    found: list[sql.Row] = []
    slugs: set[str] = set()
    types = {STANDARD_TYPE}
    for store in stores:
        with transaction_in(store) as connection:
            found += sql.rows(connection, statement, wanted, schema=store.schema)
            slugs.update(sql.column(connection, "listing.organizations", {}, schema=store.schema))
            types.update(sql.column(connection, "listing.types", {}, schema=store.schema))
    name = wanted["organization"]
    if name is not None and name not in slugs:
        raise ConfigurationError(f"No organization of this name was ever loaded{nearest(name, sorted(slugs))}.")
    if type_ is not None and type_ not in types and not found:
        raise ConfigurationError(f"No portal of this type was ever loaded{nearest(type_, sorted(types))}.")
    return sorted(found, key=lambda row: row[latest], reverse=True)[: wanted["rows_max"]]
