"""Associations in bulk: what an answer says, and when it says too little to be believed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from airflow_provider_hubspot_deals.client.associations import AssociationsPage, read_all, read_associations
from airflow_provider_hubspot_deals.deals.related import Association, FoundAssociations
from airflow_provider_hubspot_deals.exceptions import BadResponseError

PLAIN = {"category": "HUBSPOT_DEFINED", "typeId": 3, "label": None}
NONE_FOUND = {
    "status": "error",
    "category": "OBJECT_NOT_FOUND",
    "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
    "context": {"fromObjectId": ["2"]},
}
GONE = {"status": "error", "category": "OBJECT_NOT_FOUND", "context": {"ids": ["2", "3"]}}


def answer(*results: Any, **more: Any) -> dict[str, Any]:
    return {"status": "COMPLETE", "results": list(results), **more}


def result(deal_id: Any = "1", to: Any = None, **more: Any) -> dict[str, Any]:
    return {"from": {"id": deal_id}, "to": [target()] if to is None else to, **more}


def linked(deal_id: int, to_object_id: int) -> Association:
    return Association(deal_id, to_object_id, "A", 3, None)


def found(*associations: Association, unfinished: Sequence[int] = ()) -> FoundAssociations:
    return FoundAssociations([*associations], [*unfinished])


def target(object_id: Any = 51, *kinds: Any) -> dict[str, Any]:
    return {"toObjectId": object_id, "associationTypes": list(kinds or (PLAIN,))}


def page(
    *found: Association, unfinished: Mapping[int, str] | None = None, named: Iterable[str] = (), unlisted: int = 0
) -> AssociationsPage:
    return AssociationsPage(
        associations=list(found), unfinished=dict(unfinished or {}), named=frozenset(named), unlisted=unlisted
    )


class Answers:
    """Pages in turn, and what was asked for each."""

    def __init__(self, *pages: AssociationsPage) -> None:
        self.pages = list(pages)
        self.asked: list[Mapping[int, str | None]] = []

    def read(self, cursors: Mapping[int, str | None]) -> AssociationsPage:
        self.asked.append(cursors)
        return self.pages.pop(0)


def test_a_record_with_two_labels_makes_two() -> None:
    mine = {"category": "USER_DEFINED", "typeId": 36, "label": "Decision maker"}

    read = read_associations(answer(result(to=[target(51, mine, PLAIN), target("52")])))

    assert read == AssociationsPage(
        associations=[
            Association(1, 51, "USER_DEFINED", 36, "Decision maker"),
            Association(1, 51, "HUBSPOT_DEFINED", 3, None),
            Association(1, 52, "HUBSPOT_DEFINED", 3, None),
        ],
        unfinished={},
        named=frozenset({"1"}),
        unlisted=0,
    )


def test_a_deal_without_any_is_an_error_entry_or_absent() -> None:
    assert read_associations(answer(numErrors=1, errors=[NONE_FOUND])) == page(named={"2"})
    assert read_associations(answer(numErrors=1, errors=[GONE])) == page(named={"2", "3"})
    assert read_associations(answer(numErrors=36, errors=[NONE_FOUND])) == page(named={"2"}, unlisted=35)
    assert read_associations(answer()) == page()


@pytest.mark.parametrize("label", ["", "nul \x00", "half \ud83d", 5])
def test_a_label_that_cannot_be_stored_is_none(label: Any) -> None:
    (association,) = read_associations(answer(result(to=[target(51, {**PLAIN, "label": label})]))).associations
    assert association.label is None


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {"status": "COMPLETE"},
        {"status": "PROCESSING", "results": []},
        answer(errors=[{"category": "VALIDATION_ERROR"}]),
        answer(errors="many"),
        answer({"to": []}),
        answer(result("x")),
        answer(result(to={})),
        answer(result(to=[target(-1)])),
        answer(result(to=[target(2**63)])),
        answer(result(to=[{"toObjectId": 5}])),
        answer(result(to=[target(5, {**PLAIN, "typeId": "3"})])),
        answer(result(to=[target(5, {**PLAIN, "typeId": 2**31})])),
        answer(result(to=[target(5, {**PLAIN, "category": ""})])),
        answer(result(paging={"next": {}})),
    ],
    ids=str,
)
def test_what_says_too_little_is_no_answer(payload: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_associations(payload)


def test_deals_with_more_are_asked_for_again_alone() -> None:
    answers = Answers(
        page(linked(1, 5), linked(9, 7), unfinished={1: "500", 9: "500"}, named="129"),
        page(linked(1, 6), named="1"),
    )

    assert read_all(answers.read, [1, 2]) == found(linked(1, 5), linked(1, 6))
    assert answers.asked == [{1: None, 2: None}, {1: "500"}]  # 9 was not asked for


def test_deals_of_which_an_answer_says_nothing_are_asked_for_again_by_themselves() -> None:
    answers = Answers(
        page(linked(1, 5), unfinished={1: "500"}, named="1"),
        page(linked(1, 7), named="1"),
        page(linked(2, 6), named="2"),
        page(linked(3, 8), named="34"),
    )

    assert read_all(answers.read, [1, 2, 3, 4]) == found(linked(1, 5), linked(1, 7), linked(2, 6), linked(3, 8))
    assert answers.asked == [
        {1: None, 2: None, 3: None, 4: None},
        {1: "500"},
        {2: None, 3: None, 4: None},
        {3: None, 4: None},
    ]


def test_deals_of_which_two_answers_say_nothing_have_none() -> None:
    answers = Answers(page(linked(1, 5), named="1"), page())

    assert read_all(answers.read, [1, 2, 3]) == found(linked(1, 5))
    assert answers.asked == [{1: None, 2: None, 3: None}, {2: None, 3: None}]


@pytest.mark.parametrize(
    "silent",
    [page(), page(unlisted=1), page(unlisted=2), page(named="9")],
    ids=["", "counts one", "counts", "of another"],
)
def test_an_answer_that_names_none_of_the_deals_that_were_asked_for_is_silent(silent: AssociationsPage) -> None:
    assert silent.is_silent({1: None, 2: None})
    assert silent.is_silent({1: "500"})


def test_deals_that_an_answer_counts_among_those_without_any_are_not_asked_for_again() -> None:
    answers = Answers(page(linked(1, 5), named="1", unlisted=2))

    assert read_all(answers.read, [1, 2, 3]) == found(linked(1, 5))


def test_a_deal_whose_next_page_never_comes_is_read_from_its_beginning_once_more() -> None:
    first = page(linked(1, 5), unfinished={1: "500"}, named="1")
    answers = Answers(first, page(), first, page(linked(1, 6), named="1"))

    assert read_all(answers.read, [1]) == found(linked(1, 5), linked(1, 5), linked(1, 6))
    assert answers.asked == [{1: None}, {1: "500"}, {1: None}, {1: "500"}]


def test_and_ends_there_unfinished() -> None:
    first = page(linked(1, 5), unfinished={1: "500"}, named="1")
    answers = Answers(page(linked(1, 5), linked(2, 6), unfinished={1: "500"}, named="12"), page(), first, page())

    assert read_all(answers.read, [1, 2]) == found(linked(1, 5), linked(2, 6), linked(1, 5), unfinished=[1])
    assert answers.asked == [{1: None, 2: None}, {1: "500"}, {1: None}, {1: "500"}]


@pytest.mark.parametrize("silence", [page(), page(named="2", unlisted=1)], ids=["of all", "counts it"])
def test_nor_is_it_finished_when_even_its_first_page_comes_no_more(silence: AssociationsPage) -> None:
    first = page(linked(1, 5), unfinished={1: "500"}, named="1")
    answers = Answers(first, page(named="2"), silence)

    assert read_all(answers.read, [1, 2]) == found(linked(1, 5), unfinished=[1])


def test_a_cursor_that_comes_twice_ends_the_walk() -> None:
    endless = page(unfinished={1: "500"}, named="1")

    with pytest.raises(BadResponseError) as raised:
        read_all(lambda _cursors: endless, [1])
    assert raised.value.code == "PAGING_LOOP"


def test_nothing_is_asked_for_no_deal() -> None:
    assert read_all(lambda _cursors: pytest.fail("asked"), []) == found()
