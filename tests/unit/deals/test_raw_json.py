"""The JSON that jsonb keeps, and that nothing HubSpot sent is lost in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hubspot_deals.deals import raw_json
from tests.strategies import json_values, unicode_text


def written(properties: dict[str, Any]) -> Any:
    """What jsonb would hold."""
    return json.loads(raw_json.plain(properties) or raw_json.dumps_properties(raw_json.storable(properties)))


def original(stored: object) -> object:
    """What HubSpot sent for a stored value."""
    return json.loads(stored["_json"]) if isinstance(stored, dict) else stored


def deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = [value]
    return value


@given(st.dictionaries(unicode_text, unicode_text, max_size=6))
def test_c01_c02_exact_text_can_be_read_back_with_nul_and_lone_surrogates(properties: dict[str, str]) -> None:
    assert sorted(map(original, written(properties).values()), key=repr) == sorted(properties.values(), key=repr)


@given(st.dictionaries(unicode_text, json_values, max_size=6))
def test_the_text_holds_nothing_that_jsonb_refuses(properties: dict[str, Any]) -> None:
    assert not any(half in json.dumps(written(properties), ensure_ascii=False) for half in ("\x00", "\ud800", "\udfff"))


@given(st.dictionaries(unicode_text, unicode_text, max_size=6))
def test_plain_text_is_what_the_slower_way_would_write(properties: dict[str, str]) -> None:
    assert raw_json.plain(properties) in {None, raw_json.dumps_properties(raw_json.storable(properties))}


def test_c25_a_value_that_is_no_string_is_kept_as_its_canonical_json() -> None:
    stored = written({"flag": True, "number": 5, "object": {"b": 1, "a": [None, "x"]}})
    assert stored == {"flag": "true", "number": "5", "object": '{"a":[null,"x"],"b":1}'}


def test_a_written_backslash_u0000_is_no_nul() -> None:
    assert written({"dealname": r"\u0000"}) == {"dealname": r"\u0000"}


def test_equal_properties_in_another_order_give_equal_text() -> None:
    assert raw_json.plain({"a": "1", "b": "2"}) == raw_json.plain({"b": "2", "a": "1"})


def test_c23_names_that_differ_in_case_stay_apart() -> None:
    assert written({"Name": "a", "name": "b"}) == {"Name": "a", "name": "b"}


@given(st.dictionaries(unicode_text, json_values, min_size=1))
def test_nested_values_are_fit_for_jsonb_and_can_be_read_back(value: dict[str, Any]) -> None:
    text = raw_json.nested(value)
    stored = json.loads(text)
    assert "\\u0000" not in text.replace(r"\\u0000", "")
    assert stored == value or json.loads(stored["_json"]) == value


@given(json_values)
def test_any_depth_is_written_as_the_library_would(value: object) -> None:
    assert json.loads(raw_json.bottomless(value)) == value


def test_c24_depth_beyond_the_libraries_is_written_all_the_same() -> None:
    assert raw_json.bottomless(deep(100_000)) == "[" * 100_000 + '"bottom"' + "]" * 100_000


def test_c24_depth_beyond_the_libraries_is_no_property() -> None:
    with pytest.raises(RecursionError):
        raw_json.storable({"deep": deep(100_000)})
