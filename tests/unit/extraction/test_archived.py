"""The archived list by names, and the records of what is not stored so."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_hubspot_deals.extraction.archived import Archived, archived_pages
from airflow_provider_hubspot_deals.extraction.pages import ID_MAX, IdRange, Page
from tests.builders import MODIFIED, a_record
from tests.unit.extraction.conftest import ALONE, FakeSource, ids_of, listed


def walk(source: FakeSource, *, new: set[int]) -> tuple[list[Page], list[Mapping[int, Archived]]]:
    named: list[Mapping[int, Archived]] = []

    def not_stored_so(archived: Mapping[int, Archived]) -> list[int]:
        named.append(archived)
        return [deal_id for deal_id in archived if deal_id in new]

    pages = archived_pages(source, ALONE, properties=["dealname"], not_stored_so=not_stored_so, cursor=None)
    return list(pages), named


def test_only_records_of_deals_that_are_not_stored_so_are_read(source: FakeSource) -> None:
    source.archived = {3, 5, 9}
    source.pages = {None: listed([3, 5], "6"), "6": listed([9])}
    (first, second), named = walk(source, new={5})
    assert (ids_of(first.records), first.listed) == ([5], (3, 5))
    assert (second.records, second.listed) == ([], (9,))
    assert source.asked("list") == [(("hs_object_id",), True, None), (("hs_object_id",), True, "6")]
    assert source.asked("read archived") == [((5,), ("dealname",))]
    assert list(named[0]) == [3, 5]


def test_the_list_proves_the_same_as_with_all_properties(source: FakeSource) -> None:
    source.pages = {None: listed([3, 5], "6"), "6": listed([9])}
    pages, _ = walk(source, new=set())
    assert [page.covers for page in pages] == [IdRange(low=0, high=5), IdRange(low=5, high=ID_MAX)]
    assert [page.cursor for page in pages] == [{"after": "6", "low": 5}, None]


def test_version_and_time_of_archiving_are_what_is_compared(source: FakeSource) -> None:
    whole = a_record(3, archived=True)
    bare = {"id": "5", "properties": {}, "archived": True, "archivedAt": "sometime"}
    source.pages = {None: listed([])}
    source.pages[None].records.extend([whole, bare])
    _, (named,) = walk(source, new=set())
    assert named == {
        3: Archived(version=MODIFIED, archived_at="2026-04-01T00:00:00Z"),
        5: Archived(version=None, archived_at=None),
    }


def test_a_deal_restored_since_it_was_listed_is_read_as_it_is_now(source: FakeSource) -> None:
    source.live = {5}
    source.pages = {None: listed([5])}
    (page,), _ = walk(source, new={5})
    assert ids_of(page.records) == [5]
    assert page.records[0]["archived"] is False


def test_a_record_without_a_usable_id_goes_on_to_quarantine(source: FakeSource) -> None:
    source.pages = {None: listed(["abc", 7])}
    (page,), _ = walk(source, new=set())
    assert [record["id"] for record in page.records] == ["abc"]
    assert page.listed == (7,)
