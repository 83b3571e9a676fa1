"""Where organizations are stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from airflow_provider_hubspot_deals.organizations.organization import Organization


@dataclass(frozen=True, slots=True, order=True)
class Store:
    """A PostgreSQL schema behind an Airflow connection, with the tables of any number of organizations."""

    postgres_conn_id: str = "hubspot_deals_postgres"
    schema: str = "hubspot"


def stores_of(organizations: Iterable[Organization]) -> list[Store]:
    """Every connection and schema once, those of organizations that are switched off too: their jobs grow old."""
    return sorted({Store(each.postgres_conn_id, each.schema) for each in organizations})
