"""Associations of many deals at once: HubSpot pages them for each deal, at most 500 an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_hubspot_deals.client.payloads import (
    JsonObject,
    ids_in_context,
    read_next_after,
    read_object,
    read_results,
)
from airflow_provider_hubspot_deals.deals import values
from airflow_provider_hubspot_deals.deals.related import Association, FoundAssociations
from airflow_provider_hubspot_deals.exceptions import BadResponseError

_CATEGORY_LENGTH_MAX = 100
_TYPE_ID_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationsPage:
    """One answer. Deals without associations are in neither of the first two."""

    associations: list[Association]
    unfinished: dict[int, str]  # deal → the cursor of its next page
    named: frozenset[str]  # deals of which it says anything, be it that they have none
    unlisted: int  # errors that it counts and does not list

    def unnamed(self, asked: Mapping[int, str | None]) -> dict[int, str | None]:
        """Those of ``asked`` of which it says nothing. A deal that has a next page is none of those that it counts."""
        unnamed = {deal_id: after for deal_id, after in asked.items() if str(deal_id) not in self.named}
        may_have_none = [deal_id for deal_id, after in unnamed.items() if after is None]
        if len(may_have_none) > self.unlisted:
            return unnamed
        return {deal_id: after for deal_id, after in unnamed.items() if after}

    def is_silent(self, asked: Mapping[int, str | None]) -> bool:
        """Whether it names none of them. To count them all and name none is silence, too: it may be a failure."""
        return self.named.isdisjoint(map(str, asked))


ReadPage = Callable[[Mapping[int, str | None]], AssociationsPage]


def read_all(read_page: ReadPage, ids: Sequence[int]) -> FoundAssociations:
    """Every association of ``ids``; ``read_page`` is given deals with the cursor of each, None at its beginning.

    Recorded answers name the deals that have none, or at least count them. Others, which an answer that was cut short
    may have left out, are asked for again by themselves; ``read_page`` sees to it that silence about all of them lasts.
    A deal whose next page never comes is read from its beginning once more, and is unfinished if that does not end
    either: it may have been merged, or its last page may have been full.

    Raises:
        BadResponseError: a cursor came twice (``PAGING_LOOP``).
    """
    found: list[Association] = []
    seen: set[tuple[int, str]] = set()
    begun_again: set[int] = set()
    ended: set[int] = set()
    asked: Mapping[int, str | None] = dict.fromkeys(ids)
    left: dict[int, str | None] = {}
    while asked:
        page = read_page(asked)
        found += [each for each in page.associations if each.deal_id in asked]
        following = {deal_id: after for deal_id, after in page.unfinished.items() if deal_id in asked}
        if not seen.isdisjoint(following.items()):
            raise BadResponseError(
                "HubSpot's associations of a deal never end: a cursor came twice", code="PAGING_LOOP"
            )
        seen |= following.items()
        ended |= {deal_id for deal_id in asked.keys() - following.keys() if str(deal_id) in page.named}
        unnamed = page.unnamed(asked)
        if page.is_silent(asked):
            stuck = {deal_id for deal_id, after in unnamed.items() if after}
            unnamed = dict.fromkeys(stuck - begun_again)
            begun_again |= stuck
            seen = {(deal_id, after) for deal_id, after in seen if deal_id not in unnamed}
        left |= unnamed
        asked, left = (following, left) if following else (left, {})
    return FoundAssociations(found, sorted(begun_again - ended))


def read_associations(payload: object) -> AssociationsPage:
    """The shape of a batch/read of associations.

    HubSpot reports a deal without associations as an error inside a success. Any other error would let associations
    look deleted that are not.
    """
    body = read_object(payload)
    if body.get("status", "COMPLETE") != "COMPLETE":
        raise ValueError("its `status` is not COMPLETE")
    errors = body.get("errors") or []
    if not isinstance(errors, list) or not all(_says_there_are_none(error) for error in errors):
        raise ValueError("it reports errors other than NO_ASSOCIATIONS_FOUND")
    associations: list[Association] = []
    unfinished: dict[int, str] = {}
    named = {*ids_in_context(errors, "fromObjectId"), *ids_in_context(errors, "ids")}
    for result in read_results(body):
        deal_id = _id(read_object(result.get("from")).get("id"))
        named.add(str(deal_id))
        targets = result.get("to")
        if not isinstance(targets, list):
            raise ValueError("one of its results has no list `to`")  # noqa: TRY004 - a bad value
        for target in targets:
            associations += _labels(deal_id, read_object(target))
        if (after := read_next_after(result)) is not None:
            unfinished[deal_id] = after
    counted = body.get("numErrors")
    return AssociationsPage(
        associations=associations,
        unfinished=unfinished,
        named=frozenset(named),
        unlisted=counted - len(errors) if isinstance(counted, int) else 0,
    )


def _says_there_are_none(error: object) -> bool:
    # An id that is gone is reported as OBJECT_NOT_FOUND too, and has none either.
    return isinstance(error, dict) and error.get("category") == "OBJECT_NOT_FOUND"


def _labels(deal_id: int, target: JsonObject) -> list[Association]:
    to_object_id = _id(target.get("toObjectId"))
    kinds = target.get("associationTypes")
    if not isinstance(kinds, list):
        raise ValueError("an association has no list `associationTypes`")  # noqa: TRY004 - a bad value
    return [Association(deal_id, to_object_id, *_kind(read_object(kind))) for kind in kinds]


def _kind(kind: JsonObject) -> tuple[str, int, str | None]:
    category, type_id = kind.get("category"), kind.get("typeId")
    if not isinstance(category, str) or not 0 < len(category) <= _CATEGORY_LENGTH_MAX or not category.isascii():
        raise ValueError("an association has no usable `category`")
    if isinstance(type_id, bool) or not isinstance(type_id, int) or not 0 <= type_id <= _TYPE_ID_MAX:
        raise ValueError("an association has no usable `typeId`")
    return category, type_id, _label(kind.get("label"))


def _label(label: Any) -> str | None:  # noqa: ANN401 - JSON
    try:
        return values.text(label) or None if isinstance(label, str) else None
    except values.ValueIssue:
        return None


def _id(value: object) -> int:
    """HubSpot describes ids as text and sends those of associated records as numbers."""
    try:
        return int(values.object_id(value))
    except values.ValueIssue:
        raise ValueError("one of its ids is no id") from None
