"""Whatever HubSpot sends, nothing of it is lost: it stands in a row's raw properties, or in the quarantined bytes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hubspot_deals.client.bodies import parse_json
from airflow_provider_hubspot_deals.client.deal_answers import DealAnswers
from airflow_provider_hubspot_deals.deals.columns import PROPERTY_PARSERS
from airflow_provider_hubspot_deals.deals.parsing import BadRecord, DealParser, DealRow
from tests.builders import MODIFIED, a_record, columns_of
from tests.strategies import json_values, unicode_text, value_like

names = st.sampled_from([*PROPERTY_PARSERS, "hs_object_id", "hs_merged_object_ids", "color"])
properties = st.dictionaries(names, st.none() | value_like | json_values, max_size=8)
deal_ids = st.integers(1, 2**63 - 1).map(str) | value_like | json_values
other_names = st.dictionaries(
    st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1), st.none() | value_like, max_size=4
)


def parse(record: dict[str, Any]) -> DealRow | BadRecord:
    page = DealParser(["color"], allow_negative_amounts=False).parse_page([record], 1)
    assert len(page.rows) + len(page.bad) == 1
    return page.rows[0] if page.rows else page.bad[0]


def sent_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def kept_text(kept: Any) -> str:
    """What a value of ``raw_properties`` was when HubSpot sent it."""
    text = json.loads(kept["_json"]) if isinstance(kept, dict) else kept
    assert isinstance(text, str)
    return text


def assert_nothing_is_lost(sent: dict[str, Any], outcome: DealRow | BadRecord) -> None:
    if isinstance(outcome, BadRecord):
        assert _set(json.loads(outcome.raw)) == _set(sent)
        return
    columns = columns_of(outcome)
    raw = json.loads(columns["raw_properties"] or "")
    assert "\\u0000" not in (columns["raw_properties"] or "").replace("\\\\", "")
    assert {name: kept_text(kept) for name, kept in raw.items()} == {
        name: sent_text(value) for name, value in sent["properties"].items() if value is not None
    }
    for name in PROPERTY_PARSERS:
        unset = sent["properties"].get(name) in (None, "")
        noted = any(issue["field"] == name for issue in json.loads(columns["_value_issues"] or "[]"))
        if name != "hs_lastmodifieddate":
            assert (columns[name] is None) == (unset or noted), name


def _set(record: dict[str, Any]) -> dict[str, Any]:
    """Without the properties that have no value."""
    return {**record, "properties": {name: value for name, value in record["properties"].items() if value is not None}}


@given(properties, deal_ids)
def test_the_exact_text_of_every_value_can_be_read_back(values: dict[str, Any], deal_id: Any) -> None:
    sent = {**a_record(**values), "id": deal_id}
    assert_nothing_is_lost(sent, parse(sent))


@given(properties, other_names)
def test_the_same_from_the_bytes_of_an_answer_on(values: dict[str, Any], others: dict[str, Any]) -> None:
    known = dict.fromkeys(sorted([*PROPERTY_PARSERS, "color"])) | {"hs_lastmodifieddate": MODIFIED}
    answers = DealAnswers()
    answers.parse(json.dumps({"results": [{**a_record(1), "properties": known}]}).encode())
    sent = {**a_record(7), "properties": {**others, **known, **values}}
    body = json.dumps({"results": [sent]}).encode()
    # A JSON number beyond 64 bits is read as a double; values of HubSpot are strings, whatever they say.
    (as_json,), (read,) = parse_json(body)["results"], answers.parse(body)["results"]
    assert_nothing_is_lost(as_json, parse(read))


@given(st.dictionaries(unicode_text, json_values), json_values)
def test_associations_and_whatever_else_is_sent_can_be_read_back(others: dict[str, Any], associations: Any) -> None:
    outcome = parse({**others, **a_record(7), "associations": associations})
    assert isinstance(outcome, DealRow)
    stored = columns_of(outcome)["associations"]
    kept = None if stored is None else json.loads(stored)
    if isinstance(kept, dict) and kept.keys() == {"_json"} and kept != associations:
        kept = json.loads(kept["_json"])
    assert kept == (associations or None)
