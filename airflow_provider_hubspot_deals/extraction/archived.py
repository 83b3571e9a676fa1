"""The archived deals without reading again what is stored as it is.

No date says which deals were archived since the last run, so the whole list is walked each time. It names ids, versions
and times of archiving for little; the records are read of those that are new or different.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from airflow_provider_hubspot_deals.deals import values
from airflow_provider_hubspot_deals.deals.records import Record
from airflow_provider_hubspot_deals.extraction.listing import listed_pages
from airflow_provider_hubspot_deals.extraction.pages import Cursor, DealSource, Page, deal_id
from airflow_provider_hubspot_deals.extraction.readers import Readers
from airflow_provider_hubspot_deals.extraction.searching import missing_ids, read_by_id, version_of

_NAMES_ONLY = ("hs_object_id",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What the list says of one deal: ``hs_lastmodifieddate`` and ``archivedAt``, None when it does not say."""

    version: str | None
    archived_at: str | None


NotStoredSo = Callable[[Mapping[int, Archived]], list[int]]
"""Those of the deals that are not stored as archived then, in that version."""


def archived_pages(
    source: DealSource, readers: Readers, *, properties: Sequence[str], not_stored_so: NotStoredSo, cursor: Cursor
) -> Iterator[Page]:
    """Every archived deal that is not stored so; the ids of the others.

    Raises:
        BadResponseError: see ``listed_pages``.
    """
    pages = listed_pages(source, readers, properties=_NAMES_ONLY, archived=True, cursor=cursor)
    wanted = ((page, not_stored_so(found) if (found := _found(page.records)) else []) for page in pages)
    return readers.in_order(partial(_read, source, properties), wanted, lambda: source.requests_in_flight)


def _read(source: DealSource, properties: Sequence[str], named: tuple[Page, list[int]]) -> Page:
    page, wanted = named
    archived = read_by_id(source, wanted, properties=properties, archived=True)
    # Restored since it was listed: no list and no search may ever name it again, so it is read now.
    restored = read_by_id(source, missing_ids(wanted, archived), properties=properties)
    unusable = [record for record in page.records if _id_or_none(record) is None]
    listed = tuple(found for record in page.records if (found := _id_or_none(record)) is not None)
    return replace(page, records=archived + restored + unusable, listed=listed)


def _found(records: Sequence[Record]) -> dict[int, Archived]:
    return {
        found: Archived(version=version_of(record), archived_at=_time_or_none(record.get("archivedAt")))
        for record in records
        if (found := _id_or_none(record)) is not None
    }


def _id_or_none(record: Record) -> int | None:
    try:
        return deal_id(record)
    except ValueError:
        return None


def _time_or_none(value: object) -> str | None:
    try:
        return values.timestamp(value) if isinstance(value, str) else None
    except values.ValueIssue:
        return None
