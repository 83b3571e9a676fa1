"""What HubSpot keeps beside a deal's own values: associations with other records, and the history of properties."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from airflow_provider_hubspot_deals.deals import raw_json, values
from airflow_provider_hubspot_deals.deals.records import Record


class Association(NamedTuple):
    """One label between a deal and another record; a record with two labels makes two of these."""

    deal_id: int
    to_object_id: int  # unique in its object type only
    category: str  # HUBSPOT_DEFINED, USER_DEFINED, INTEGRATOR_DEFINED
    type_id: int  # unique in its category only
    label: str | None  # None for the unlabelled kind


class FoundAssociations(NamedTuple):
    """What HubSpot tells of some deals' associations with one type of record."""

    associations: list[Association]
    unfinished: list[int]  # deals that may have more: HubSpot names a next page of theirs and never gives it


class PropertyChange(NamedTuple):
    """A value that a property took."""

    deal_id: int
    property: str
    changed_at: str  # ISO 8601 with milliseconds, UTC
    ordinal: int  # 0; 1, 2, … for further changes within the same millisecond, oldest first
    value: str | None
    source_type: str | None
    source_id: str | None
    source_label: str | None
    updated_by_user_id: int | None


def property_changes(record: Record) -> Iterator[PropertyChange]:
    """The changes that a record's ``propertiesWithHistory`` tells. An entry without a time is left out.

    Raises:
        ValueError: the record has no usable id or history, so that nothing is known of it.
    """
    deal_id = int(values.object_id(record.get("id")))
    histories = record.get("propertiesWithHistory")
    if not isinstance(histories, dict):
        raise ValueError("a record has no propertiesWithHistory")  # noqa: TRY004 - a bad value, not a bad call
    for name, entries in histories.items():
        yield from _changes(deal_id, name, entries if isinstance(entries, list) else [])


def _changes(deal_id: int, name: str, entries: list[Any]) -> Iterator[PropertyChange]:
    seen: Counter[str] = Counter()
    for entry in reversed(entries):  # HubSpot tells the newest first
        moment = _moment(entry)
        if moment is None:
            continue
        user = entry.get("updatedByUserId")
        yield PropertyChange(
            deal_id,
            name,
            moment,
            seen[moment],
            _text(entry.get("value")),
            _text(entry.get("sourceType")),
            _text(entry.get("sourceId")),
            _text(entry.get("sourceLabel")),
            user if type(user) is int and 0 < user < 2**63 else None,
        )
        seen[moment] += 1


def _moment(entry: object) -> str | None:
    written = entry.get("timestamp") if isinstance(entry, Mapping) else None
    try:
        instant = datetime.fromisoformat(values.timestamp(str(written)))
    except values.ValueIssue:
        return None
    return instant.isoformat(timespec="milliseconds")


def _text(value: object) -> str | None:
    """Text exactly as it came; what PostgreSQL cannot hold (NUL, half a surrogate pair) as its JSON."""
    if value is None:
        return None
    written = value if isinstance(value, str) else raw_json.canonical(value)
    try:
        return values.text(written)
    except values.ValueIssue:
        return raw_json.canonical(written)
