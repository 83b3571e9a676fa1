"""Where organizations are stored: a PostgreSQL connection of Airflow, and a schema."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.organizations.organization import SCHEMA_PATTERN, Organization

_SEPARATOR = "/"


@dataclass(frozen=True, slots=True, order=True)
class Store:
    """A PostgreSQL schema behind an Airflow connection, with the tables of any number of organizations."""

    postgres_conn_id: str = "hubspot_deals_postgres"
    schema: str = "hubspot"

    def __str__(self) -> str:
        return f"{self.postgres_conn_id}{_SEPARATOR}{self.schema}"


USUAL_STORE = Store()


def stores_of(organizations: Iterable[Organization]) -> list[Store]:
    """Every connection and schema once, those of organizations that are switched off too: their jobs grow old."""
    return sorted({Store(each.postgres_conn_id, each.schema) for each in organizations})


def parse_stores(text: str) -> tuple[Store, ...]:
    """``hubspot_deals_postgres/hubspot``, or several of these with commas between; the usual one when empty.

    Raises:
        ConfigurationError: an entry is not a connection id and a schema.
    """
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    return tuple(dict.fromkeys(_store(entry) for entry in entries)) or (USUAL_STORE,)


def _store(entry: str) -> Store:
    conn_id, _, schema = entry.rpartition(_SEPARATOR)
    if not conn_id or not re.fullmatch(SCHEMA_PATTERN, schema, re.ASCII):
        raise ConfigurationError(
            "[hubspot_deals] stores must name connections and schemas such as hubspot_deals_postgres/hubspot, with "
            f"commas between; {entry!r} is none."
        )
    return Store(conn_id, schema)
