"""Associations in bulk: what an answer says, and when it says too little to be believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_provider_hubspot_deals.client.associations import AssociationsPage, read_all, read_associations
from airflow_provider_hubspot_deals.deals.related import Association
from airflow_provider_hubspot_deals.exceptions import BadResponseError

PLAIN = {"category": "HUBSPOT_DEFINED", "typeId": 3, "label": None}
NONE_FOUND = {
    "status": "error",
    "category": "OBJECT_NOT_FOUND",
    "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
    "context": {"fromObjectId": ["2"]},
}


def answer(*results: Any, **more: Any) -> dict[str, Any]:
    return {"status": "COMPLETE", "results": list(results), **more}


def result(deal_id: Any = "1", to: Any = None, **more: Any) -> dict[str, Any]:
    return {"from": {"id": deal_id}, "to": [target()] if to is None else to, **more}


def target(object_id: Any = 51, *kinds: Any) -> dict[str, Any]:
    return {"toObjectId": object_id, "associationTypes": list(kinds or (PLAIN,))}


def test_a_record_with_two_labels_makes_two() -> None:
    mine = {"category": "USER_DEFINED", "typeId": 36, "label": "Decision maker"}

    page = read_associations(answer(result(to=[target(51, mine, PLAIN), target("52")])))

    assert page == AssociationsPage(
        associations=[
            Association(1, 51, "USER_DEFINED", 36, "Decision maker"),
            Association(1, 51, "HUBSPOT_DEFINED", 3, None),
            Association(1, 52, "HUBSPOT_DEFINED", 3, None),
        ],
        unfinished={},
    )


def test_a_deal_without_any_is_an_error_entry_or_absent() -> None:
    assert read_associations(answer(numErrors=1, errors=[NONE_FOUND])).associations == []
    assert read_associations(answer()).associations == []


@pytest.mark.parametrize("label", ["", "nul \x00", "half \ud83d", 5])
def test_a_label_that_cannot_be_stored_is_none(label: Any) -> None:
    (found,) = read_associations(answer(result(to=[target(51, {**PLAIN, "label": label})]))).associations
    assert found.label is None


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
    pages = {
        None: AssociationsPage(
            associations=[Association(1, 5, "A", 3, None), Association(9, 7, "A", 3, None)],
            unfinished={1: "500", 9: "500"},
        ),
        "500": AssociationsPage(associations=[Association(1, 6, "A", 3, None)], unfinished={}),
    }
    asked: list[Mapping[int, str | None]] = []

    def read_page(cursors: Mapping[int, str | None]) -> AssociationsPage:
        asked.append(cursors)
        return pages[cursors[1]]

    assert [each.to_object_id for each in read_all(read_page, [1, 2])] == [5, 6]
    assert asked == [{1: None, 2: None}, {1: "500"}]  # 9 was not asked for


def test_a_cursor_that_comes_twice_ends_the_walk() -> None:
    page = AssociationsPage(associations=[], unfinished={1: "500"})

    with pytest.raises(BadResponseError) as raised:
        read_all(lambda _cursors: page, [1])
    assert raised.value.code == "PAGING_LOOP"


def test_nothing_is_asked_for_no_deal() -> None:
    assert read_all(lambda _cursors: pytest.fail("asked"), []) == []
