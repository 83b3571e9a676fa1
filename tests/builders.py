"""Deals as HubSpot sends them, for tests that need only a few properties of them."""

from __future__ import annotations

from typing import Any

from airflow_provider_hubspot_deals.deals.parsing import DealParser, DealRow
from airflow_provider_hubspot_deals.deals.records import Record

MODIFIED = "2026-03-09T20:29:45.981Z"


def a_record(deal_id: object = 1, *, archived: bool = False, **properties: Any) -> Record:
    """A deal last modified at ``MODIFIED`` unless ``hs_lastmodifieddate`` says otherwise."""
    properties = {"hs_lastmodifieddate": MODIFIED, "dealname": f"Deal {deal_id}", **properties}
    record = {"id": str(deal_id), "properties": properties, "createdAt": MODIFIED, "updatedAt": MODIFIED}
    return {**record, "archived": archived, **({"archivedAt": "2026-04-01T00:00:00Z"} if archived else {})}


def a_row(deal_id: int = 1, *, page_number: int = 1, archived: bool = False, **properties: Any) -> DealRow:
    """The same deal, parsed, of a portal that allows negative amounts and defined ``color`` itself."""
    parser = DealParser(["color"], allow_negative_amounts=True)
    parsed = parser.parse(a_record(deal_id, archived=archived, **properties), page_number)
    if not isinstance(parsed, DealRow):
        raise TypeError(f"deal {deal_id} is no row: {parsed.reason_code}")
    return parsed
