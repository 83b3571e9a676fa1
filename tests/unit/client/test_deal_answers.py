"""However an answer is decoded, the rows made from it are the same."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_hubspot_deals.client.bodies import parse_json
from airflow_provider_hubspot_deals.client.deal_answers import DealAnswers
from airflow_provider_hubspot_deals.deals.columns import REQUIRED_PROPERTIES
from airflow_provider_hubspot_deals.deals.parsing import DealParser, ParsedPage
from airflow_provider_hubspot_deals.deals.properties import Properties
from tests.builders import MODIFIED, a_record
from tests.strategies import json_values, value_like

NAMES = sorted({*REQUIRED_PROPERTIES, "color"})
FIRST = {**a_record(), "properties": {**dict.fromkeys(NAMES), "hs_lastmodifieddate": MODIFIED}}

values = st.none() | value_like
records = st.builds(
    lambda properties, others: {**FIRST, "properties": {**FIRST["properties"], **properties}, **others},
    st.dictionaries(st.sampled_from(NAMES), values | json_values, max_size=4)
    | st.dictionaries(st.sampled_from([*NAMES, "new", 'odd"name']), values, max_size=4),
    st.fixed_dictionaries(
        {},
        optional={
            "id": st.just("77") | json_values,
            "archived": st.booleans() | json_values,
            "archivedAt": st.just(MODIFIED) | json_values,
            "updatedAt": json_values,
            "associations": json_values,
            "properties": json_values,
        },
    ),
)

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # types are made for each example


def body(*found: Any, **rest: Any) -> bytes:
    return json.dumps({"results": found, **rest}).encode()


def after_first(first: object = FIRST) -> DealAnswers:
    """What has learnt the properties from an answer with one record."""
    answers = DealAnswers()
    answers.parse(body(first))
    return answers


def rows(payload: Any) -> ParsedPage:
    return DealParser(["color"], allow_negative_amounts=False).parse_page(payload["results"], 1)


def is_decoded(payload: Any) -> bool:
    return all(isinstance(record["properties"], Properties) for record in payload["results"])


@PATIENT
@given(st.lists(records, max_size=3))
def test_rows_and_bad_records_are_those_of_any_json(found: list[Any]) -> None:
    answer = body(*found)
    plain, decoded = rows(parse_json(answer)), rows(after_first().parse(answer))
    assert decoded.rows == plain.rows
    assert [bad.reason_code for bad in decoded.bad] == [bad.reason_code for bad in plain.bad]


@PATIENT
@given(st.dictionaries(st.sampled_from(NAMES), values, max_size=5), st.sampled_from(["0", "", "12a"]))
def test_a_bad_record_keeps_everything_that_was_sent(properties: dict[str, str | None], deal_id: str) -> None:
    record = {**FIRST, "id": deal_id, "properties": {**FIRST["properties"], **properties}}
    (bad,) = rows(after_first().parse(body(record))).bad
    assert json.loads(bad.raw) == record


def test_after_the_first_answer_properties_are_decoded_without_a_dict() -> None:
    answers = DealAnswers()
    assert [is_decoded(answers.parse(body(FIRST, FIRST))) for _ in range(3)] == [False, True, True]


def test_an_answer_without_deals_teaches_nothing() -> None:
    answers = after_first({"id": "1"})
    assert not is_decoded(answers.parse(body(FIRST)))
    assert is_decoded(answers.parse(body(FIRST)))


@pytest.mark.parametrize(
    "learnt", [NAMES, NAMES[::-1], [*NAMES[5:], *NAMES[:5]]], ids=["by name", "backwards", "from the middle"]
)
@PATIENT
@given(records, st.randoms())
def test_the_order_of_properties_makes_no_difference(learnt: list[str], record: dict[str, Any], random: Random) -> None:
    properties = record["properties"]
    if isinstance(properties, dict):
        names = random.sample([*properties], len(properties))
        properties = {name: properties[name] for name in names}
    answers = after_first({**FIRST, "properties": {name: FIRST["properties"][name] for name in learnt}})
    shuffled = answers.parse(body({**record, "properties": properties}))
    assert rows(shuffled).rows == rows(parse_json(body(record))).rows
    assert is_decoded(answers.parse(body(FIRST)))


def test_a_name_that_no_object_can_have_leaves_everything_to_the_reader_of_any_json() -> None:
    odd = {**FIRST, "properties": {**FIRST["properties"], 'odd"name': "x"}}
    assert not is_decoded(after_first(odd).parse(body(odd)))


@pytest.mark.parametrize(
    "odd",
    [{"new": "x"}, {"amount": 5}, {"dealname": "half \ud83d"}, {"dealname": {"deep": [1]}}],
    ids=["unknown property", "number", "half an emoji", "object"],
)
def test_one_odd_answer_is_read_as_any_json_and_the_next_decoded_again(odd: dict[str, Any]) -> None:
    answers = after_first()
    answer = body({**FIRST, "properties": {**FIRST["properties"], **odd}})
    assert answers.parse(answer) == parse_json(answer)
    assert is_decoded(answers.parse(body(FIRST)))


def test_the_rest_of_an_answer_is_kept() -> None:
    rest = {"paging": {"next": {"after": "5", "link": "x"}}, "total": 7, "status": "COMPLETE", "errors": [{"a": 1}]}
    payload = after_first().parse(body(FIRST, **rest))
    assert {name: payload[name] for name in rest} == rest


@pytest.mark.parametrize("broken", [b"", b"{", b"[1]x", b'{"results":[{"id":"1"}]}\xff', b"NaN", b"<html>"])
def test_what_is_no_json_is_refused_before_and_after(broken: bytes) -> None:
    for answers in (DealAnswers(), after_first()):
        with pytest.raises(ValueError, match="no complete JSON"):
            answers.parse(broken)


def test_another_shape_is_left_to_the_reader_of_the_answer() -> None:
    shapes: list[Any] = [{}, [], "x", {"results": 5}, {"results": ["x"]}, {"results": [{"properties": 5}]}]
    for payload in shapes:
        for answers in (DealAnswers(), after_first()):
            assert answers.parse(json.dumps(payload).encode()) == payload
