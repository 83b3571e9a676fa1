"""One version of one deal, and the JSON record that HubSpot makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubspot_simulator.clock import iso_from_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# https://developers.hubspot.com/docs: what a deal returns when no property is named, and what it always returns.
DEFAULT_PROPERTIES = ("amount", "closedate", "createdate", "dealname", "dealstage", "pipeline")
ALWAYS_PROPERTIES = ("createdate", "hs_lastmodifieddate", "hs_object_id")
HISTORY_SOURCE = {"sourceType": "CRM_UI", "sourceId": "userId:4711", "updatedByUserId": 4711}


@dataclass(frozen=True, slots=True)
class Edit:
    """A value that a property took at a moment."""

    name: str
    value: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Deal:
    """An immutable version of a deal; a change makes another one with a higher ``version``."""

    deal_id: int
    values: Mapping[str, str]  # set properties only; "" is a cleared one
    created_ms: int
    modified_ms: int
    archived_ms: int | None = None
    version: int = 0  # 0 is as generated
    edits: tuple[Edit, ...] = ()  # oldest first; only properties that changed after generation

    def history(self, name: str) -> list[dict[str, Any]]:
        """Entries of ``propertiesWithHistory``, newest first."""
        edits = [edit for edit in reversed(self.edits) if edit.name == name]
        if not edits and name in self.values:
            edits = [Edit(name, self.values[name], self.created_ms)]
        return [{"value": edit.value, "timestamp": iso_from_ms(edit.at_ms), **HISTORY_SOURCE} for edit in edits]


def as_record(deal: Deal, names: Iterable[str], url_prefix: str) -> dict[str, Any]:
    """The record with the properties ``names``: unset ones are null (reference §1.1)."""
    value_of = deal.values.get
    record: dict[str, Any] = {
        "id": str(deal.deal_id),
        "properties": {name: value_of(name) for name in names},
        "createdAt": iso_from_ms(deal.created_ms),
        "updatedAt": iso_from_ms(deal.modified_ms),
        "archived": deal.archived_ms is not None,
    }
    if deal.archived_ms is not None:
        record["archivedAt"] = iso_from_ms(deal.archived_ms)
    record["url"] = f"{url_prefix}{deal.deal_id}"
    return record
