"""HubSpot's lists → rows. A value that its column cannot hold is NULL there; ``raw`` keeps what HubSpot sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from airflow_provider_hubspot_deals.deals import raw_json, values
from airflow_provider_hubspot_deals.deals.records import Record

KEY_BYTES_MAX = 1_000  # two keys and the tenant stand in one index entry, which ends at 2,704 bytes
_UNKNOWN_TIME = "1970-01-01T00:00:00"  # HubSpot's createdAt of what was always there

Row = Mapping[str, Any]
"""Column → value, ready for JSON; jsonb columns hold JSON text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list of HubSpot, each key once.

    Attributes:
        skipped: records without a usable key. While there are some, what is missing from ``rows`` may still exist.
    """

    rows: tuple[Row, ...]
    skipped: int = 0

    @property
    def is_complete(self) -> bool:
        return self.skipped == 0


class _Unkeyed(Exception):  # noqa: N818 - a verdict on a record, caught in this file
    """The record cannot be stored under any key."""


def pipeline_rows(records: Iterable[Record]) -> Listing:
    """Pipelines, without their stages."""
    return _listing(records, _pipeline, "pipeline_id")


def stage_rows(records: Iterable[Record]) -> Listing:
    """The stages of the pipelines."""
    pairs = [(pipeline.get("id"), stage) for pipeline in records for stage in _stages(pipeline)]
    return _listing(pairs, _stage, "pipeline_id", "stage_id")


def owner_rows(records: Iterable[Record]) -> Listing:
    """Owners; of two records of one owner, who was archived while we read, the later counts."""
    return _listing(records, _owner, "owner_id")


def exchange_rate_rows(records: Iterable[Record]) -> Listing:
    """Exchange rates, past ones too. One without two currencies, a rate and a time says nothing and is skipped."""
    return _listing(records, _exchange_rate, "exchange_rate_id")


def property_rows(definitions: Iterable[Record]) -> Listing:
    """Property definitions."""
    return _listing(definitions, _property, "name")


def _listing(records: Iterable[Any], parse: Callable[[Any], dict[str, Any]], *key: str) -> Listing:
    rows: dict[tuple[Any, ...], Row] = {}
    skipped = 0
    for record in records:
        try:
            row = parse(record)
        except (_Unkeyed, RecursionError):
            skipped += 1
        else:
            rows[tuple(row[name] for name in key)] = row
    return Listing(rows=tuple(rows.values()), skipped=skipped)


def _pipeline(record: Record) -> dict[str, Any]:
    return {
        "pipeline_id": _key(record.get("id")),
        "label": _typed(values.text, record.get("label")),
        "display_order": _typed(values.integer, record.get("displayOrder")),
        **_times(record),
        "raw": raw_json.nested({name: value for name, value in record.items() if name != "stages"}),
    }


def _stages(pipeline: Record) -> list[object]:
    stages = pipeline.get("stages")
    return stages if isinstance(stages, list) else [None]  # a pipeline has stages: one that shows none hides them


def _stage(pair: tuple[object, object]) -> dict[str, Any]:
    pipeline_id, record = pair
    if not isinstance(record, dict):
        raise _Unkeyed
    metadata = record["metadata"] if isinstance(record.get("metadata"), dict) else {}
    return {
        "pipeline_id": _key(pipeline_id),
        "stage_id": _key(record.get("id")),
        "label": _typed(values.text, record.get("label")),
        "display_order": _typed(values.integer, record.get("displayOrder")),
        "probability": _typed(values.numeric, metadata.get("probability")),
        "is_closed": _truth(metadata.get("isClosed")),
        **_times(record),
        "raw": raw_json.nested(record),
    }


def _owner(record: Record) -> dict[str, Any]:
    teams = record.get("teams")
    return {
        "owner_id": _key(record.get("id")),
        "email": _typed(values.text, record.get("email")),
        "first_name": _typed(values.text, record.get("firstName")),
        "last_name": _typed(values.text, record.get("lastName")),
        "owner_type": _typed(values.text, record.get("type")),
        "user_id": _typed(values.object_id, record.get("userId")),
        "user_id_including_inactive": _typed(values.object_id, record.get("userIdIncludingInactive")),
        "teams": raw_json.nested(teams) if teams else None,
        "archived": record.get("archived") is True,
        **_times(record),
        "raw": raw_json.nested(record),
    }


def _property(record: Record) -> dict[str, Any]:
    options = record.get("options")
    return {
        "name": _key(record.get("name")),
        "label": _typed(values.text, record.get("label")),
        "description": _typed(values.text, record.get("description")),
        "group_name": _typed(values.text, record.get("groupName")),
        "data_type": _typed(values.text, record.get("type")),
        "field_type": _typed(values.text, record.get("fieldType")),
        "is_custom": not record.get("hubspotDefined"),
        "is_calculated": record.get("calculated") is True,
        "is_hidden": record.get("hidden") is True,
        "sensitivity": _typed(values.text, record.get("dataSensitivity")),
        "options": raw_json.nested(options) if options else None,
        **_times(record),
    }


def _exchange_rate(record: Record) -> dict[str, Any]:
    rate = {
        "from_currency": _typed(values.text, record.get("fromCurrencyCode")),
        "to_currency": _typed(values.text, record.get("toCurrencyCode")),
        "conversion_rate": _typed(values.numeric, record.get("conversionRate")),
        "effective_at": _typed(values.timestamp, record.get("effectiveAt")),
    }
    if None in rate.values() or Decimal(rate["conversion_rate"] or 0) <= 0:
        raise _Unkeyed
    return {
        "exchange_rate_id": _key(record.get("id")),
        **rate,
        "is_visible": record.get("visibleInUI") is not False,
        **_times(record),
    }


def _times(record: Record) -> dict[str, str | None]:
    return {
        "hubspot_created_at": _moment(record.get("createdAt")),
        "hubspot_updated_at": _moment(record.get("updatedAt")),
    }


def _moment(value: object) -> str | None:
    moment = _typed(values.timestamp, value)
    return None if moment is None or moment.startswith(_UNKNOWN_TIME) else moment


def _key(value: object) -> str:
    written = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(written, str) or not written or len(written.encode(errors="replace")) > KEY_BYTES_MAX:
        raise _Unkeyed
    if _typed(values.text, written) is None:
        raise _Unkeyed
    return written


def _typed(parse: values.Parser, value: object) -> str | None:
    if value is None or value == "":
        return None
    try:
        return parse(value if isinstance(value, str) else raw_json.canonical(value))
    except values.ValueIssue:
        return None


def _truth(value: object) -> bool | None:
    return {"true": True, "false": False}.get(str(value).lower())  # HubSpot writes it as text in metadata
