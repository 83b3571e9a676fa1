"""Several readers share the list of live deals; whatever they do, each deal comes, and what a page proves is true."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from threading import Lock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_hubspot_deals.deals.records import FoundDeals, ListedDeals
from airflow_provider_hubspot_deals.exceptions import BadResponseError, UpstreamUnavailableError
from airflow_provider_hubspot_deals.extraction.dividing import divided_pages
from airflow_provider_hubspot_deals.extraction.listing import listed_pages
from airflow_provider_hubspot_deals.extraction.pages import ID_MAX, Cursor, Page
from airflow_provider_hubspot_deals.extraction.readers import Readers
from tests.builders import a_record
from tests.unit.extraction.conftest import FakeSource, ids_of

PROPERTIES = ["dealname"]
Answer = Callable[[str | None, ListedDeals], ListedDeals]


@dataclass
class ListedPortal(FakeSource):
    """A portal with a list of deals as HubSpot's; ``twist`` changes an answer."""

    ids: Sequence[int] = ()
    page_size: int = 100
    requests_in_flight: int = 4
    twist: Answer = field(default=lambda _after, listed: listed)
    asked_after: list[str | None] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def list_deals(self, *, properties: Sequence[str], archived: bool, after: str | None) -> ListedDeals:
        assert (list(properties), archived) == (PROPERTIES, False)
        with self.lock:
            self.asked_after.append(after)
        start = bisect_left(self.ids, int(after or 0))
        ids = self.ids[start : start + self.page_size]
        more = start + self.page_size < len(self.ids)
        honest = ListedDeals(
            records=[a_record(deal_id) for deal_id in ids], next_after=str(ids[-1] + 1) if more else None
        )
        return self.twist(after, honest)


def read(portal: ListedPortal, cursor: Cursor = None, *, readers: int = 4) -> list[Page]:
    highest = FoundDeals(total=len(portal.ids), records=[a_record(deal_id) for deal_id in portal.ids[-1:]])
    with Readers(readers) as side_by_side:
        pages = divided_pages(
            portal, side_by_side, properties=PROPERTIES, cursor=cursor, highest=None if cursor else highest
        )
        return list(pages)


def all_ids(pages: list[Page]) -> list[int]:
    return sorted(deal_id for page in pages for deal_id in ids_of(page.records))


def proven(pages: list[Page]) -> list[tuple[int, int]]:
    return sorted((page.covers.low, page.covers.high) for page in pages if page.covers)


def evenly(count: int) -> list[int]:
    return [98_500_000_000 + 40_000 * number for number in range(count)]


def test_every_deal_comes_once_and_every_id_is_accounted_for() -> None:
    portal = ListedPortal(ids=evenly(5_000))
    pages = read(portal)
    assert all_ids(pages) == portal.ids
    seams = proven(pages)
    assert (seams[0][0], seams[-1][1]) == (0, ID_MAX)
    assert all(before[1] == after[0] for before, after in pairwise(seams))
    assert pages[-1].cursor is None
    assert not any(page.events for page in pages)


def test_sharing_costs_a_few_requests_in_a_hundred() -> None:
    portal = ListedPortal(ids=evenly(20_000))
    read(portal)
    assert 200 <= len(portal.asked_after) <= 215
    assert any(after != str(portal.ids[100 * number] + 1) for number, after in enumerate(portal.asked_after))


def test_a_small_portal_is_not_divided() -> None:
    portal = ListedPortal(ids=evenly(690))
    read(portal)
    assert len(portal.asked_after) == 7


@settings(deadline=None)  # threads on a busy machine
@given(
    blocks=st.lists(st.tuples(st.integers(0, 10**12), st.integers(1, 900)), min_size=1, max_size=6),
    in_flight=st.integers(1, 6),
    page_size=st.sampled_from([50, 100]),
    data=st.data(),
)
def test_wherever_ids_lie_and_reading_is_broken_off_the_rest_is_read_by_the_next_attempt(
    blocks: list[tuple[int, int]], in_flight: int, page_size: int, data: st.DataObject
) -> None:
    ids = sorted({start + offset for start, count in blocks for offset in range(1, count + 1)})
    portal = ListedPortal(ids=ids, requests_in_flight=in_flight, page_size=page_size)
    whole = read(portal)
    assert all_ids(whole) == ids
    kept = whole[: data.draw(st.integers(1, len(whole)))]
    cursor = kept[-1].cursor
    rest = read(portal, cursor) if cursor else []
    assert sorted(all_ids(kept) + all_ids(rest)) == ids
    for low, high in proven(kept) + proven(rest):
        inside = {deal_id for deal_id in ids if low < deal_id <= high}
        assert inside <= set(
            all_ids([p for p in kept + rest if p.covers and (p.covers.low, p.covers.high) == (low, high)])
        )


def test_a_cursor_of_one_walk_is_gone_on_with_and_the_other_way_round() -> None:
    portal = ListedPortal(ids=evenly(3_000))
    walked = next(listed_pages(portal, Readers(1), properties=PROPERTIES, archived=False, cursor=None))
    assert all_ids(read(portal, walked.cursor)) == portal.ids[100:]

    divided = read(portal)
    for number, page in enumerate(divided[:-1]):
        if page.cursor is not None and page.cursor["after"] is not None:
            rest = list(listed_pages(portal, Readers(1), properties=PROPERTIES, archived=False, cursor=page.cursor))
            assert set(all_ids(divided[: number + 1]) + all_ids(rest)) == set(portal.ids)


