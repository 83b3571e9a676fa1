"""HubSpot's records → rows for COPY, a page at a time, or the reasons why some cannot be rows.

The JSON is made record by record, everything else column by column.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache, partial
from hashlib import blake2b
from typing import NamedTuple

import orjson

from airflow_provider_hubspot_deals.deals import raw_json, values
from airflow_provider_hubspot_deals.deals.bad_records import BadRecord, UnstorableError, bad_record
from airflow_provider_hubspot_deals.deals.columns import (
    COMPARED_COLUMNS,
    MERGED_IDS_PROPERTY,
    PROPERTY_PARSERS,
    REQUIRED_PROPERTIES,
    STAGED_COLUMNS,
)
from airflow_provider_hubspot_deals.deals.copy_text import NULL, escape_json, unescape_json
from airflow_provider_hubspot_deals.deals.properties import Properties, Texts, subset_writer
from airflow_provider_hubspot_deals.deals.records import Record
from airflow_provider_hubspot_deals.deals.whole_columns import Issues, copy_column

__all__ = ["BadRecord", "DealParser", "DealRow", "ParsedPage"]

RECORD_BYTES_MAX = 8 * 2**20  # one deal; jsonb itself stops at 256 MiB
ISSUES_MAX = 20  # listed per row; the job counts all

_RAW_AT = STAGED_COLUMNS.index("raw_properties")
_VERSION = "hs_lastmodifieddate"
_VERSION_AT = REQUIRED_PROPERTIES.index(_VERSION)
_MERGED_IDS_AT = REQUIRED_PROPERTIES.index(MERGED_IDS_PROPERTY)
_NULL = NULL.encode()
_TRUE, _FALSE = "t", "f"  # PostgreSQL's text output of a boolean
_UNKNOWN = "NULL"  # as an element of an array that is written as text


class DealRow(NamedTuple):
    """A deal ready for COPY."""

    line: bytes  # ``columns.STAGED_COLUMNS`` in COPY's text format, with its line feed
    compared: tuple[str, ...]  # ``columns.COMPARED_COLUMNS`` as PostgreSQL's text input for elements of arrays
    deal_id: int
    merged_ids: tuple[int, ...]  # deals that HubSpot merged into this one
    issues: int  # values that their columns could not hold

    @property
    def version(self) -> str | None:
        """hs_lastmodifieddate; None when HubSpot's is not to be believed."""
        version = self.compared[COMPARED_COLUMNS.index("hs_lastmodifieddate")]
        return None if version == _UNKNOWN else version

    @property
    def page_number(self) -> int:
        return int(self.compared[COMPARED_COLUMNS.index("_page_number")])

    @property
    def record(self) -> bytes:
        """JSON with the id and the properties that HubSpot sent."""
        properties = unescape_json(self.line.split(b"\t")[_RAW_AT])
        return b'{"id":"%d","properties":%b}' % (self.deal_id, properties)

    @property
    def is_archived(self) -> bool:
        return self.compared[COMPARED_COLUMNS.index("archived")] == _TRUE


class ParsedPage(NamedTuple):
    """Every record of a page is in one of the two."""

    rows: list[DealRow]
    bad: list[BadRecord]


class _Deal(NamedTuple):
    """A record that has a key; its JSON as COPY takes it."""

    record: Record
    deal_id: str
    texts: Texts
    version: str | None
    archived: bool
    archived_at: str | None
    raw: bytes
    custom: bytes
    associations: bytes


