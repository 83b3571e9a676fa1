"""Records that cannot be rows, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import orjson

from airflow_provider_hubspot_deals.deals import raw_json, values
from airflow_provider_hubspot_deals.deals.properties import Properties

SHORT_TEXT_MAX = 64  # of a broken id, to find the record again
_VERSION = "hs_lastmodifieddate"

ReasonCode = Literal["BAD_ID", "BAD_RECORD", "BAD_VERSION", "REFUSED_BY_DATABASE", "TOO_DEEP", "TOO_LARGE"]
REASON_CODES: tuple[str, ...] = get_args(ReasonCode)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRecord:
    """A record that cannot be keyed or stored; it goes to quarantine as HubSpot sent it."""

    deal_id_text: str | None  # what stood where the id belongs, if it was short and printable
    reason_code: str
    field_name: str | None
    raw: bytes  # JSON
    page_number: int
    modified_at: str | None = None  # when HubSpot says that it was modified, if that can be read

    @property
    def deal_id(self) -> int | None:
        """The deal that it is of; None when its id is none."""
        try:
            return int(values.object_id(self.deal_id_text))
        except values.ValueIssue:
            return None


class UnstorableError(Exception):
    """A verdict on a record: a stable code, and the field that it is about."""

    def __init__(self, code: ReasonCode, field: str | None = None) -> None:
        super().__init__(code)
        self.code, self.field = code, field


def bad_record(record: object, verdict: UnstorableError, page_number: int) -> BadRecord:
    """``record``, which may be anything that JSON can hold, for quarantine."""
    identifier = record.get("id") if isinstance(record, dict) else None
    written = str(identifier) if isinstance(identifier, str | int) else ""
    short = written if written.isprintable() and 0 < len(written) <= SHORT_TEXT_MAX else None
    content = _as_json(record)
    return BadRecord(
        deal_id_text=short,
        reason_code=verdict.code,
        field_name=verdict.field,
        raw=_raw_bytes(content),
        page_number=page_number,
        modified_at=_modified_at(content),
    )


def _modified_at(record: object) -> str | None:
    """``hs_lastmodifieddate``, and where that is unusable ``updatedAt``, in which HubSpot says the same."""
    if not isinstance(record, dict):
        return None
    properties = record.get("properties")
    said: tuple[Any, ...] = (
        properties.get(_VERSION) if isinstance(properties, dict) else None,
        record.get("updatedAt"),
    )
    for moment in said:
        try:
            return values.timestamp(moment)
        except (values.ValueIssue, TypeError):
            continue
    return None


def _as_json(record: object) -> object:
    """A record with its properties as JSON again."""
    if isinstance(record, dict) and isinstance(properties := record.get("properties"), Properties):
        return {**record, "properties": properties.to_dict()}
    return record


def _raw_bytes(record: object) -> bytes:
    try:
        return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)  # by which the same record is known again
    except TypeError:  # orjson refuses lone surrogates, integers over 64 bits and 255 levels
        return raw_json.bottomless(record).encode()
