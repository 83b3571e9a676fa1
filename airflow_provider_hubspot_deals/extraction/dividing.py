"""The list of live deals, read by several readers at once.

HubSpot's cursor acts as "id ≥ after", which it does not promise. So every page proves itself: no id before the cursor,
ids strictly rising, no end of the list below deals that are listed. A page that does not, or that HubSpot refuses to
give, ends the division: what HubSpot's own cursors have not led to yet is walked one page after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from http import HTTPStatus
from typing import Any

from airflow_provider_hubspot_deals.deals.records import FoundDeals, ListedDeals, Record
from airflow_provider_hubspot_deals.exceptions import HubSpotRefusedError
from airflow_provider_hubspot_deals.extraction.listing import EMPTY_PAGES_MAX, after_full_page, listed_pages
from airflow_provider_hubspot_deals.extraction.pages import ID_MAX, Cursor, DealSource, Event, IdRange, Page, deal_id
from airflow_provider_hubspot_deals.extraction.ranges import Stretch, stretch_from, to_split
from airflow_provider_hubspot_deals.extraction.readers import Readers


def divided_pages(
    source: DealSource, readers: Readers, *, properties: Sequence[str], cursor: Cursor, highest: FoundDeals | None
) -> Iterator[Page]:
    """Every live deal from ``cursor`` on, in pages that come in any order.

    Args:
        highest: the deal with the highest id and the number of all, at the beginning; later the cursor knows.

    Raises:
        BadResponseError: HubSpot's list does not end.
    """
    if cursor is not None and cursor["low"] is None:  # an earlier attempt lost the order
        return listed_pages(source, readers, properties=properties, archived=False, cursor=cursor)
    return _Division(source, readers, properties, cursor, highest).pages()


class _OrderLostError(Exception):
    """What HubSpot sent contradicts "id ≥ after, ascending"; caught in this file."""


class _Division:
    def __init__(
        self,
        source: DealSource,
        readers: Readers,
        properties: Sequence[str],
        cursor: Cursor,
        highest: FoundDeals | None,
    ) -> None:
        self._source, self._readers, self._properties = source, readers, properties
        self._asked: dict[Future[ListedDeals], Stretch] = {}
        self._deals = highest.total if highest else 0
        self._listed_to, self._ends_at = 0, ID_MAX
        if cursor is None:
            self._top = _highest_id(highest)
            self._safe: dict[str, Any] = {"after": None, "low": 0}
        else:
            self._top = cursor.get("top", 0)
            self._safe = {"after": cursor["after"], "low": cursor["low"]}
        self._waiting = self._unread(cursor)
        self._may_split = cursor is not None

    def pages(self) -> Iterator[Page]:
        self._put_readers_to_work()
        while self._asked:
            asked = self._readers.first_answered(list(self._asked))
            stretch = self._asked.pop(asked)
            try:
                page = self._taken(stretch, _answer(stretch, asked))
            except _OrderLostError as reason:
                yield from self._walked(str(reason))
                return
            self._put_readers_to_work()  # ahead of whatever is done with the page
            yield page

    def _unread(self, cursor: Cursor) -> list[Stretch]:
        if cursor is None or "ranges" not in cursor:
            first = stretch_from(self._safe["low"], pace=0)
            first.after, first.is_first = self._safe["after"], True
            return [first]
        stretches = [stretch_from(low, high, pace=cursor["pace"]) for low, high in cursor["ranges"]]
        for stretch in stretches:
            if stretch.low == self._safe["low"]:
                stretch.after, stretch.is_first = self._safe["after"], True
        return stretches

    def _put_readers_to_work(self) -> None:
        while len(self._asked) < min(self._source.requests_in_flight, self._readers.count):
            stretch = self._waiting.pop(0) if self._waiting else self._split()
            if stretch is None:
                return
            question = partial(
                self._source.list_deals, properties=self._properties, archived=False, after=stretch.after
            )
            self._asked[self._readers.ask(question)] = stretch

    def _split(self) -> Stretch | None:
        longest = to_split(list(self._asked.values()), self._top) if self._may_split else None
        return longest.upper_half(self._top) if longest else None

    def _taken(self, stretch: Stretch, listed: ListedDeals) -> Page:
        """The part of a page that belongs to ``stretch``, which goes on after it."""
        last_id = _checked_order(listed.records, stretch)
        following = listed.next_after or after_full_page(listed)
        self._check_end(stretch, last_id, following, is_empty=not listed.records)
        is_read = _is_read(stretch, last_id, following)
        covers = IdRange(low=stretch.low, high=stretch.high if is_read else last_id)
        if not is_read:
            if stretch.is_first:
                self._safe = {"after": following, "low": last_id}
            self._go_on(stretch, following, last_id, is_empty=not listed.records)
        records = listed.records
        if last_id > stretch.high:
            records = [record for record in records if _is_within(record, stretch.high)]
        return Page(records=records, cursor=self._cursor(), covers=covers)

    def _check_end(self, stretch: Stretch, last_id: int, following: str | None, *, is_empty: bool) -> None:
        """No stretch lists a deal behind the place where another says that the list is over."""
        if not is_empty:
            self._listed_to = max(self._listed_to, min(last_id, stretch.high))
        if following is None:
            self._ends_at = min(self._ends_at, last_id)
        if self._listed_to > self._ends_at:
            raise _OrderLostError("a page calls itself the last and is not")

    def _go_on(self, stretch: Stretch, following: str | None, last_id: int, *, is_empty: bool) -> None:
        stretch.empty_pages = stretch.empty_pages + 1 if is_empty else 0
        if stretch.empty_pages >= EMPTY_PAGES_MAX:
            raise _OrderLostError(f"{stretch.empty_pages} empty pages in a row")
        if self._may_split:
            stretch.pace = (stretch.pace + last_id - stretch.low) / 2 if stretch.pace else last_id - stretch.low
        elif not is_empty and self._deals:
            stretch.pace = (self._top - last_id) / self._deals * 100
        self._may_split = self._may_split or not is_empty
        stretch.low, stretch.after = last_id, following
        self._waiting.append(stretch)

    def _cursor(self) -> Cursor:
        unread = sorted((*self._waiting, *self._asked.values()), key=lambda stretch: stretch.low)
        if not unread:
            return None
        return {
            **self._safe,
            "ranges": [[stretch.low, stretch.high] for stretch in unread],
            "top": self._top,
            "pace": round(max(stretch.pace for stretch in unread)),
        }

    def _walked(self, reason: str) -> Iterator[Page]:
        """What is left, from the last place to which HubSpot's own cursors led."""
        self._asked.clear()
        abandoned = Event(kind="ranges_abandoned", details={"reason": reason, "after_id": self._safe["low"]})
        events: tuple[Event, ...] = (abandoned,)
        cursor = None if self._safe["after"] is None else self._safe
        for page in listed_pages(
            self._source, self._readers, properties=self._properties, archived=False, cursor=cursor
        ):
            yield Page(records=page.records, cursor=page.cursor, covers=page.covers, events=events)
            events = ()


