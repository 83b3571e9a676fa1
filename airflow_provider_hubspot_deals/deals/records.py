"""What HubSpot's answers say about deals and portals, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias

# One deal as HubSpot sends it: {"id", "properties", "createdAt", "updatedAt", "archived", …}. Its properties are a
# dict, or ``properties.Properties`` once a client knows their names.
Record: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDeals:
    """One page of the list endpoint, in ascending order of id."""

    records: list[Record]
    next_after: str | None  # opaque cursor of the next page; None on the last page
    limit: int = 100  # how many were asked for; HubSpot's maximum


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDeals:
    """One page of the search endpoint."""

    total: int  # matches of the whole query, not of this page
    records: list[Record]
    limit: int = 200  # how many were asked for; HubSpot's maximum


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalFacts:
    """Whose data a token opens. Text that HubSpot left out is empty."""

    portal_id: int
    account_type: str  # STANDARD, SANDBOX, DEVELOPER_TEST, APP_DEVELOPER
    time_zone: str  # IANA name; the daily API limit resets at its midnight
    currency: str  # ISO 4217 code of the company currency
    ui_domain: str  # app.hubspot.com, app-eu1.hubspot.com
    data_hosting_location: str  # na1, eu1, …
    additional_currencies: tuple[str, ...] = ()  # ISO 4217 codes of the others that deals may have
    utc_offset: timedelta | None = None  # of time_zone, at the moment of asking
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)  # the whole answer