def ignoring_cursors(portal: ListedPortal) -> Answer:
    """HubSpot's own cursors lead on; any other begins at the beginning."""
    own = {str(portal.ids[position - 1] + 1) for position in range(100, len(portal.ids), 100)}

    def twist(after: str | None, listed: ListedDeals) -> ListedDeals:
        if after is None or after in own:
            return listed
        return ListedDeals(records=[a_record(deal_id) for deal_id in portal.ids[:100]], next_after=listed.next_after)

    return twist


def falling_ids(_portal: ListedPortal) -> Answer:
    return lambda after, listed: (
        listed if after is None else ListedDeals(records=listed.records[::-1], next_after=listed.next_after)
    )


def ending_early(portal: ListedPortal) -> Answer:
    """One page lacks its second half and its cursor, though deals with higher ids have been listed."""
    cut: list[str | None] = []

    def twist(after: str | None, listed: ListedDeals) -> ListedDeals:
        if cut or not after or not portal.ids[400] < int(after) < portal.ids[800]:
            return listed
        cut.append(after)
        return ListedDeals(records=listed.records[:50], next_after=None)

    return twist


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (ignoring_cursors, "a page begins before its cursor"),
        (falling_ids, "ids do not rise"),
        (ending_early, "a page calls itself the last and is not"),
    ],
)
def test_b12_a_list_that_breaks_the_rule_is_walked_page_by_page_and_that_is_told(
    lie: Callable[[ListedPortal], Answer], reason: str
) -> None:
    portal = ListedPortal(ids=evenly(3_050))
    portal.twist = lie(portal)
    pages = read(portal)
    assert set(all_ids(pages)) == set(portal.ids)
    (event,) = [event for page in pages for event in page.events]
    assert (event.kind, event.details["reason"]) == ("ranges_abandoned", reason)
    assert pages[-1].cursor is None


def test_the_walk_begins_where_hubspots_own_cursors_led_and_not_at_the_beginning() -> None:
    portal = ListedPortal(ids=evenly(3_050), requests_in_flight=1)
    late = str(portal.ids[1_999] + 1)
    portal.twist = lambda after, listed: (
        ListedDeals(records=listed.records[::-1], next_after=listed.next_after) if after == late else listed
    )
    assert all_ids(read(portal)) == portal.ids
    assert portal.asked_after.count(None) == 1
    assert portal.asked_after.count(late) == 2


def test_cursors_that_are_no_ids_are_followed_as_they_are() -> None:
    portal = ListedPortal(ids=evenly(950))
    plain = portal.list_deals

    def opaque(*, properties: Sequence[str], archived: bool, after: str | None) -> ListedDeals:
        listed = plain(properties=properties, archived=archived, after=after[1:] if after else None)
        return ListedDeals(records=listed.records, next_after=f"x{listed.next_after}" if listed.next_after else None)

    portal.list_deals = opaque  # type: ignore[method-assign]  # the same portal with another kind of cursor
    assert set(all_ids(read(portal))) == set(portal.ids)


def test_b04_a_list_that_never_ends_is_an_error() -> None:
    portal = ListedPortal(ids=evenly(300))
    portal.twist = lambda after, listed: ListedDeals(records=listed.records, next_after=after or "98500000001")
    with pytest.raises(BadResponseError, match="does not end"):
        read(portal)


def test_b02_empty_pages_are_passed_over() -> None:
    portal = ListedPortal(ids=evenly(1_950))

    def empty_unless_asked_for_an_id(after: str | None, listed: ListedDeals) -> ListedDeals:
        first = listed.records[0]["id"]
        return listed if after == first else ListedDeals(records=[], next_after=first)

    portal.twist = empty_unless_asked_for_an_id
    assert all_ids(read(portal)) == portal.ids


def test_a_deal_created_above_the_highest_id_is_read_too() -> None:
    portal = ListedPortal(ids=evenly(2_000))
    highest = FoundDeals(total=1_000, records=[a_record(portal.ids[999])])
    with Readers(4) as readers:
        pages = list(divided_pages(portal, readers, properties=PROPERTIES, cursor=None, highest=highest))
    assert all_ids(pages) == portal.ids


def test_the_failure_of_any_reader_reaches_the_caller() -> None:
    portal = ListedPortal(ids=evenly(3_000))

    def fail_late(_after: str | None, listed: ListedDeals) -> ListedDeals:
        if len(portal.asked_after) > 12:
            raise UpstreamUnavailableError("HubSpot is away")
        return listed

    portal.twist = fail_late
    with pytest.raises(UpstreamUnavailableError, match="away"):
        read(portal)


def test_one_reader_asks_one_page_after_the_other() -> None:
    portal = ListedPortal(ids=evenly(1_450))
    assert all_ids(read(portal, readers=1)) == portal.ids
    assert portal.asked_after == [None, *(str(portal.ids[position - 1] + 1) for position in range(100, 1_450, 100))]
