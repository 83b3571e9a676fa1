"""Reading what changed in a window of ``hs_lastmodifieddate``.

HubSpot's search stops at 10,000 results, shifts its pages when a deal changes meanwhile, sorts by time only roughly,
and lags behind the records. So it is asked for ids only, sorted by id, always "greater than the last one", inside a
closed window; the records themselves come from batch/read, which is current. Neither 10,000 results nor a million
deals of one millisecond matter then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from airflow_provider_hubspot_deals.deals import values
from airflow_provider_hubspot_deals.deals.records import FoundDeals, Record
from airflow_provider_hubspot_deals.exceptions import BadResponseError
from airflow_provider_hubspot_deals.extraction.pages import Cursor, DealSource, Page, deal_id

SEARCH_PAGE = 200  # HubSpot's maximum for search
BATCH_READ_MAX = 100  # HubSpot's maximum for batch/read
EMPTY_PAGES_MAX = 3  # in a row, though `total` says that there is more

Outdated = Callable[[Mapping[int, str | None]], list[int]]
"""Given id → hs_lastmodifieddate as found, the ids whose stored row is missing or older."""


def changed_pages(
    source: DealSource,
    *,
    properties: Sequence[str],
    window: tuple[datetime, datetime],
    outdated: Outdated,
    cursor: Cursor,
) -> Iterator[Page]:
    """Every live deal that search finds in ``window`` (both ends included) and that is not stored as it is.

    Raises:
        BadResponseError: ids did not rise, so that going on after the last one could lose deals; or HubSpot counts
            deals again and again that it does not name, so that ending here could lose them.
    """
    last_id: int = cursor["last_id"] if cursor else 0
    while True:
        found = _named(partial(source.search_deals, modified_from=window[0], modified_to=window[1], after_id=last_id))
        versions = _rising(found, last_id)
        last_id = next(reversed(versions), last_id)
        finished = not versions or (len(versions) < SEARCH_PAGE and found.total <= len(versions))
        wanted = outdated(versions) if versions else []
        records = read_by_id(source, wanted, properties=properties)
        yield Page(
            records=records,
            cursor=None if finished else {"last_id": last_id},
            vanished=missing_ids(wanted, records),
        )
        if finished:
            return


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


def _named(search: Callable[[], FoundDeals]) -> FoundDeals:
    """What is found, asked for again while HubSpot counts deals and names none."""
    for _ in range(EMPTY_PAGES_MAX):
        found = search()
        if found.records or not found.total:
            return found
    raise BadResponseError(
        f"HubSpot's search counts {found.total} more deals and names none, {EMPTY_PAGES_MAX} times in a row.",
        code="SEARCH_INCOMPLETE",
    )


def _rising(found: FoundDeals, last_id: int) -> dict[int, str | None]:
    versions: dict[int, str | None] = {}
    for record in found.records:
        try:
            found_id = deal_id(record)
        except ValueError:
            raise BadResponseError("HubSpot's search named a deal without a numeric id.") from None
        if found_id <= last_id:
            raise BadResponseError(
                "HubSpot's search did not sort by id as asked; going on could lose deals.", code="SOURCE_ORDER"
            )
        last_id = found_id
        versions[found_id] = _version(record)
    return versions


def _version(record: Record) -> str | None:
    try:
        return values.timestamp(record["properties"]["hs_lastmodifieddate"])
    except (KeyError, TypeError, values.ValueIssue):
        return None  # unknown, so the record is read
