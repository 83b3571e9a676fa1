"""Reading what changed in a window of ``hs_lastmodifieddate``.

HubSpot's search stops at 10,000 results, shifts its pages when a deal changes meanwhile, sorts by time only roughly,
and lags behind the records. So it is asked for ids only, sorted by id, always "greater than the last one", inside a
closed window; the records themselves come from batch/read, which is current. Neither 10,000 results nor a million
deals of one millisecond matter then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from airflow_provider_hubspot_deals.deals import values
from airflow_provider_hubspot_deals.deals.columns import REQUIRED_PROPERTIES
from airflow_provider_hubspot_deals.deals.properties import Properties
from airflow_provider_hubspot_deals.deals.records import FoundDeals, Record
from airflow_provider_hubspot_deals.exceptions import BadResponseError
from airflow_provider_hubspot_deals.extraction.pages import Cursor, DealSource, Event, Page, deal_id
from airflow_provider_hubspot_deals.extraction.readers import Readers

SEARCH_PAGE = 200  # HubSpot's maximum for search
BATCH_READ_MAX = 100  # HubSpot's maximum for batch/read

_VERSION = "hs_lastmodifieddate"
_VERSION_AT = REQUIRED_PROPERTIES.index(_VERSION)

SEARCH_INCOMPLETE = "search_incomplete"  # a kind of event: the window may hold deals that nobody has seen

Outdated = Callable[[Mapping[int, str | None]], list[int]]
"""Given id → hs_lastmodifieddate as found, the ids whose stored row is missing or older."""


@dataclass(frozen=True, slots=True)
class _Find:
    """Versions by id of one page of a search, the cursor behind it, and those of the deals that are to be read."""

    versions: Mapping[int, str | None]
    cursor: Cursor
    wanted: Sequence[int] = ()
    events: tuple[Event, ...] = ()


def changed_pages(
    source: DealSource,
    readers: Readers,
    *,
    properties: Sequence[str],
    window: tuple[datetime, datetime],
    outdated: Outdated,
    cursor: Cursor,
) -> Iterator[Page]:
    """Every live deal that search finds in ``window`` (both ends included) and that is not stored as it is.

    The last page has an event ``SEARCH_INCOMPLETE`` when HubSpot counts more deals than it names.

    Raises:
        BadResponseError: ids did not rise, so that going on after the last one could lose deals.
    """
    finds = _finds(source, readers, window, cursor)
    wanted = (replace(find, wanted=outdated(find.versions) if find.versions else []) for find in finds)
    return readers.in_order(partial(_read, source, properties), wanted, lambda: source.requests_in_flight)


def fresh_pages(
    source: DealSource,
    readers: Readers,
    *,
    properties: Sequence[str],
    window: tuple[datetime, datetime],
    outdated: Outdated,
    cursor: Cursor,
) -> Iterator[Page]:
    """As ``changed_pages``, for the newest changes and at the price of one request when they are few.

    The deals that were modified last come in one answer, which counts all live deals as well. HubSpot sorts by time
    only roughly, so half of them must be older than the window for the answer to hold all that are in it; what is
    missed even so is in the closed window of a later run.
    """
    total = None
    if cursor is None:
        latest = source.latest_deals()
        total = latest.total
        versions = {_known_id(record): version_of(record) for record in latest.records}
        newer = {found: version for found, version in versions.items() if _is_since(window[0], version)}
        holds_all_deals = not _is_full(latest, versions) and latest.total <= len(versions)
        if holds_all_deals or 0 < len(versions) >= 2 * len(newer):
            page = _read(source, properties, _Find(newer, None, wanted=outdated(newer) if newer else []))
            yield replace(page, total=total)
            return
    for page in changed_pages(source, readers, properties=properties, window=window, outdated=outdated, cursor=cursor):
        yield replace(page, total=total)
        total = None


def read_by_id(
    source: DealSource, ids: Sequence[int], *, properties: Sequence[str], archived: bool = False
) -> list[Record]:
    """The records of ``ids`` that exist; a merged id brings the deal that it was merged into."""
    return [
        record
        for start in range(0, len(ids), BATCH_READ_MAX)
        for record in source.read_deals(ids[start : start + BATCH_READ_MAX], properties=properties, archived=archived)
    ]


def missing_ids(asked: Sequence[int], records: Sequence[Record]) -> tuple[int, ...]:
    """Those of ``asked`` under whose id nothing came."""
    given = {str(record.get("id")) for record in records}
    return tuple(deal_id for deal_id in asked if str(deal_id) not in given)


def _finds(source: DealSource, readers: Readers, window: tuple[datetime, datetime], cursor: Cursor) -> Iterator[_Find]:
    """Page by page as search finds them; the next search is under way meanwhile."""
    last_id, named = (cursor["last_id"], cursor.get("named", 0)) if cursor else (0, 0)
    ask = partial(source.search_deals, modified_from=window[0], modified_to=window[1])
    asked = readers.ask(partial(ask, after_id=last_id))
    while True:
        found = asked.result()
        versions = _rising(found, last_id)
        last_id = next(reversed(versions), last_id)
        named += len(versions)
        finished = not versions or (not _is_full(found, versions) and found.total <= len(versions))
        if finished:
            unnamed = 0 if versions else found.total
            yield _Find(versions, None, events=(_incomplete(window, named, unnamed),) if unnamed else ())
            return
        asked = readers.ask(partial(ask, after_id=last_id))
        yield _Find(versions, {"last_id": last_id, "named": named})


def _incomplete(window: tuple[datetime, datetime], named: int, unnamed: int) -> Event:
    start, end = (moment.isoformat() for moment in window)
    counts = {"named": named, "counted": named + unnamed}
    return Event(kind=SEARCH_INCOMPLETE, details={"window_start": start, "window_end": end, **counts})


def _read(source: DealSource, properties: Sequence[str], find: _Find) -> Page:
    records = read_by_id(source, find.wanted, properties=properties)
    vanished = missing_ids(find.wanted, records)
    return Page(records=records, cursor=find.cursor, vanished=vanished, events=find.events)


def _is_since(moment: datetime, version: str | None) -> bool:
    return version is None or datetime.fromisoformat(version) >= moment


def _is_full(found: FoundDeals, named: Sized) -> bool:
    return len(named) >= min(found.limit, SEARCH_PAGE)


def _rising(found: FoundDeals, last_id: int) -> dict[int, str | None]:
    versions: dict[int, str | None] = {}
    for record in found.records:
        found_id = _known_id(record)
        if found_id <= last_id:
            raise BadResponseError(
                "HubSpot's search did not sort by id as asked; going on could lose deals.", code="SOURCE_ORDER"
            )
        last_id = found_id
        versions[found_id] = version_of(record)
    return versions


def version_of(record: Record) -> str | None:
    """``hs_lastmodifieddate`` as PostgreSQL takes it; None when it is not known."""
    try:
        properties = record["properties"]
        is_decoded = isinstance(properties, Properties)
        return values.timestamp(properties.texts()[_VERSION_AT] if is_decoded else properties[_VERSION])
    except (KeyError, TypeError, values.ValueIssue):
        return None  # unknown, so the record is read


def _known_id(record: Record) -> int:
    try:
        return deal_id(record)
    except ValueError:
        raise BadResponseError("HubSpot's search named a deal without a numeric id.") from None
