"""Reading what changed: ids by keyset, the deals themselves by id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_hubspot_deals.deals.records import FoundDeals, Record
from airflow_provider_hubspot_deals.exceptions import BadResponseError
from airflow_provider_hubspot_deals.extraction.pages import Page
from airflow_provider_hubspot_deals.extraction.readers import Readers
from airflow_provider_hubspot_deals.extraction.searching import (
    SEARCH_INCOMPLETE,
    SEARCH_PAGE,
    changed_pages,
    fresh_pages,
    missing_ids,
    read_by_id,
)
from tests.builders import MODIFIED, a_record
from tests.unit.extraction.conftest import ALONE, NOON, FakeSource, found, ids_of

WINDOW = (NOON, NOON)
FULL_PAGE = list(range(1, SEARCH_PAGE + 1))


def everything(versions: Mapping[int, str | None]) -> list[int]:
    return list(versions)


def search(
    source: FakeSource,
    *,
    cursor: dict[str, Any] | None = None,
    outdated: Callable[[Mapping[int, str | None]], list[int]] = everything,
) -> list[Page]:
    return list(changed_pages(source, ALONE, properties=["dealname"], window=WINDOW, outdated=outdated, cursor=cursor))


def asked_after(source: FakeSource) -> list[object]:
    return [after_id for _, _, after_id in source.asked("search")]


def test_each_search_asks_for_ids_greater_than_the_last_one(source: FakeSource) -> None:
    source.live = {*FULL_PAGE, 500}
    source.found = {0: found(FULL_PAGE, total=201), 200: found([500])}
    pages = search(source)
    assert asked_after(source) == [0, 200]
    assert {(start, end) for start, end, _ in source.asked("search")} == {WINDOW}
    assert sorted(ids_of(record for page in pages for record in page.records)) == [*FULL_PAGE, 500]
    assert [page.cursor for page in pages] == [{"last_id": 200, "named": 200}, None]


def test_b22_a_full_last_page_asks_once_more(source: FakeSource) -> None:
    source.live = set(FULL_PAGE)
    source.found = {0: found(FULL_PAGE), 200: found([])}
    pages = search(source)
    assert asked_after(source) == [0, 200]
    assert (pages[-1].records, pages[-1].cursor) == ([], None)


def test_a_page_as_full_as_a_lower_limit_lets_it_be_asks_once_more(source: FakeSource) -> None:
    source.live = {3, 4, 9}
    source.found = {0: replace(found([3, 4]), limit=2), 4: replace(found([9]), limit=2)}
    pages = search(source)
    assert asked_after(source) == [0, 4]
    assert sorted(ids_of(record for page in pages for record in page.records)) == [3, 4, 9]


def test_b01_a_short_page_of_a_longer_result_is_not_the_end(source: FakeSource) -> None:
    source.live = {3, 4}
    source.found = {0: found([3], total=2), 3: found([4], total=1)}
    assert len(search(source)) == 2


def test_b02_deals_that_are_counted_and_never_named_are_told_with_both_numbers(source: FakeSource) -> None:
    source.live = {3, 4}
    source.found = {0: found([3, 4], total=7), 4: found([], total=5)}

    *_, last = search(source)

    (told,) = last.events
    assert (told.kind, told.details["named"], told.details["counted"]) == (SEARCH_INCOMPLETE, 2, 7)
    assert last.cursor is None


def test_b02_a_last_page_that_names_all_that_it_counts_leaves_nothing_to_tell(source: FakeSource) -> None:
    source.live = {3, 4}
    source.found = {0: found([3, 4], total=2)}
    (page,) = search(source)
    assert (page.cursor, page.events) == (None, ())


def test_b02_deals_that_were_named_before_a_walk_was_broken_off_count_as_named(source: FakeSource) -> None:
    source.live = {*FULL_PAGE}
    source.found = {0: found(FULL_PAGE, total=207), 200: found([], total=7)}
    first, _ = search(source)

    (last,) = search(source, cursor=first.cursor)

    (told,) = last.events
    assert (told.details["named"], told.details["counted"]) == (200, 207)


def test_nothing_changed_is_one_empty_page(source: FakeSource) -> None:
    source.found = {0: found([])}
    assert search(source) == [Page(records=[], cursor=None)]
    assert source.asked("read") == []


def test_a_search_goes_on_from_the_cursor_of_each_page(source: FakeSource) -> None:
    source.live = {*FULL_PAGE, 500}
    source.found = {0: found(FULL_PAGE, total=201), 200: found([500])}
    whole = search(source)
    assert search(source, cursor=whole[0].cursor) == whole[1:]


def test_deals_are_read_a_hundred_at_a_time(source: FakeSource) -> None:
    source.live = set(FULL_PAGE)
    source.found = {0: found(FULL_PAGE), 200: found([])}
    search(source)
    assert [ids for ids, _ in source.asked("read")] == [tuple(range(1, 101)), tuple(range(101, 201))]
    assert {properties for _, properties in source.asked("read")} == {("dealname",)}


def test_only_outdated_deals_are_read(source: FakeSource) -> None:
    source.live = {3, 5}
    source.found = {0: found([3, 5])}
    asked: list[Mapping[int, str | None]] = []
    search(source, outdated=lambda versions: asked.append(versions) or [5])  # type: ignore[func-returns-value]  # append
    assert asked == [{3: MODIFIED, 5: MODIFIED}]
    assert source.asked("read") == [((5,), ("dealname",))]


@pytest.mark.parametrize("version", ["", None, "soon", "\x00", 5, [], {"a": 1}], ids=repr)
def test_a_deal_found_without_a_usable_time_counts_as_unknown(source: FakeSource, version: object) -> None:
    source.live = {3}
    source.found = {0: found([3])}
    source.found[0].records[0]["properties"] = {"hs_lastmodifieddate": version}
    asked: list[Mapping[int, str | None]] = []
    search(source, outdated=lambda versions: asked.append(versions) or [])  # type: ignore[func-returns-value]  # append
    assert asked == [{3: None}]


@pytest.mark.parametrize("properties", [None, [], "x"], ids=repr)
def test_a_deal_found_without_properties_counts_as_unknown(source: FakeSource, properties: object) -> None:
    source.live = {3}
    source.found = {0: found([3])}
    source.found[0].records[0]["properties"] = properties
    assert ids_of(search(source)[0].records) == [3]


@pytest.mark.peer_pain(6)
@pytest.mark.parametrize("ids", [[5, 3], [3, 3], [10, 100, 9]], ids=repr)
def test_b12_b13_ids_that_do_not_rise_end_the_search(source: FakeSource, ids: list[int]) -> None:
    source.found = {0: found(ids)}
    with pytest.raises(BadResponseError) as raised:
        search(source)
    assert raised.value.code == "SOURCE_ORDER"
    assert source.asked("read") == []


def test_b12_ids_not_greater_than_asked_for_end_the_search(source: FakeSource) -> None:
    source.live = {5}
    source.found = {0: found([5], total=2), 5: found([5])}
    with pytest.raises(BadResponseError) as raised:
        search(source)
    assert raised.value.code == "SOURCE_ORDER"


@pytest.mark.parametrize("deal_id", [None, "x", "", "1.5", "0", True], ids=repr)
def test_a_deal_found_without_an_id_ends_the_search(source: FakeSource, deal_id: object) -> None:
    source.found = {0: found([3])}
    source.found[0].records[0]["id"] = deal_id
    with pytest.raises(BadResponseError, match="without a numeric id"):
        search(source)


def test_b09_deals_that_were_found_and_then_not_given_are_vanished(source: FakeSource) -> None:
    source.live = {3}
    source.found = {0: found([3, 5, 8])}
    (page,) = search(source)
    assert (ids_of(page.records), page.vanished) == ([3], (5, 8))


def test_b10_a_merged_deal_vanishes_and_brings_its_survivor(source: FakeSource) -> None:
    source.live, source.merged = {9}, {5: 9}
    source.found = {0: found([5])}
    (page,) = search(source)
    assert (ids_of(page.records), page.vanished) == ([9], (5,))


def test_missing_ids_takes_ids_as_text_or_numbers() -> None:
    assert missing_ids([1, 2, 3], [{"id": 1}, {"id": "3"}]) == (2,)


def test_no_ids_need_no_request(source: FakeSource) -> None:
    assert read_by_id(source, [], properties=[]) == []
    assert source.calls == []


def fresh(source: FakeSource, *, cursor: dict[str, Any] | None = None) -> list[Page]:
    return list(fresh_pages(source, ALONE, properties=["dealname"], window=WINDOW, outdated=everything, cursor=cursor))


def modified(deal_id: int, *, minutes: int) -> Record:
    moment = NOON + timedelta(minutes=minutes)
    return a_record(deal_id, hs_lastmodifieddate=moment.isoformat().replace("+00:00", "Z"))


def test_few_fresh_changes_come_in_one_answer_that_counts_all_deals_too(source: FakeSource) -> None:
    source.live = {9, 4}
    source.latest = FoundDeals(
        total=730, records=[modified(deal_id, minutes=m) for deal_id, m in [(9, 5), (4, 0), (7, -1), (3, -2)]]
    )
    (page,) = fresh(source)
    assert sorted(ids_of(page.records)) == [4, 9]
    assert (page.total, page.cursor) == (730, None)
    assert source.asked("search") == []


def test_more_fresh_changes_than_one_answer_holds_are_walked_by_id(source: FakeSource) -> None:
    source.live = {*FULL_PAGE, 500}
    source.latest = FoundDeals(total=730, records=[modified(deal_id, minutes=1) for deal_id in FULL_PAGE])
    source.found = {0: found(FULL_PAGE, total=201), 200: found([500])}
    pages = fresh(source)
    assert sorted(ids_of(record for page in pages for record in page.records)) == [*FULL_PAGE, 500]
    assert [page.total for page in pages] == [730, None]


@pytest.mark.parametrize("named", [50, 0])
def test_b01_b02_an_answer_with_less_than_a_page_of_the_newest_deals_is_not_all(source: FakeSource, named: int) -> None:
    source.live = {*FULL_PAGE}
    source.latest = FoundDeals(total=730, records=[modified(deal_id, minutes=1) for deal_id in FULL_PAGE[:named]])
    source.found = {0: found(FULL_PAGE), 200: found([])}
    pages = fresh(source)
    assert sorted(ids_of(record for page in pages for record in page.records)) == FULL_PAGE
    assert [page.total for page in pages] == [730, None]


def test_b13_an_older_deal_that_strayed_among_the_newest_does_not_make_them_all(source: FakeSource) -> None:
    source.live = {*FULL_PAGE, 500}
    times = [-1 if place < SEARCH_PAGE // 2 - 1 else 1 for place in range(SEARCH_PAGE)]
    records = [modified(deal_id, minutes=time) for deal_id, time in zip(FULL_PAGE, times, strict=True)]
    source.latest = FoundDeals(total=730, records=records)
    source.found = {0: found(FULL_PAGE, total=201), 200: found([500])}
    assert 500 in ids_of(record for page in fresh(source) for record in page.records)


def test_a_portal_of_a_few_new_deals_is_in_one_answer(source: FakeSource) -> None:
    source.live = {4, 9}
    source.latest = FoundDeals(total=2, records=[modified(9, minutes=5), modified(4, minutes=2)])
    (page,) = fresh(source)
    assert sorted(ids_of(page.records)) == [4, 9]
    assert source.asked("search") == []


def test_a_full_answer_that_reaches_back_before_the_window_is_all(source: FakeSource) -> None:
    source.live = set(FULL_PAGE)
    source.latest = FoundDeals(total=730, records=[modified(deal_id, minutes=2 - deal_id) for deal_id in FULL_PAGE])
    (page,) = fresh(source)
    assert sorted(ids_of(page.records)) == [1, 2]


def test_a_fresh_walk_that_was_broken_off_is_gone_on_with(source: FakeSource) -> None:
    source.live = {500}
    source.found = {200: found([500])}
    (page,) = fresh(source, cursor={"last_id": 200})
    assert (ids_of(page.records), page.total) == ([500], None)


def test_searching_and_reading_go_on_side_by_side_and_pages_stay_in_order(source: FakeSource) -> None:
    ids = list(range(1, 5 * SEARCH_PAGE + 1))
    source.live, source.requests_in_flight = set(ids), 4
    pages_of_ids = [ids[start : start + SEARCH_PAGE] for start in range(0, len(ids), SEARCH_PAGE)]
    source.found = {page[0] - 1: found(page, total=len(ids) - page[0] + 1) for page in pages_of_ids}
    source.found[ids[-1]] = found([])
    with Readers(4) as readers:
        pages = list(
            changed_pages(source, readers, properties=["dealname"], window=WINDOW, outdated=everything, cursor=None)
        )
    assert [sorted(ids_of(page.records)) for page in pages] == [*pages_of_ids, []]
    assert [page.cursor for page in pages] == [
        *({"last_id": page[-1], "named": page[-1]} for page in pages_of_ids),
        None,
    ]
