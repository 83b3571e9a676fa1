"""Absent deals are asked for before anything is said about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_hubspot_deals.deals.records import Record
from airflow_provider_hubspot_deals.extraction.confirming import confirmed_pages
from airflow_provider_hubspot_deals.extraction.pages import Page
from tests.unit.extraction.conftest import ALONE, FakeSource, ids_of


def confirm(source: FakeSource, absent: list[int], *, cursor: dict[str, Any] | None = None) -> list[Page]:
    def absent_ids(after_id: int, limit: int) -> list[int]:
        return [deal_id for deal_id in absent if deal_id > after_id][:limit]

    return list(confirmed_pages(source, ALONE, properties=["dealname"], absent_ids=absent_ids, cursor=cursor))


def test_without_absent_deals_hubspot_is_not_asked(source: FakeSource) -> None:
    assert confirm(source, []) == []
    assert source.calls == []


def test_each_absent_deal_turns_out_live_archived_merged_or_gone(source: FakeSource) -> None:
    source.live, source.archived, source.merged = {1, 90}, {2}, {3: 90}
    (page,) = confirm(source, [1, 2, 3, 4])
    assert sorted(set(ids_of(page.records))) == [1, 2, 90]
    assert page.gone == (3, 4)  # 3 is named by its survivor, which marks it first
    assert page.confirmed == (1, 2, 3, 4)


def test_only_deals_that_are_not_live_are_asked_for_as_archived(source: FakeSource) -> None:
    source.live, source.archived = {1}, {2}
    confirm(source, [1, 2, 3])
    assert [ids for ids, _ in source.asked("read")] == [(1, 2, 3), (3,)]  # 3 may have been restored in between
    assert [ids for ids, _ in source.asked("read archived")] == [(2, 3)]


def test_a_deal_restored_between_the_two_lists_is_live_and_not_gone(source: FakeSource) -> None:
    read = source.read_deals

    def restoring(ids: Sequence[int], *, properties: Sequence[str], archived: bool = False) -> list[Record]:
        answer = read(ids, properties=properties, archived=archived)
        if archived:
            source.live.add(2)
        return answer

    source.live = {1}
    source.read_deals = restoring  # type: ignore[method-assign]  # the same portal, in which something happens
    (page,) = confirm(source, [1, 2, 3])
    assert ids_of(page.records) == [1, 2]
    assert (page.gone, page.confirmed) == ((3,), (1, 2, 3))


def test_when_all_are_live_the_archived_ones_are_not_asked_for(source: FakeSource) -> None:
    source.live = {1}
    (page,) = confirm(source, [1])
    assert (source.asked("read archived"), page.gone) == ([], ())


def test_many_are_confirmed_a_hundred_at_a_time_and_from_each_cursor_on(source: FakeSource) -> None:
    absent = list(range(1, 251))
    whole = confirm(source, absent)
    assert [page.confirmed for page in whole] == [page.gone for page in whole]
    assert [(page.confirmed[-1], len(page.gone)) for page in whole] == [(100, 100), (200, 100), (250, 50)]
    for done in (1, 2, 3):
        assert confirm(source, absent, cursor=whole[done - 1].cursor) == whole[done:]
