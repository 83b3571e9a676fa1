"""What is kept beside deals, stored for one organization without a run."""

from __future__ import annotations

from airflow_provider_hubspot_deals import associations, property_history, sql
from airflow_provider_hubspot_deals.deals.related import Association, PropertyChange
from tests.integration.tenant import Tenant

TABLES = ("deal_associations", "deal_property_history")


def keep(tenant: Tenant, text: str, *deal_ids: int) -> None:
    """For each deal an association of this label, and a stage of this name in its history."""
    keys = {"organization_id": tenant.id, "type": tenant.type}
    found = [Association(deal_id, 7, "USER_DEFINED", 1, text) for deal_id in deal_ids]
    origin = ("CRM_UI", None, None, None)
    moment = "2026-03-09T20:29:45.981+00:00"
    changes = [PropertyChange(deal_id, "dealstage", moment, 0, text, *origin) for deal_id in deal_ids]
    with tenant.connect() as connection, sql.transaction(connection):
        associations.store(connection, "hubspot", keys, "contacts", read_ids=deal_ids, found=found)
        property_history.store(connection, "hubspot", keys, changes)


def kept(tenant: Tenant) -> list[set[int]]:
    """Whose associations, and whose history."""
    query = "SELECT hubspot_deal_id FROM hubspot.{} WHERE (organization_id, type) = (%s, %s)"
    found = [tenant.query(query.format(table), tenant.id, tenant.type) for table in TABLES]
    return [{row["hubspot_deal_id"] for row in rows} for rows in found]
