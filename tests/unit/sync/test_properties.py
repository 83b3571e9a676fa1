"""Names and patterns → the properties that a run reads."""

from __future__ import annotations

import time
from typing import Any

import pytest

from airflow_provider_hubspot_deals.deals.columns import REQUIRED_PROPERTIES
from airflow_provider_hubspot_deals.exceptions import BadResponseError
from airflow_provider_hubspot_deals.sync.properties import (
    chosen,
    custom_properties,
    defined_names,
    misspelt,
    properties_to_read,
)

DEFINED = ("amount", "dealname", "hs_arr", "hs_analytics_source", "hs_lastmodifieddate", "seats", "a.b", "A.B")


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ([], []),
        (["seats"], ["seats"]),
        (["hs_*"], ["hs_analytics_source", "hs_arr", "hs_lastmodifieddate"]),
        (["hs_*", "!hs_a*"], ["hs_lastmodifieddate"]),
        (["!hs_a*", "hs_*"], ["hs_lastmodifieddate"]),
        (["hs_*", "hs_arr", "!hs_analytics_*"], ["hs_arr", "hs_lastmodifieddate"]),
        (["!hs_*"], ["A.B", "a.b", "amount", "dealname", "seats"]),
        (["?eats"], ["seats"]),
        (["a.?"], ["a.b"]),
        (["a?b"], ["a.b"]),
        (["*"], sorted(DEFINED)),
        (["*", "!*"], []),
        (["[a-z]*"], []),
        (["[!a]*", "a[.]b?"], []),
    ],
    ids=str,
)
def test_a_list_chooses(asked: list[str], names: list[str]) -> None:
    assert list(chosen(asked, DEFINED).names) == names


def test_what_matches_nothing_is_named_and_an_exclusion_need_not_match() -> None:
    choice = chosen(["seats", "saets", "custom_*", "!nothing_*", "Seats"], DEFINED)

    assert (choice.names, choice.unmatched) == (("seats",), ("saets", "custom_*", "Seats"))


def test_a_pattern_of_many_stars_is_answered_at_once() -> None:
    began = time.monotonic()

    assert chosen(["*a" * 40 + "b"], {"a" * 200}).names == ()
    assert time.monotonic() - began < 5


def test_what_the_typed_columns_come_from_is_read_whatever_is_chosen() -> None:
    for asked in (["seats"], ["!*"], []):
        assert set(properties_to_read(asked, DEFINED).names) >= set(REQUIRED_PROPERTIES)
    assert set(properties_to_read(None, DEFINED).names) == {*DEFINED, *REQUIRED_PROPERTIES}


@pytest.mark.parametrize("added", [["seats"], ["!hs_*"], ["!*"], ["hs_*", "!hs_arr"], ["saets"], ["*"], []], ids=str)
@pytest.mark.parametrize("asked", [None, ["seats", "hs_*"], ["!a.b"], []], ids=str)
def test_what_one_run_adds_never_lessens_what_is_read(asked: list[str] | None, added: list[str]) -> None:
    own, more = properties_to_read(asked, DEFINED), chosen(added, DEFINED)

    both = properties_to_read(asked, DEFINED, added)

    assert set(both.names) == {*own.names, *more.names}
    assert both.unmatched == more.unmatched


def test_names_and_patterns_that_nothing_answers_to_are_misspelt_and_exclusions_are_not() -> None:
    added = ["seats", "saets", "sea*", "my_*", "!nothing", "!my_*", "Seats", "*"]
    assert misspelt(added, DEFINED) == ["saets", "my_*", "Seats"]
    assert misspelt(REQUIRED_PROPERTIES, DEFINED) == []


def test_odd_names_are_names_but_for_those_that_no_request_can_carry() -> None:
    odd = ["a,b", '"', "'; --", "%s{}", "\\", "line\nbreak", "🦄", "\u202e", "x" * 70_000]
    definitions = [{"name": name} for name in (*DEFINED, *odd, "half \ud83d", "", None, 5)]

    assert defined_names(definitions) == {*DEFINED, *odd}
    assert set(chosen(["*"], odd).names) == set(odd)


@pytest.mark.parametrize("missing", ["dealname", "hs_lastmodifieddate"])
def test_a_list_without_what_every_portal_has_is_not_believed(missing: str) -> None:
    with pytest.raises(BadResponseError):
        defined_names([{"name": name} for name in DEFINED if name != missing])


@pytest.mark.parametrize("name", [None, 7, ["seats"], {}])
def test_a_definition_whose_name_is_none_defines_nothing(name: object) -> None:
    definitions: list[dict[str, Any]] = [{"name": each, "hubspotDefined": True} for each in DEFINED]
    definitions += [{"name": name}, {"name": "seats"}]
    assert custom_properties(definitions) == ["seats"]
    assert defined_names(definitions) == set(DEFINED)
