"""Walking the list of deals, and what its pages prove about deals that are not in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_hubspot_deals.deals.records import ListedDeals
from airflow_provider_hubspot_deals.exceptions import BadResponseError
from airflow_provider_hubspot_deals.extraction.listing import listed_pages
from airflow_provider_hubspot_deals.extraction.pages import ID_MAX, Page
from tests.unit.extraction.conftest import ALONE, FakeSource, ids_of, listed


def walk(source: FakeSource, *, archived: bool = False, cursor: dict[str, Any] | None = None) -> list[Page]:
    return list(listed_pages(source, ALONE, properties=["dealname"], archived=archived, cursor=cursor))


def ranges(pages: list[Page]) -> list[tuple[int, int] | None]:
    return [(page.covers.low, page.covers.high) if page.covers else None for page in pages]


def three_pages() -> dict[str | None, Any]:
    return {None: listed([3, 5], "6"), "6": listed([9, 12], "13"), "13": listed([20])}


def test_pages_follow_the_cursor_until_there_is_none(source: FakeSource) -> None:
    source.pages = three_pages()
    pages = walk(source)
    assert [ids_of(page.records) for page in pages] == [[3, 5], [9, 12], [20]]
    assert [after for _, _, after in source.asked("list")] == [None, "6", "13"]
    assert pages[-1].cursor is None


@pytest.mark.parametrize("archived", [False, True])
def test_live_and_archived_deals_are_asked_for_apart(source: FakeSource, *, archived: bool) -> None:
    source.pages = {None: listed([])}
    walk(source, archived=archived)
    assert source.asked("list") == [(("dealname",), archived, None)]


def test_rising_ids_cover_every_id_without_a_gap(source: FakeSource) -> None:
    source.pages = three_pages()
    assert ranges(walk(source)) == [(0, 5), (5, 12), (12, ID_MAX)]


def test_an_empty_portal_covers_every_id(source: FakeSource) -> None:
    source.pages = {None: listed([])}
    assert ranges(walk(source)) == [(0, ID_MAX)]


def test_b03_a_page_as_full_as_was_asked_for_is_not_the_end(source: FakeSource) -> None:
    """Its cursor may be lost, also where few deals were asked for, since they are large."""
    source.pages = {None: replace(listed([3, 5]), limit=2), "6": listed([9])}
    assert [ids_of(page.records) for page in walk(source)] == [[3, 5], [9]]


@pytest.mark.parametrize("start", [1, 2])
def test_a_walk_goes_on_from_the_cursor_of_each_page(source: FakeSource, start: int) -> None:
    source.pages = three_pages()
    whole = walk(source)
    assert walk(source, cursor=whole[start - 1].cursor) == whole[start:]


def test_a_lost_order_is_still_lost_when_the_walk_is_resumed(source: FakeSource) -> None:
    source.pages = {None: listed([5, 3], "6"), "6": listed([9])}
    (first, _) = walk(source)
    assert ranges(walk(source, cursor=first.cursor)) == [None]


def test_b12_once_ids_fall_pages_bring_deals_but_prove_nothing(source: FakeSource) -> None:
    source.pages = {None: listed([3, 5], "6"), "6": listed([12, 9], "13"), "13": listed([20])}
    pages = walk(source)
    assert ranges(pages) == [(0, 5), None, None]
    assert ids_of(pages[1].records) == [12, 9]


def test_b12_a_page_that_begins_before_the_last_one_ended_proves_nothing(source: FakeSource) -> None:
    source.pages = {None: listed([3, 5], "6"), "6": listed([4, 9])}
    assert ranges(walk(source)) == [(0, 5), None]


def test_b06_a_deal_on_two_pages_breaks_no_order(source: FakeSource) -> None:
    source.pages = {None: listed([3, 5], "6"), "6": listed([5, 9])}
    assert ranges(walk(source)) == [(0, 5), (5, ID_MAX)]


@pytest.mark.parametrize("odd", ["", "x", None, "1e3", "9223372036854775808"])
def test_an_unreadable_id_proves_nothing_and_disproves_nothing(source: FakeSource, odd: object) -> None:
    source.pages = {None: listed([3, odd, 5], "6"), "6": listed([9])}
    assert ranges(walk(source)) == [(0, 5), (5, ID_MAX)]


def test_b01_a_short_page_with_next_is_not_the_end(source: FakeSource) -> None:
    source.pages = {None: listed([3], "4"), "4": listed([5])}
    assert len(walk(source)) == 2


def test_b02_an_empty_page_with_next_is_not_the_end(source: FakeSource) -> None:
    source.pages = {None: listed([], "4"), "4": listed([], "8"), "8": listed([9], "10"), "10": listed([])}
    assert ranges(walk(source)) == [(0, 0), (0, 0), (0, 9), (9, ID_MAX)]


def test_b02_empty_pages_without_end_are_a_loop(source: FakeSource) -> None:
    source.pages = {None: listed([], "1"), "1": listed([], "2"), "2": listed([], "3"), "3": listed([9])}
    with pytest.raises(BadResponseError, match="3 empty pages") as raised:
        walk(source)
    assert raised.value.code == "PAGING_LOOP"


def test_b02_an_empty_page_that_leads_to_itself_is_asked_for_again(
    source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.pages = {None: listed([3], "6"), "6": listed([6, 9])}
    answers = {"6": [listed([], "6"), listed([], "6")]}
    list_deals = source.list_deals

    def empty_at_first(**asked: Any) -> ListedDeals:
        answer = list_deals(**asked)
        return answers[asked["after"]].pop() if answers.get(asked["after"]) else answer

    monkeypatch.setattr(source, "list_deals", empty_at_first)
    assert ranges(walk(source)) == [(0, 3), (3, 3), (3, 3), (3, ID_MAX)]


def test_b02_an_empty_page_that_always_leads_to_itself_is_a_loop(source: FakeSource) -> None:
    source.pages = {None: listed([3], "6"), "6": listed([], "6")}
    with pytest.raises(BadResponseError, match="3 empty pages"):
        walk(source)
    assert len(source.asked("list")) <= 5


@pytest.mark.parametrize("back_to", ["6", "13"], ids=["itself", "A to B to A"])
def test_b04_a_cursor_that_comes_twice_is_a_loop(source: FakeSource, back_to: str) -> None:
    source.pages = {None: listed([3], "6"), "6": listed([9], "13"), "13": listed([9], back_to)}
    with pytest.raises(BadResponseError, match="same cursor") as raised:
        walk(source)
    assert raised.value.code == "PAGING_LOOP"


def test_a_page_is_given_before_the_next_one_is_asked_for(source: FakeSource) -> None:
    source.pages = three_pages()
    next(listed_pages(source, ALONE, properties=[], archived=False, cursor=None))
    assert len(source.calls) == 1
