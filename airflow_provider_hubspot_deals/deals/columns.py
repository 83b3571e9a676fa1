"""Which property fills which typed column. Everything else a deal has is in ``raw_properties``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from airflow_provider_hubspot_deals.deals import values

PROPERTY_PARSERS: Mapping[str, values.Parser] = MappingProxyType(
    {
        "dealname": values.text,
        "amount": values.non_negative_amount,
        "dealstage": values.indexed_text,
        "pipeline": values.indexed_text,
        "closedate": values.timestamp,
        "createdate": values.timestamp,
        "hs_lastmodifieddate": values.timestamp,
        "hubspot_owner_id": values.text,
        "dealtype": values.text,
        "description": values.text,
        "hs_deal_stage_probability": values.numeric,
        "hs_analytics_source": values.text,
        "hs_analytics_source_data_1": values.text,
        "hs_analytics_source_data_2": values.text,
        "num_associated_contacts": values.integer,
        "hs_priority": values.text,
        "hs_next_step": values.text,
        "hs_forecast_amount": values.numeric,
        "hs_forecast_probability": values.numeric,
        "deal_currency_code": values.text,
    }
)
"""Property (and column: they share their names) → parser."""

MERGED_IDS_PROPERTY = "hs_merged_object_ids"  # `;`-separated ids of everything merged into this deal, chains included

HOME_AMOUNT_PROPERTY = "amount_in_home_currency"  # the view deals_with_names takes it from raw_properties

REQUIRED_PROPERTIES = (*PROPERTY_PARSERS, "hs_object_id", MERGED_IDS_PROPERTY, HOME_AMOUNT_PROPERTY)
"""Read whatever else is chosen: typed columns, merge history and reporting views come from them."""

STAGED_COLUMNS = (
    "hubspot_deal_id",
    "hs_object_id",
    *PROPERTY_PARSERS,
    "archived",
    "raw_properties",
    "custom_properties",
    "associations",
    "_value_issues",
    "_deleted_at",
    "_page_number",
    "_content_hash",
)
"""Order of the columns that COPY fills."""

COMPARED_COLUMNS = ("hubspot_deal_id", "hs_lastmodifieddate", "archived", "_page_number", "_content_hash")
"""Of a row: which deal, how new (NULL: nobody knows), whether deleted; the later of two; whether anything differs."""
