"""A search request's body, checked against HubSpot's rules (reference §1.2) and turned into groups to look up."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hubspot_simulator.search_filters import BadFilterError, epoch_ms, make_predicate, number_or_none
from hubspot_simulator.store import ID_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hubspot_simulator.associations import AssociationBook
    from hubspot_simulator.deal import Deal
    from hubspot_simulator.properties import Property

GROUPS_MAX, FILTERS_PER_GROUP_MAX, FILTERS_MAX = 5, 6, 18
LIMIT_DEFAULT, LIMIT_MAX, OFFSET_MAX, QUERY_CHARACTERS_MAX = 10, 200, 10_000, 3_000


class BadSearchError(ValueError):
    """HubSpot answers 400. ``is_generic``: without a category, as for filters it cannot evaluate."""

    def __init__(self, message: str, *, is_generic: bool = False) -> None:
        super().__init__(message)
        self.is_generic = is_generic


@dataclass(slots=True)
class Group:
    """Filters that all hold: bounds that an index serves, and predicates for the rest."""

    modified_from_ms: int = -ID_MAX
    modified_to_ms: int = ID_MAX
    id_from: int = -ID_MAX
    id_to: int = ID_MAX
    predicates: list[Callable[[Deal], bool]] = field(default_factory=list)
    described: list[str] = field(default_factory=list)

    @property
    def key(self) -> object:
        """Equal for groups that differ in their id bounds only."""
        return self.modified_from_ms, self.modified_to_ms, *self.described


@dataclass(frozen=True, slots=True)
class Sort:
    name: str = "createdate"  # default: oldest first
    descending: bool = False
    is_number: bool = False

    def comparable(self, deal: Deal | None) -> tuple[bool, float, str]:
        """Unset values come first, numbers compare as numbers."""
        value = None if deal is None else deal.values.get(self.name)
        number = number_or_none(value) if self.is_number else None
        return value is not None, number or 0.0, value or ""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    groups: tuple[Group, ...]
    sort: Sort
    properties: tuple[str, ...] | None
    offset: int
    limit: int
    key: str  # equal for queries that differ in their offset and limit only


def parse_search(
    body: Mapping[str, Any], definitions: Mapping[str, Property], associations: AssociationBook
) -> SearchQuery:
    """The query of a request body. Every key is optional.

    Raises:
        BadSearchError: a limit is exceeded, a property or operator is unknown, a value has the wrong form.
    """
    limit, offset = _integer(body, "limit", LIMIT_DEFAULT), _integer(body, "after", 0)
    if not 0 < limit <= LIMIT_MAX:
        raise BadSearchError(f"limit must be between 1 and {LIMIT_MAX}")
    if offset + limit > OFFSET_MAX:
        raise BadSearchError(f"paging beyond {OFFSET_MAX} results is not possible")
    raw_groups = _raw_groups(body)
    groups = tuple(_group(raw, definitions, associations) for raw in raw_groups) or (Group(),)
    text = body.get("query")
    if text:
        _add_text(groups, str(text))
    sort = _sort(body.get("sorts") or [], definitions)
    properties = tuple(body["properties"]) if body.get("properties") else None
    return SearchQuery(groups, sort, properties, offset, limit, json.dumps([raw_groups, text, str(sort)]))


def _raw_groups(body: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    groups = [group.get("filters", []) for group in body.get("filterGroups") or []]
    if body.get("filters"):
        groups.append(body["filters"])  # a top-level list counts as one group
    if len(groups) > GROUPS_MAX:
        raise BadSearchError(f"at most {GROUPS_MAX} filterGroups are allowed")
    if any(len(filters) > FILTERS_PER_GROUP_MAX for filters in groups):
        raise BadSearchError(f"at most {FILTERS_PER_GROUP_MAX} filters are allowed in a group")
    if sum(map(len, groups)) > FILTERS_MAX:
        raise BadSearchError(f"at most {FILTERS_MAX} filters are allowed")
    return groups


def _group(filters: list[dict[str, Any]], definitions: Mapping[str, Property], associations: AssociationBook) -> Group:
    group = Group()
    for each in filters:
        name = each.get("propertyName", "")
        try:
            if not _narrow(group, name, each):
                group.predicates.append(make_predicate(each, definitions, associations))
                group.described.append(json.dumps(each, sort_keys=True))
        except BadFilterError as error:
            raise BadSearchError(str(error), is_generic=error.is_generic) from error
    return group


def _narrow(group: Group, name: str, each: Mapping[str, Any]) -> bool:
    """Turn a range on the modification time or the id into bounds; False for any other filter."""
    if name not in ("hs_lastmodifieddate", "hs_object_id"):
        return False
    bounds = _bounds(each, epoch_ms if name == "hs_lastmodifieddate" else int)
    if bounds is None:
        return False
    if name == "hs_lastmodifieddate":
        group.modified_from_ms = max(group.modified_from_ms, bounds[0])
        group.modified_to_ms = min(group.modified_to_ms, bounds[1])
    else:
        group.id_from, group.id_to = max(group.id_from, bounds[0]), min(group.id_to, bounds[1])
    return True


def _bounds(each: Mapping[str, Any], convert: Callable[[str], int]) -> tuple[int, int] | None:
    operator = each.get("operator")
    if operator not in ("GT", "GTE", "LT", "LTE", "EQ", "BETWEEN"):
        return None
    try:
        low = convert(str(each.get("value")))
        high = convert(str(each.get("highValue"))) if operator == "BETWEEN" else low
    except ValueError:
        raise BadSearchError("There was a problem with the request.", is_generic=True) from None
    return {
        "GT": (low + 1, ID_MAX),
        "GTE": (low, ID_MAX),
        "LT": (-ID_MAX, low - 1),
        "LTE": (-ID_MAX, low),
        "EQ": (low, low),
        "BETWEEN": (low, high),
    }[operator]


def _add_text(groups: tuple[Group, ...], text: str) -> None:
    if len(text) > QUERY_CHARACTERS_MAX:
        raise BadSearchError(f"query must not exceed {QUERY_CHARACTERS_MAX} characters")
    wanted = text.lower().split()
    for group in groups:
        group.predicates.append(lambda deal: all(word in deal.values.get("dealname", "").lower() for word in wanted))
        group.described.append(f"query {text}")


def _sort(sorts: list[Any], definitions: Mapping[str, Property]) -> Sort:
    if len(sorts) > 1:
        raise BadSearchError("only one sort is allowed")
    if not sorts:
        return Sort()
    first = sorts[0]
    if isinstance(first, str):
        name, is_descending = first.removeprefix("-"), first.startswith("-")
    else:
        name, is_descending = first.get("propertyName", ""), first.get("direction") == "DESCENDING"
    if name not in definitions:
        raise BadSearchError(f"there is no property {name!r} to sort by")
    return Sort(name, is_descending, definitions[name].type == "number")


def _integer(body: Mapping[str, Any], key: str, default: int) -> int:
    value = body.get(key)
    if value is None or value == "":
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise BadSearchError(f"{key} must be an integer") from None