class DealParser:
    """Parses the records of one portal.

    Args:
        custom_properties: names of the properties that the portal defined itself.
        allow_negative_amounts: whether the leaf table takes them.
        latest_version: gives the last instant at which a deal can have been modified, in ISO 8601 and UTC; any when
            None. A version behind it would keep every change to come from being newer.
    """

    def __init__(
        self,
        custom_properties: Collection[str],
        *,
        allow_negative_amounts: bool,
        latest_version: Callable[[], str] | None = None,
    ) -> None:
        self._latest_version = latest_version
        self._custom = frozenset(custom_properties)
        self._custom_writer = cache(partial(subset_writer, names=self._custom))
        amount = values.amount if allow_negative_amounts else values.non_negative_amount
        self._parsers: Mapping[str, values.Parser] = {**PROPERTY_PARSERS, "amount": amount}

    def parse_page(self, records: Iterable[Record], page_number: int) -> ParsedPage:
        """Never raises for what HubSpot may send."""
        bad: list[BadRecord] = []
        deals: list[_Deal] = []
        for record in records:
            read = self._read(record)
            if isinstance(read, _Deal):
                deals.append(read)
            else:
                bad.append(bad_record(record, read, page_number))
        versions = copy_column(_VERSION, values.timestamp, [deal.version for deal in deals], defaultdict(list))
        if NULL in versions:
            verdict = UnstorableError("BAD_VERSION", _VERSION)
            bad += [bad_record(deals[row].record, verdict, page_number) for row, _ in _where(versions, null=True)]
            deals = [deals[row] for row, _ in _where(versions, null=False)]
            versions = [version for _, version in _where(versions, null=False)]
        if not deals:
            return ParsedPage([], bad)
        issues: Issues = defaultdict(list)
        return ParsedPage(self._rows(deals, self._believed(versions, issues), issues, page_number), bad)

    def _believed(self, versions: list[str], issues: Issues) -> list[str]:
        # All are written alike, so that texts compare as their instants do.
        if self._latest_version is None or max(versions) <= (latest := self._latest_version()):
            return versions
        for row, version in enumerate(versions):
            if version > latest:
                issues[row].append({"field": _VERSION, "code": "DATE_IN_FUTURE"})
        return [NULL if version > latest else version for version in versions]

    def _read(self, record: Record) -> _Deal | UnstorableError:
        try:
            return self._deal(record)
        except UnstorableError as verdict:
            return verdict
        except values.ValueIssue:
            return UnstorableError("BAD_ID", "id")
        except (TypeError, AttributeError):
            return UnstorableError("BAD_RECORD")
        except RecursionError:
            return UnstorableError("TOO_DEEP")

    def _deal(self, record: Record) -> _Deal:
        deal_id = values.object_id(record.get("id"))
        properties = record.get("properties")
        if isinstance(properties, Properties) and not raw_json.may_hold_nul(raw := properties.to_json()):
            texts, custom = properties.texts(), self._custom_writer(type(properties))(properties)
        else:
            texts, raw = _texts_and_json(properties)
            custom = orjson.dumps({name: text for name, text in orjson.loads(raw).items() if name in self._custom})
        if len(raw) > RECORD_BYTES_MAX:
            raise UnstorableError("TOO_LARGE")
        associations = record.get("associations")
        archived = record.get("archived") is True
        return _Deal(
            record,
            deal_id,
            texts,
            texts[_VERSION_AT] or _text(record.get("updatedAt")),
            archived,
            _text(record.get("archivedAt")) if archived else None,
            escape_json(raw),
            _NULL if custom == b"{}" else escape_json(custom),
            escape_json(raw_json.nested(associations).encode()) if associations else _NULL,
        )

    def _rows(self, deals: Sequence[_Deal], versions: list[str], issues: Issues, page_number: int) -> list[DealRow]:
        texts = dict(zip(REQUIRED_PROPERTIES, zip(*(deal.texts for deal in deals), strict=True), strict=True))
        typed = {name: copy_column(name, parse, texts[name], issues) for name, parse in self._parsers.items()}
        typed[_VERSION] = versions
        deleted_at = copy_column("archivedAt", values.timestamp, [deal.archived_at for deal in deals], issues)
        ids = [deal.deal_id for deal in deals]
        keyed = "\n".join(map("\t".join, zip(ids, ids, *typed.values(), strict=True))).encode().split(b"\n")
        return [
            _row(deal, version, key, deleted, issues=issues.get(row, ()), page_number=str(page_number))
            for row, (deal, version, key, deleted) in enumerate(zip(deals, versions, keyed, deleted_at, strict=True))
        ]


def _texts_and_json(properties: object) -> tuple[Texts, bytes]:
    """Of the properties that have a value."""
    given = properties.present() if isinstance(properties, Properties) else properties
    present = {n: v for n, v in given.items() if v is not None} if isinstance(given, dict) else {}
    if plain := raw_json.plain(present):
        return tuple(map(present.get, REQUIRED_PROPERTIES)), plain
    texts = tuple(_text(present.get(name)) for name in REQUIRED_PROPERTIES)
    return texts, raw_json.dumps_properties(raw_json.storable(present))


def _row(
    deal: _Deal, version: str, keyed: bytes, deleted_at: str, *, issues: Sequence[dict[str, str]], page_number: str
) -> DealRow:
    archived = _TRUE if deal.archived else _FALSE
    noted = escape_json(raw_json.dumps(issues[:ISSUES_MAX])) if issues else _NULL
    jsonb = (deal.raw, deal.custom, deal.associations, noted)
    content = b"\t".join((keyed, archived.encode(), *jsonb, deleted_at.encode()))
    # 128 bits that change when the row would; hs_lastmodifieddate alone misses calculated properties. The typed columns
    # follow from the properties only as long as nobody changes how they are parsed.
    content_hash = blake2b(content, digest_size=16).hexdigest()
    line = b"\t".join((content, f"{page_number}\t{content_hash}\n".encode()))
    compared = (deal.deal_id, _UNKNOWN if version == NULL else version, archived, page_number, content_hash)
    return DealRow(line, compared, int(deal.deal_id), _merged_ids(deal.texts[_MERGED_IDS_AT]), len(issues))


def _where(column: Sequence[str], *, null: bool) -> list[tuple[int, str]]:
    return [(row, value) for row, value in enumerate(column) if (value == NULL) is null]


def _text(value: object) -> str | None:
    return None if value is None else raw_json.as_text(value)


def _merged_ids(value: str | None) -> tuple[int, ...]:
    if not value:
        return ()
    return tuple(int(part) for part in value.split(";") if part.isascii() and part.isdigit() and len(part) < 19)  # noqa: PLR2004 - fits bigint
