"""What deals point at, as tables: the portal, its pipelines, stages, owners and property definitions.

``rows`` turns HubSpot's answers into rows, ``storing`` writes what changed and marks what HubSpot no longer lists.
"""

from airflow_provider_hubspot_deals.dimensions.rows import (
    Listing,
    exchange_rate_rows,
    owner_rows,
    pipeline_rows,
    property_rows,
    stage_rows,
)
from airflow_provider_hubspot_deals.dimensions.storing import (
    Dimension,
    PropertyDrift,
    Written,
    are_due,
    record_reading,
    store_listing,
    store_portal,
    store_properties,
    stored_properties,
)

__all__ = [
    "Dimension",
    "Listing",
    "PropertyDrift",
    "Written",
    "are_due",
    "exchange_rate_rows",
    "owner_rows",
    "pipeline_rows",
    "property_rows",
    "record_reading",
    "stage_rows",
    "store_listing",
    "store_portal",
    "store_properties",
    "stored_properties",
]
