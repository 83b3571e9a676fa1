"""What a change makes of a deal: pure functions from one version to the next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hubspot_simulator.calculated import calculated_values, without_calculated
from hubspot_simulator.clock import iso_from_ms
from hubspot_simulator.deal import Deal, Edit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Properties = Mapping[str, str | None]


def created(deal_id: int, properties: Properties, now_ms: int) -> Deal:
    moment = iso_from_ms(now_ms)
    values = {
        "createdate": moment,
        "hs_lastmodifieddate": moment,
        **_set_only(properties),
        "hs_object_id": str(deal_id),
    }
    values |= calculated_values(values, now_ms)
    edits = tuple(Edit(name, value, now_ms) for name, value in values.items())
    return Deal(deal_id, values, now_ms, now_ms, version=1, edits=edits)


def edited(deal: Deal, properties: Properties, now_ms: int) -> Deal:
    """Set, clear (``""``) or unset (None) properties; hs_lastmodifieddate becomes ``now_ms``."""
    values = {name: value for name, value in deal.values.items() if properties.get(name, value) is not None}
    values |= _set_only(properties)
    values["hs_lastmodifieddate"] = iso_from_ms(now_ms)
    values = {**without_calculated(values), **calculated_values(values, deal.created_ms)}
    edits = deal.edits + tuple(_history(deal, properties, now_ms))
    return replace(deal, values=values, modified_ms=now_ms, version=deal.version + 1, edits=edits)


def recalculated(deal: Deal, properties: Properties) -> Deal:
    """Other values with the same hs_lastmodifieddate."""
    return replace(deal, values={**deal.values, **_set_only(properties)}, version=deal.version + 1)


def merged(survivor_id: int, first: Deal, second: Deal, now_ms: int) -> Deal:
    """The first deal's values, the second's where the first has none, and everything ever merged into either."""
    gone = [deal.deal_id for deal in (first, second) if deal.deal_id != survivor_id]
    chain = [each for deal in (first, second) for each in _merged_ids(deal)]
    merged_ids = ";".join(dict.fromkeys([*chain, *map(str, gone)]))
    base = Deal(
        survivor_id,
        {**second.values, **first.values, "hs_object_id": str(survivor_id)},
        first.created_ms,
        first.modified_ms,
        version=max(first.version, second.version),
        edits=first.edits,
    )
    return edited(
        base, {"hs_merged_object_ids": merged_ids}, max(now_ms, first.modified_ms + 1, second.modified_ms + 1)
    )


def _history(deal: Deal, properties: Properties, now_ms: int) -> Iterator[Edit]:
    remembered = {edit.name for edit in deal.edits}
    for name, value in properties.items():
        if name in deal.values and name not in remembered:
            yield Edit(name, deal.values[name], deal.created_ms)
        yield Edit(name, value or "", now_ms)


def _merged_ids(deal: Deal) -> list[str]:
    return [each for each in deal.values.get("hs_merged_object_ids", "").split(";") if each]


def _set_only(properties: Properties) -> dict[str, str]:
    return {name: value for name, value in properties.items() if value is not None}
