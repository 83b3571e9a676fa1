"""Reading the list endpoint: strongly consistent, in ascending order of id, live or archived deals only.

The order is what every recorded answer shows, not what HubSpot documents. So each page is checked: while ids rise,
a page proves which ids between its first and its last no longer exist; once they do not, it still brings its records
but proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from airflow_provider_hubspot_deals.deals.records import ListedDeals, Record
from airflow_provider_hubspot_deals.exceptions import BadResponseError
from airflow_provider_hubspot_deals.extraction.pages import ID_MAX, Cursor, DealSource, IdRange, Page, deal_id
from airflow_provider_hubspot_deals.extraction.readers import Readers

EMPTY_PAGES_MAX = 3  # in a row, each with a next page: legal, but not for ever


def listed_pages(
    source: DealSource, readers: Readers, *, properties: Sequence[str], archived: bool, cursor: Cursor
) -> Iterator[Page]:
    """Every live, or every archived, deal from ``cursor`` on, one page after the other.

    Raises:
        BadResponseError: HubSpot sent the same cursor twice, or empty pages without end.
    """
    after: str | None = cursor["after"] if cursor else None
    low: int | None = cursor["low"] if cursor else 0
    seen: set[str] = set()
    empty_pages = 0
    ask = partial(source.list_deals, properties=properties, archived=archived)
    asked = readers.ask(partial(ask, after=after))
    while True:
        listed = asked.result()
        after = listed.next_after or after_full_page(listed)
        # An empty page may lead to itself: its deals are there, and it was not ready. EMPTY_PAGES_MAX of them do.
        is_loop = after in seen and bool(listed.records)
        if after is not None and not is_loop:
            asked = readers.ask(partial(ask, after=after))
        covers = _covered(listed.records, low, last_page=after is None)
        low = None if covers is None else covers.high
        yield Page(
            records=listed.records, cursor=None if after is None else {"after": after, "low": low}, covers=covers
        )
        if after is None:
            return
        empty_pages = 0 if listed.records else empty_pages + 1
        if is_loop or empty_pages >= EMPTY_PAGES_MAX:
            why = "the same cursor came twice" if is_loop else f"{empty_pages} empty pages in a row"
            raise BadResponseError(f"HubSpot's list of deals does not end: {why}.", code="PAGING_LOOP")
        seen.add(after)


def after_full_page(listed: ListedDeals) -> str | None:
    """A full page without a next one may be the end, or an answer that lost its cursor: ask once more.

    HubSpot's cursor is "id ≥ after", and its own is the last id plus one.
    """
    try:
        return str(deal_id(listed.records[-1]) + 1) if len(listed.records) == listed.limit else None
    except ValueError:
        return None


def _covered(records: list[Record], low: int | None, *, last_page: bool) -> IdRange | None:
    if low is None:
        return None
    high = low
    for record in records:
        try:
            found = deal_id(record)
        except ValueError:
            continue  # proves nothing; the deals beside it still do
        if found < high:
            return None
        high = found
    return IdRange(low=low, high=ID_MAX if last_page else high)
