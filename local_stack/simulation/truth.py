"""The simulator's own state, as rows to compare the copy with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubspot_simulator.associations import KINDS
from hubspot_simulator.clock import iso_from_ms
from local_stack.simulation.bad_deals import reason_of

if TYPE_CHECKING:
    from hubspot_simulator.deal import Deal
    from hubspot_simulator.portal import Portal
    from local_stack.simulation.people import People

Row = tuple[Any, ...]


def deals(people: People, *, with_properties: bool) -> list[Row]:
    """(deal id, state, when modified, survivor, what a token may read of its properties, why it can be no row)."""
    portal = people.portal
    if not with_properties:
        with portal.lock:
            live = list(portal.store.deals(archived=False))
        return [
            (each.deal_id, "live", iso_from_ms(each.modified_ms), None, None, reason_of(each.values)) for each in live
        ]
    with portal.lock:
        lists = {"live": portal.live_deals(), "archived": portal.archived_deals()}
        merged = portal.merged_deals()
    readable = {name for name, each in portal.definitions.items() if each.sensitivity == "non_sensitive"}
    rows: list[Row] = []
    for state, records in lists.items():
        for deal_id, record in records.items():
            properties = {k: v for k, v in record["properties"].items() if v is not None and k in readable}
            rows.append((deal_id, state, record["updatedAt"], None, json.dumps(properties), reason_of(properties)))
    return rows + [(loser, "merged", None, survivor, None, None) for loser, survivor in merged.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is kept beside deals: associations with which object types, and the history of which properties."""

    associations: tuple[str, ...] = ()
    history: tuple[str, ...] = ()


NOTHING_BESIDE = Beside()


def beside(portal: Portal, kept: Beside) -> Iterator[Row]:
    """(deal id, what HubSpot says of it, part by part) of the live deals."""
    with portal.lock:
        for deal in portal.store.deals(archived=False):
            for name in kept.associations:
                yield from ((deal.deal_id, fact) for fact in _associations(portal, deal.deal_id, name))
            for name in kept.history:
                yield from ((deal.deal_id, fact) for fact in _history(deal, name))


def _associations(portal: Portal, deal_id: int, name: str) -> Iterator[list[str]]:
    kind = KINDS[name]
    for position, each in enumerate(portal.associations.associated(deal_id, name)):
        primary = [kind.primary_type_id] if kind.primary_type_id and position == 0 else []
        for type_id in (kind.type_id, *primary):
            yield [name, str(each), str(type_id)]


def _history(deal: Deal, name: str) -> Iterator[list[str]]:
    seen: Counter[str] = Counter()
    for entry in reversed(deal.history(name)):
        moment = _with_fraction(entry["timestamp"])
        yield [name, moment, str(seen[moment]), entry["value"]]
        seen[moment] += 1


def _with_fraction(moment: str) -> str:
    return moment if "." in moment else moment.replace("Z", ".000Z")
