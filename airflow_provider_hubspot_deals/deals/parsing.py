"""One HubSpot record → one row for COPY, or the reason why it cannot be one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from airflow_provider_hubspot_deals.deals import raw_json, values
from airflow_provider_hubspot_deals.deals.columns import (
    COMPARED_COLUMNS,
    MERGED_IDS_PROPERTY,
    PROPERTY_PARSERS,
    STAGED_COLUMNS,
)
from airflow_provider_hubspot_deals.deals.records import Record

RECORD_BYTES_MAX = 8 * 2**20  # one deal; jsonb itself stops at 256 MiB
ISSUES_MAX = 20  # listed per row; the job counts all
SHORT_TEXT_MAX = 64  # of a broken id, to find the record again

_VERSION = tuple(PROPERTY_PARSERS).index("hs_lastmodifieddate")
_COMPARED = tuple(map(STAGED_COLUMNS.index, COMPARED_COLUMNS))


class DealRow(NamedTuple):
    """A deal ready for COPY: ``values`` in the order of ``columns.STAGED_COLUMNS``, as PostgreSQL's text input."""

    values: tuple[str | None, ...]
    deal_id: int
    merged_ids: tuple[int, ...]  # deals that HubSpot merged into this one
    issues: int  # values that their columns could not hold

    @property
    def compared(self) -> tuple[str, ...]:
        """What tells whether there is anything to write: the values of ``columns.COMPARED_COLUMNS``."""
        return tuple(self.values[index] or "" for index in _COMPARED)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRecord:
    """A record that cannot be keyed or stored; it goes to quarantine as HubSpot sent it."""

    deal_id_text: str | None  # what stood where the id belongs, if it was short and printable
    reason_code: str
    field_name: str | None
    raw: bytes  # JSON
    page_number: int


class _Unstorable(Exception):  # noqa: N818 - a verdict on a record, caught in this file
    def __init__(self, code: str, field: str | None = None) -> None:
        super().__init__(code)
        self.code, self.field = code, field


class DealParser:
    """Parses the records of one portal.

    Args:
        custom_properties: names of the properties that the portal defined itself.
        allow_negative_amounts: whether the leaf table takes them.
    """

    def __init__(self, custom_properties: Collection[str], *, allow_negative_amounts: bool) -> None:
        self._custom = frozenset(custom_properties)
        parsers = dict(PROPERTY_PARSERS)
        if allow_negative_amounts:
            parsers["amount"] = values.amount
        self._parsers = tuple(parsers.items())

    def parse(self, record: Record, page_number: int) -> DealRow | BadRecord:
        """Never raises for what HubSpot may send."""
        try:
            return self._row(record, page_number)
        except _Unstorable as verdict:
            return _bad_record(record, verdict.code, verdict.field, page_number)
        except (TypeError, AttributeError):
            return _bad_record(record, "BAD_RECORD", None, page_number)
        except RecursionError:
            return _bad_record(record, "TOO_DEEP", None, page_number)

    def _row(self, record: Record, page_number: int) -> DealRow:
        deal_id = _key("BAD_ID", "id", values.object_id, record.get("id"))
        properties: Mapping[str, Any] = record["properties"] if isinstance(record.get("properties"), dict) else {}
        present, raw = raw_json.present_properties(properties)
        if len(raw) > RECORD_BYTES_MAX:
            raise _Unstorable("TOO_LARGE")
        issues: list[dict[str, str]] = []
        typed = [_typed(name, parse, properties.get(name), issues) for name, parse in self._parsers]
        version = properties.get("hs_lastmodifieddate") or record.get("updatedAt")
        typed[_VERSION] = _key("BAD_VERSION", "hs_lastmodifieddate", values.timestamp, version)
        archived = record.get("archived") is True
        deleted_at = _typed("archivedAt", values.timestamp, record.get("archivedAt"), issues) if archived else None
        associations = record.get("associations")
        extras = (
            raw_json.dumps(custom) if (custom := {n: v for n, v in present.items() if n in self._custom}) else None,
            raw_json.nested(associations) if associations else None,
            raw_json.dumps(issues[:ISSUES_MAX]) if issues else None,
            deleted_at,
        )
        flag = "t" if archived else "f"
        row = (deal_id, deal_id, *typed, flag, raw, *extras, str(page_number), _content_hash(raw, flag, *extras))
        return DealRow(row, int(deal_id), _merged_ids(properties.get(MERGED_IDS_PROPERTY)), len(issues))


def _typed(name: str, parse: values.Parser, value: object, issues: list[dict[str, str]]) -> str | None:
    if value is None or value == "":  # HubSpot's "never set" and "cleared"
        return None
    try:
        return parse(value if isinstance(value, str) else raw_json.canonical(value))
    except values.ValueIssue as issue:
        issues.append({"field": name, "code": str(issue)})
        return None


def _key(code: str, field: str, parse: Callable[[Any], str], value: object) -> str:
    try:
        return parse(value)
    except (values.ValueIssue, TypeError):
        raise _Unstorable(code, field) from None


def _content_hash(raw: str, *parts: str | None) -> str:
    """128 bits that change when the row would; ``hs_lastmodifieddate`` alone misses calculated properties."""
    return blake2b("\x1f".join([raw, *(part or "" for part in parts)]).encode(), digest_size=16).hexdigest()


def _merged_ids(value: object) -> tuple[int, ...]:
    if not isinstance(value, str) or not value:
        return ()
    return tuple(int(part) for part in value.split(";") if part.isascii() and part.isdigit() and len(part) < 19)  # noqa: PLR2004 - fits bigint


def _bad_record(record: object, code: str, field: str | None, page_number: int) -> BadRecord:
    identifier = record.get("id") if isinstance(record, dict) else None
    written = str(identifier) if isinstance(identifier, str | int) else ""
    short = written if written.isprintable() and 0 < len(written) <= SHORT_TEXT_MAX else None
    return BadRecord(
        deal_id_text=short, reason_code=code, field_name=field, raw=_raw_bytes(record), page_number=page_number
    )


def _raw_bytes(record: object) -> bytes:
    try:
        return orjson.dumps(record)
    except TypeError:  # orjson refuses lone surrogates, integers over 64 bits and 255 levels
        return raw_json.bottomless(record).encode()
