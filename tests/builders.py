"""Deals as HubSpot sends them, for tests that need only a few properties of them."""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_hubspot_deals.deals.columns import STAGED_COLUMNS
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
    parsed = parser.parse_page([a_record(deal_id, archived=archived, **properties)], page_number)
    if parsed.bad:
        raise TypeError(f"deal {deal_id} is no row: {parsed.bad[0].reason_code}")
    return parsed.rows[0]


def columns_of(row: DealRow) -> dict[str, str | None]:
    """What COPY reads in the row's line, by column."""
    line = row.line.decode()
    if not line.endswith("\n"):
        raise ValueError(f"the line does not end: {line!r}")
    return dict(zip(STAGED_COLUMNS, map(_unescaped, line[:-1].split("\t")), strict=True))


def _unescaped(written: str) -> str | None:
    meanings = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
    return None if written == r"\N" else re.sub(r"\\(.)", lambda found: meanings[found[1]], written)