def _highest_id(highest: FoundDeals | None) -> int:
    """A hint for sharing; 0, with which nothing is shared, when there is none."""
    try:
        return deal_id(highest.records[0]) if highest and highest.records else 0
    except ValueError:
        return 0


def _answer(stretch: Stretch, asked: Future[ListedDeals]) -> ListedDeals:
    try:
        return asked.result()
    except HubSpotRefusedError as error:
        if stretch.is_first or error.status_code != HTTPStatus.BAD_REQUEST:
            raise
    raise _OrderLostError("a cursor is refused")  # HubSpot's own are not, or the walk is refused as well


def _checked_order(records: Sequence[Record], stretch: Stretch) -> int:
    """The last id of a page, or where the stretch stands when it has none."""
    last_id = _number(stretch.after) - 1 if stretch.after else 0
    found_any = False
    for record in records:
        try:
            found_id = deal_id(record)
        except ValueError:
            continue  # proves nothing; the deals beside it still do
        if found_id <= last_id:
            raise _OrderLostError("ids do not rise" if found_any else "a page begins before its cursor")
        last_id, found_any = found_id, True
    return last_id if found_any else stretch.low


def _is_read(stretch: Stretch, last_id: int, following: str | None) -> bool:
    if following is None or last_id >= stretch.high:
        return True
    position = _number(following)
    if stretch.after and position <= _number(stretch.after):
        raise _OrderLostError("a cursor does not lead on")
    return position > stretch.high


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit()):
        raise _OrderLostError("a cursor is no id")
    return int(cursor)


def _is_within(record: Record, high: int) -> bool:
    try:
        return deal_id(record) <= high
    except ValueError:
        return True  # goes to quarantine, where the same record twice is one
