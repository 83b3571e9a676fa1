"""Records read in parts, because one request cannot carry all their properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_hubspot_deals.client.wide_records import PROPERTIES_MAX, in_chunks, read_wide
from airflow_provider_hubspot_deals.deals.columns import MERGED_IDS_PROPERTY
from airflow_provider_hubspot_deals.exceptions import BadResponseError
from tests.unit.client.scripted_server import deal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CHUNKS = [["a"], ["b"], ["c"]]


class Portal:
    """Deals whose properties are their own names; ``before`` runs ahead of each numbered read."""

    def __init__(self, *ids: int, before: Callable[[Portal, int], None] = lambda _portal, _number: None) -> None:
        self.versions = dict.fromkeys(ids, "v1")
        self.before = before
        self.reads: list[tuple[list[int], list[str]]] = []

    def read(self, ids: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
        self.reads.append((list(ids), list(names)))
        self.before(self, len(self.reads))
        found = [deal_id for deal_id in ids if deal_id in self.versions]
        return [deal(i, updated=self.versions[i], **dict.fromkeys(names, self.versions[i])) for i in reversed(found)]


def values(record: dict[str, Any]) -> tuple[str, ...]:
    return tuple(record["properties"][name] for name in "abc")


def test_the_parts_of_each_record_are_joined() -> None:
    portal = Portal(1, 2)
    records = read_wide(portal.read, [1, 2], CHUNKS)
    assert {record["id"]: values(record) for record in records} == {"1": ("v1",) * 3, "2": ("v1",) * 3}
    assert len(portal.reads) == 3


def test_a_record_edited_between_two_parts_is_read_again_and_never_mixed() -> None:
    def edit(portal: Portal, number: int) -> None:
        if number == 2:
            portal.versions[2] = "v2"

    portal = Portal(1, 2, before=edit)
    records = read_wide(portal.read, [1, 2], CHUNKS)
    assert sorted((record["id"], values(record)) for record in records) == [("1", ("v1",) * 3), ("2", ("v2",) * 3)]
    assert [ids for ids, _ in portal.reads[3:]] == [[2]] * 3


def test_a_record_that_vanishes_between_two_parts_is_left_out() -> None:
    def archive(portal: Portal, number: int) -> None:
        if number == 3:
            del portal.versions[1]

    portal = Portal(1, 2, before=archive)
    assert [record["id"] for record in read_wide(portal.read, [1, 2], CHUNKS)] == ["2"]


def test_a_record_that_appears_in_later_parts_only_is_left_out() -> None:
    def restore(portal: Portal, number: int) -> None:
        if number == 2:
            portal.versions[1] = "v1"

    portal = Portal(2, before=restore)
    assert [record["id"] for record in read_wide(portal.read, [1, 2], CHUNKS)] == ["2"]


def test_a_record_that_never_rests_ends_the_reading() -> None:
    def edit_always(portal: Portal, number: int) -> None:
        portal.versions[1] = f"v{number}"

    with pytest.raises(BadResponseError, match="keep changing") as raised:
        read_wide(Portal(1, before=edit_always).read, [1], CHUNKS)
    assert raised.value.code == "UNSTABLE_RECORD"


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, [0]), (1, [1]), (PROPERTIES_MAX, [PROPERTIES_MAX]), (PROPERTIES_MAX + 1, [PROPERTIES_MAX, 1])],
)
def test_properties_are_split_into_what_one_request_carries(count: int, sizes: list[int]) -> None:
    names = [f"p{number}" for number in range(count)]
    chunks = in_chunks(names)
    assert [len(chunk) for chunk in chunks] == sizes
    assert [name for chunk in chunks for name in chunk] == names


def test_what_was_merged_into_a_deal_is_told_in_every_part() -> None:
    names = [*(f"p{number}" for number in range(PROPERTIES_MAX)), MERGED_IDS_PROPERTY]
    chunks = in_chunks(names)
    assert all(MERGED_IDS_PROPERTY in chunk and len(chunk) <= PROPERTIES_MAX for chunk in chunks)
    assert {name for chunk in chunks for name in chunk} == {*names}
