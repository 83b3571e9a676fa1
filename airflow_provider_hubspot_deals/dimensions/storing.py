"""Write what changed of a list, mark what HubSpot lists no more. The caller owns the transaction and the fence.

Unchanged rows are not touched: a run of a portal where nobody edited anything writes nothing here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

import orjson
from psycopg import Connection

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.deals import raw_json, values
from airflow_provider_hubspot_deals.deals.records import PortalFacts
from airflow_provider_hubspot_deals.dimensions.rows import Listing

Keys = Mapping[str, Any]
"""organization_id, type."""

# HubSpot still uses names that the time zone database moved to `backward` in 1993, and that current Debian and Ubuntu
# only have when tzdata-legacy is installed.
_CURRENT_TIME_ZONES = {
    "US/Alaska": "America/Anchorage",
    "US/Arizona": "America/Phoenix",
    "US/Central": "America/Chicago",
    "US/East-Indiana": "America/Indiana/Indianapolis",
    "US/Eastern": "America/New_York",
    "US/Hawaii": "Pacific/Honolulu",
    "US/Michigan": "America/Detroit",
    "US/Mountain": "America/Denver",
    "US/Pacific": "America/Los_Angeles",
}


class Dimension(StrEnum):
    """A table that one list of HubSpot fills."""

    PIPELINES = "pipelines"
    STAGES = "pipeline_stages"
    OWNERS = "owners"
    EXCHANGE_RATES = "exchange_rates"


_STATEMENTS = {
    Dimension.PIPELINES: "dimensions.store_pipelines",
    Dimension.STAGES: "dimensions.store_pipeline_stages",
    Dimension.OWNERS: "dimensions.store_owners",
    Dimension.EXCHANGE_RATES: "dimensions.store_exchange_rates",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Rows that were new or changed, and stored ones that are no longer listed."""

    inserted: int
    updated: int
    deleted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyDrift:
    """How the definitions differ from those of the last run; names only. False when they do not.

    Attributes:
        asks_for_full_run: what appeared is not new in HubSpot (restored, or newly granted to the token), so that deals
            may have values of it that no modification date shows; or it took the place of another of its name, whose
            values they lost. A full run under way has lost its checkpoint and begins again; otherwise the next ``auto``
            run is a full one.
    """

    appeared: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    retyped: tuple[Mapping[str, str | None], ...] = ()  # {name, before, after}: string → number, …
    asks_for_full_run: bool = False

    def __bool__(self) -> bool:
        return bool(self.appeared or self.vanished or self.retyped)

    def as_details(self, names_max: int = 100) -> dict[str, Any]:
        """For an event: the counts, and the first names of each kind."""
        kinds = {kind: found for kind, found in asdict(self).items() if kind != "asks_for_full_run"}
        counts = {f"{kind}_count": len(found) for kind, found in kinds.items()}
        names = {kind: list(found[:names_max]) for kind, found in kinds.items()}
        return {**counts, **names, "asks_for_full_run": self.asks_for_full_run}


def store_portal(connection: Connection[Any], schema: str, keys: Keys, facts: PortalFacts) -> bool:
    """Keep what HubSpot says of the portal; whether anything of it was new."""
    parameters = {
        **keys,
        "portal_id": facts.portal_id,
        "account_type": _text(facts.account_type),
        "time_zone": _text(_CURRENT_TIME_ZONES.get(facts.time_zone, facts.time_zone)),
        "utc_offset": facts.utc_offset,
        "company_currency": _text(facts.currency),
        "additional_currencies": [code for code in facts.additional_currencies if _text(code)],
        "ui_domain": _text(facts.ui_domain),
        "data_hosting_location": _text(facts.data_hosting_location),
        "raw": raw_json.nested(dict(facts.raw)),
    }
    return sql.execute(connection, "dimensions.store_portal", parameters, schema=schema) > 0


def store_properties(
    connection: Connection[Any],
    schema: str,
    keys: Keys,
    listing: Listing,
    levels: Collection[str] = ("non_sensitive",),
) -> PropertyDrift:
    """Bring the property definitions up to date. The first ones of a portal are no drift.

    Args:
        levels: the sensitivities of which ``listing`` holds every property; others are not taken for vanished.
    """
    row = _stored(connection, "dimensions.store_deal_properties", schema, {**keys, "levels": list(levels)}, listing)
    asks_for_full_run = bool(
        row["known_before"] and sql.execute(connection, "dimensions.ask_for_full_run", keys, schema=schema)
    )
    return PropertyDrift(
        appeared=tuple(row["appeared"]),
        vanished=tuple(row["vanished"]),
        retyped=tuple(row["retyped"]),
        asks_for_full_run=asks_for_full_run,
    )


def stored_properties(
    connection: Connection[Any], schema: str, keys: Keys, levels: Collection[str]
) -> list[dict[str, Any]]:
    """Definitions of these sensitivities as an earlier run stored them, as far as reading deals needs them."""
    parameters = {**keys, "levels": list(levels)}
    return sql.rows(connection, "dimensions.stored_properties", parameters, schema=schema)


def store_listing(
    connection: Connection[Any], schema: str, keys: Keys, dimension: Dimension, listing: Listing
) -> Written:
    """Bring pipelines, stages or owners up to date. With skipped records nothing is taken for vanished."""
    return Written(**_stored(connection, _STATEMENTS[dimension], schema, keys, listing))


def are_due(connection: Connection[Any], schema: str, keys: Keys, every: timedelta) -> bool:
    """Whether pipelines, stages and owners were not asked for within ``every``, by PostgreSQL's clock."""
    (due,) = sql.column(connection, "dimensions.are_due", {**keys, "every": every}, schema=schema)
    return bool(due)


def record_reading(
    connection: Connection[Any], schema: str, keys: Keys, *, read: Collection[Dimension], is_settled: bool
) -> None:
    """Remember which lists were read just now.

    Args:
        is_settled: HubSpot answered for each of them, if with a refusal: ask again only when they are due.
    """
    parameters = {
        **keys,
        "pipelines_read": Dimension.PIPELINES in read,
        "owners_read": Dimension.OWNERS in read,
        "is_settled": is_settled,
    }
    sql.execute(connection, "dimensions.record_reading", parameters, schema=schema)


def _stored(connection: Connection[Any], name: str, schema: str, keys: Keys, listing: Listing) -> sql.Row:
    rows = orjson.dumps(listing.rows).decode()
    row = sql.one(connection, name, {**keys, "rows": rows, "is_complete": listing.is_complete}, schema=schema)
    if row is None:
        raise RuntimeError(f"INVARIANT_BROKEN: {name} returned no counts")
    return row


def _text(value: str) -> str | None:
    try:
        return values.text(value) or None
    except values.ValueIssue:
        return None
