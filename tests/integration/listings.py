"""HubSpot's lists, stored for one organization without a run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow_provider_hubspot_deals import dimensions, sql
from airflow_provider_hubspot_deals.deals.records import PortalFacts
from airflow_provider_hubspot_deals.dimensions import Dimension, Listing, PropertyDrift, Written
from tests.integration.tenant import Tenant, a_run

OPEN = {"isClosed": "false", "probability": "0.2"}
FACTS: dict[str, Any] = {
    "portal_id": 1001,
    "account_type": "STANDARD",
    "time_zone": "Europe/Berlin",
    "currency": "EUR",
    "ui_domain": "app-eu1.hubspot.com",
    "data_hosting_location": "eu1",
    "additional_currencies": ("USD", "CHF"),
    "utc_offset": timedelta(hours=1),
    "raw": {"portalId": 1001, "timeZone": "Europe/Berlin"},
}


def registered(tenant: Tenant) -> Tenant:
    tenant.claim(a_run(dag_id=tenant.slug + tenant.type))
    return tenant


def keys_of(tenant: Tenant) -> dict[str, Any]:
    return {"organization_id": tenant.id, "type": tenant.type}


def store(tenant: Tenant, dimension: Dimension, listing: Listing) -> Written:
    with tenant.connect() as connection, sql.transaction(connection):
        return dimensions.store_listing(connection, "hubspot", keys_of(tenant), dimension, listing)


def stages(**labels: str) -> Listing:
    listed = [{"id": name, "label": label, "metadata": OPEN} for name, label in labels.items()]
    return dimensions.stage_rows([{"id": "default", "stages": listed}])


def properties(tenant: Tenant, *definitions: dict[str, Any]) -> PropertyDrift:
    with tenant.connect() as connection, sql.transaction(connection):
        listing = dimensions.property_rows(definitions)
        return dimensions.store_properties(connection, "hubspot", keys_of(tenant), listing)


def portal(tenant: Tenant, **facts: Any) -> bool:
    with tenant.connect() as connection, sql.transaction(connection):
        return dimensions.store_portal(connection, "hubspot", keys_of(tenant), PortalFacts(**{**FACTS, **facts}))


def rows_of(tenant: Tenant, table: str, key: str) -> dict[Any, dict[str, Any]]:
    query = f"SELECT *, xmin::text AS row_version FROM hubspot.{table} WHERE (organization_id, type) = (%s, %s)"  # noqa: S608 - names of this file
    return {row[key]: row for row in tenant.query(query, tenant.id, tenant.type)}
