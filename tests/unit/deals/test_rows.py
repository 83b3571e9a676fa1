"""What a row says of itself beside its columns, and both ways that lead to it."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest

from airflow_provider_hubspot_deals.deals import copy_text, raw_json
from airflow_provider_hubspot_deals.deals.bad_records import UnstorableError
from airflow_provider_hubspot_deals.deals.columns import COMPARED_COLUMNS
from airflow_provider_hubspot_deals.deals.parsing import DealParser, DealRow
from airflow_provider_hubspot_deals.deals.properties import properties_type
from tests.builders import MODIFIED, a_record, a_row, columns_of

LATEST = MODIFIED


def parsed(record: Any, **more: Any) -> DealRow:
    (row,) = DealParser(["color"], allow_negative_amounts=False, **more).parse_page([record], 7).rows
    return row


def with_properties_as_an_object(record: Any) -> Any:
    properties = record["properties"]
    read = msgspec.json.decode(orjson.dumps(properties), type=properties_type(properties))
    return {**record, "properties": read}


def test_a_row_compares_by_what_it_stores() -> None:
    row = a_row(5, page_number=12)
    page = columns_of(row)
    assert row.page_number == 12
    assert row.compared == tuple(page[name] for name in COMPARED_COLUMNS)
    assert len(row.compared[-1]) == 32  # 128 bits


def test_the_record_of_a_row_is_its_id_and_what_hubspot_sent() -> None:
    row = a_row(5, dealname="a\tb\\n\n", color="red")
    sent = {"hs_lastmodifieddate": MODIFIED, "dealname": "a\tb\\n\n", "color": "red"}
    assert orjson.loads(row.record) == {"id": "5", "properties": sent}


def test_a_version_that_is_not_believed_compares_as_null() -> None:
    row = parsed(a_record(hs_lastmodifieddate="2026-03-09T20:29:45.982Z"), latest_version=lambda: LATEST)
    assert (row.version, row.compared[COMPARED_COLUMNS.index("hs_lastmodifieddate")]) == (None, "NULL")


def test_the_last_moment_that_can_be_is_believed_whatever_its_neighbours_are() -> None:
    records = [a_record(1, hs_lastmodifieddate=LATEST), a_record(2, hs_lastmodifieddate="2027-01-01T00:00:00.000Z")]
    parser = DealParser([], allow_negative_amounts=False, latest_version=lambda: LATEST)
    assert [(row.version, row.issues) for row in parser.parse_page(records, 1).rows] == [(LATEST, 0), (None, 1)]
    assert [(row.version, row.issues) for row in parser.parse_page(records[:1], 1).rows] == [(LATEST, 0)]


def test_a_deal_without_custom_properties_has_none() -> None:
    assert columns_of(parsed(a_record()))["custom_properties"] is None
    assert columns_of(parsed(with_properties_as_an_object(a_record())))["custom_properties"] is None


def test_an_issue_names_the_field_of_the_record() -> None:
    row = parsed({**a_record(archived=True), "archivedAt": "soon"})
    assert orjson.loads(columns_of(row)["_value_issues"] or "") == [{"field": "archivedAt", "code": "NOT_A_DATE"}]


def test_merged_ids_fit_bigint() -> None:
    assert a_row(hs_merged_object_ids=f"{'9' * 18};{'9' * 19}").merged_ids == (int("9" * 18),)


@pytest.mark.parametrize("name", ["a\x00b", "a\\u0000b", "a\\b", "é😀", ""])
def test_an_object_and_a_dict_make_the_same_row(name: str) -> None:
    record = a_record(dealname=name, color="red")
    assert parsed(with_properties_as_an_object(record)) == parsed(record)


def test_what_is_plain_is_written_at_once_and_what_may_hold_a_nul_is_not() -> None:
    assert raw_json.plain({"b": "é", "a": "1"}) == '{"a":"1","b":"é"}'.encode()
    assert raw_json.plain({}) == b"{}"
    assert raw_json.plain({"a": 1}) is None
    assert raw_json.may_hold_nul(rb'"\u0000"')
    assert not any(map(raw_json.may_hold_nul, (rb'"\n"', b'"u0000"', b'"a"')))


def test_keys_are_ordered_by_their_bytes() -> None:
    assert raw_json.in_order(["éa", "zzz", "zz"]) == ["zz", "zzz", "éa"]


def test_what_copy_would_take_for_its_own_is_written_out() -> None:
    assert copy_text.escape("a\\b\tc\nd\re") == r"a\\b\tc\nd\re"
    assert copy_text.escape_json(rb'"a\nb"') == rb'"a\\nb"'
    assert copy_text.unescape_json(rb'"a\\nb"') == rb'"a\nb"'


def test_a_bad_record_keeps_the_json_of_properties_that_were_read_as_an_object() -> None:
    record = {**a_record(color="red"), "id": "soon"}
    (bad,) = DealParser([], allow_negative_amounts=False).parse_page([with_properties_as_an_object(record)], 7).bad
    sent = {name: value for name, value in orjson.loads(bad.raw)["properties"].items() if value is not None}
    assert sent == record["properties"]
    assert (bad.deal_id_text, bad.field_name) == ("soon", "id")


def test_a_verdict_says_its_code() -> None:
    assert str(UnstorableError("TOO_DEEP")) == "TOO_DEEP"
