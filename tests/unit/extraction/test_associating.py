"""Reading associations in halves where HubSpot refuses a whole batch for one deal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from airflow_provider_hubspot_deals.deals.related import Association, FoundAssociations
from airflow_provider_hubspot_deals.exceptions import HubSpotRefusedError, MissingScopeError, ResponseTooLargeError
from airflow_provider_hubspot_deals.extraction.associating import REFUSED_MAX, read_associations


class Source:
    """Refuses every batch that holds one of ``bad``; of ``unfinished`` ones it never gives the next page."""

    def __init__(self, *bad: int, is_known: bool = True, status: int = 400, unfinished: Sequence[int] = ()) -> None:
        self.bad, self.is_known, self.status, self.unfinished = set(bad), is_known, status, set(unfinished)
        self.asked: list[list[int]] = []

    def read_associations(self, to_object_type: str, ids: Sequence[int]) -> FoundAssociations:
        self.asked.append(list(ids))
        if self.bad & set(ids):
            raise HubSpotRefusedError(f"no {to_object_type}", status_code=self.status)
        found = [Association(deal_id, 5, "HUBSPOT_DEFINED", 3, None) for deal_id in ids]
        return FoundAssociations(found, sorted(self.unfinished & set(ids)))

    def association_labels(self, to_object_type: str) -> list[dict[str, Any]]:
        if not self.is_known:
            raise HubSpotRefusedError(f"Unable to infer object type from: {to_object_type}", status_code=400)
        return []


def test_one_request_when_nothing_is_refused() -> None:
    source = Source()

    read = read_associations(source, "contacts", range(1, 1_001))

    assert (len(read.found), len(read.ids), read.unread, len(source.asked)) == (1_000, 1_000, [], 1)


@pytest.mark.parametrize("bad", [(1,), (1_000,), (500,), (1, 2), (3, 500, 999)], ids=str)
def test_everything_but_the_deal_at_fault_is_read(bad: tuple[int, ...]) -> None:
    source = Source(*bad)

    read = read_associations(source, "contacts", range(1, 1_001))

    assert sorted(read.unread) == sorted(bad)
    assert sorted(read.ids) == sorted(each.deal_id for each in read.found)
    assert set(read.ids) == set(range(1, 1_001)) - set(bad)
    assert len(source.asked) <= 1 + 20 * len(bad)


def test_a_single_deal_can_be_at_fault() -> None:
    read = read_associations(Source(7), "contacts", [7])
    assert (read.ids, read.unread) == ([], [7])


def test_an_unfinished_deal_is_not_read_though_something_of_it_was_found() -> None:
    read = read_associations(Source(3, unfinished=[2, *range(10, 10 + REFUSED_MAX)]), "contacts", range(1, 1_001))

    assert read.unread[0] == 3  # few are refused: they are named in any case
    assert {*read.unread} == {2, 3, *range(10, 10 + REFUSED_MAX)}
    assert {*read.ids} == {*range(1, 1_001)} - {*read.unread}
    assert {each.deal_id for each in read.found} == {*range(1, 1_001)} - {3}


def test_a_type_that_does_not_exist_is_found_out_with_one_more_request() -> None:
    source = Source(*range(1_000), is_known=False)
    with pytest.raises(HubSpotRefusedError, match="butterflies"):
        read_associations(source, "butterflies", range(1_000))
    assert len(source.asked) == 1


def test_many_refused_deals_are_no_accident() -> None:
    source = Source(*range(1_000))
    with pytest.raises(HubSpotRefusedError):
        read_associations(source, "contacts", range(1_000))
    assert len(source.asked) < 4 * REFUSED_MAX


@pytest.mark.parametrize("status", [403, 404, 414])
def test_another_refusal_is_not_about_one_deal(status: int) -> None:
    source = Source(1, status=status)
    with pytest.raises(HubSpotRefusedError):
        read_associations(source, "contacts", [1, 2])
    assert len(source.asked) == 1


class Verbose(Source):
    """Answers about more than 300 deals are larger than is read of one."""

    def read_associations(self, to_object_type: str, ids: Sequence[int]) -> FoundAssociations:
        if len(ids) > 300:
            self.asked.append(list(ids))
            raise ResponseTooLargeError("larger than is read", status_code=200)
        return super().read_associations(to_object_type, ids)


def test_answers_too_large_are_read_in_halves_and_the_type_is_not_doubted() -> None:
    source = Verbose(is_known=False)

    read = read_associations(source, "emails", range(1, 1_001))

    assert set(read.ids) == {each.deal_id for each in read.found} == set(range(1, 1_001))
    assert (len(read.ids), read.unread) == (1_000, [])
    assert sorted(map(len, source.asked)) == [250, 250, 250, 250, 500, 500, 1_000]


def test_a_missing_scope_is_one_too() -> None:
    assert issubclass(MissingScopeError, HubSpotRefusedError)
