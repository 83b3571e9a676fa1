"""One filter of a search as a predicate over deals (reference §1.2: operators and case rules)."""

from __future__ import annotations

import fnmatch
import math
from typing import TYPE_CHECKING, Any

from hubspot_simulator.associations import kind_name
from hubspot_simulator.clock import ms_from_iso

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hubspot_simulator.associations import AssociationBook
    from hubspot_simulator.deal import Deal
    from hubspot_simulator.properties import Property

RANGE_OPERATORS = ("GT", "GTE", "LT", "LTE", "BETWEEN")
OPERATORS = (
    *RANGE_OPERATORS,
    *("EQ", "NEQ", "IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"),
)


class BadFilterError(ValueError):
    """The filter cannot be evaluated."""

    def __init__(self, message: str, *, is_generic: bool = False) -> None:
        super().__init__(message)
        self.is_generic = is_generic


def epoch_ms(text: str) -> int:
    """A date in a filter: epoch milliseconds or ISO 8601. Raises ValueError."""
    return int(text) if text.lstrip("-").isdigit() else ms_from_iso(text)


def number_or_none(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def make_predicate(
    each: Mapping[str, Any], definitions: Mapping[str, Property], associations: AssociationBook
) -> Callable[[Deal], bool]:
    """The predicate of ``{"propertyName", "operator", "value" | "values" | "value" and "highValue"}``."""
    name, operator = str(each.get("propertyName")), str(each.get("operator"))
    if operator not in OPERATORS:
        raise BadFilterError(f"{operator} is not an operator")
    if name.startswith("associations."):
        return _associated(name, operator, str(each.get("value")), associations)
    if name not in definitions:
        raise BadFilterError(f"Property {name!r} does not exist")
    if operator.endswith("HAS_PROPERTY"):
        wanted = operator == "HAS_PROPERTY"
        return lambda deal: bool(deal.values.get(name)) is wanted
    definition = definitions[name]
    if operator in RANGE_OPERATORS:
        return _ranged(definition, operator, each)
    return _equal(definition, operator, each)


def _associated(name: str, operator: str, value: str, associations: AssociationBook) -> Callable[[Deal], bool]:
    kind = kind_name(name.removeprefix("associations."))
    if kind is None or operator != "EQ" or not value.isdigit():
        raise BadFilterError(f"{name} only takes EQ with an id")
    return lambda deal: int(value) in associations.associated(deal.deal_id, kind)


def _ranged(definition: Property, operator: str, each: Mapping[str, Any]) -> Callable[[Deal], bool]:
    convert = _converter(definition)
    low, high = convert(str(each.get("value"))), convert(str(each.get("highValue")))
    if low is None or (operator == "BETWEEN" and high is None):
        raise BadFilterError("There was a problem with the request.", is_generic=True)
    is_within: dict[str, Callable[[float], bool]] = {
        "GT": lambda number: number > low,
        "GTE": lambda number: number >= low,
        "LT": lambda number: number < low,
        "LTE": lambda number: number <= low,
        "BETWEEN": lambda number: low <= number <= (low if high is None else high),
    }
    holds = is_within[operator]

    def predicate(deal: Deal) -> bool:
        number = convert(deal.values.get(definition.name, ""))
        return number is not None and holds(number)

    return predicate


def _converter(definition: Property) -> Callable[[str], float | None]:
    def moment(text: str) -> float | None:
        try:
            return epoch_ms(text)
        except ValueError:
            return None

    return moment if definition.type in ("date", "datetime") else number_or_none


def _equal(definition: Property, operator: str, each: Mapping[str, Any]) -> Callable[[Deal], bool]:
    """EQ, IN and CONTAINS_TOKEN with their negations; a negation also holds for an unset value."""
    values = each.get("values") if operator in ("IN", "NOT_IN") else [each.get("value")]
    if not isinstance(values, list) or values == [None]:
        raise BadFilterError(f"{operator} needs {'values' if operator in ('IN', 'NOT_IN') else 'value'}")
    wanted = [str(value) for value in values]
    is_wanted = not operator.startswith("N")
    matches = _matcher(definition, operator, wanted)

    def predicate(deal: Deal) -> bool:
        value = deal.values.get(definition.name)
        return (bool(value) and matches(str(value))) is is_wanted

    return predicate


def _matcher(definition: Property, operator: str, wanted: list[str]) -> Callable[[str], bool]:
    if operator.endswith("CONTAINS_TOKEN"):
        pattern = wanted[0].lower()
        return lambda value: any(fnmatch.fnmatchcase(token, pattern) for token in value.lower().split())
    if definition.type == "enumeration":
        return lambda value: value in wanted or any(each in wanted for each in value.split(";"))
    if definition.type in ("number", "date", "datetime"):
        convert = _converter(definition)
        numbers = {convert(value) for value in wanted} - {None}
        return lambda value: convert(value) in numbers
    if operator.endswith("IN"):  # IN and NOT_IN on text compare with the lower-case value as it is given
        return lambda value: value.lower() in wanted
    lowered = {value.lower() for value in wanted}
    return lambda value: value.lower() in lowered
