"""One record in, one row or one reason out."""

from __future__ import annotations

import json
import zlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hubspot_deals.deals import parsing, values
from airflow_provider_hubspot_deals.deals.columns import PROPERTY_PARSERS, STAGED_COLUMNS
from airflow_provider_hubspot_deals.deals.parsing import BadRecord, DealParser, DealRow
from tests.builders import MODIFIED, a_record, a_row, columns_of
from tests.strategies import json_values, unicode_text

not_finite = st.sampled_from([float("inf"), float("-inf"), float("nan")])  # what `1e999` is to some JSON readers
property_names = st.sampled_from([*PROPERTY_PARSERS, "hs_object_id", "hs_merged_object_ids", "color"]) | unicode_text
records_like_hubspots = st.fixed_dictionaries(
    {
        "id": st.just("77") | json_values,
        "properties": st.dictionaries(property_names, json_values | not_finite) | json_values,
    },
    optional={
        "updatedAt": st.just(MODIFIED) | json_values,
        "archived": st.booleans() | json_values,
        "archivedAt": st.just(MODIFIED) | json_values,
        "associations": json_values,
    },
)


def parse(record: Any, *, allow_negative_amounts: bool = False) -> DealRow | BadRecord:
    parsed = DealParser(["color"], allow_negative_amounts=allow_negative_amounts).parse_page([record], 7)
    assert len(parsed.rows) + len(parsed.bad) == 1
    return parsed.rows[0] if parsed.rows else parsed.bad[0]


def columns(row: DealRow | BadRecord) -> dict[str, str | None]:
    assert isinstance(row, DealRow), row
    return columns_of(row)


def issues(row: DealRow | BadRecord) -> Any:
    return json.loads(columns(row)["_value_issues"] or "[]")


@given(records_like_hubspots | st.dictionaries(unicode_text, json_values))
def test_no_record_is_too_odd_to_be_parsed(record: dict[str, Any]) -> None:
    parsed = parse(record)
    if isinstance(parsed, DealRow):
        assert set(columns(parsed)) == set(STAGED_COLUMNS)
    else:
        assert isinstance(json.loads(parsed.raw), dict)


@pytest.mark.parametrize("record", [None, [], "deal", 5, True], ids=repr)
def test_a_record_that_is_no_object_is_a_bad_record(record: object) -> None:
    bad = parse(record)
    assert isinstance(bad, BadRecord)
    assert (bad.reason_code, bad.deal_id_text, bad.raw) == ("BAD_RECORD", None, orjson.dumps(record))


def test_a_deal_fills_its_columns() -> None:
    row = columns(
        parse(
            a_record(
                479475667160,
                amount="3000",
                closedate="2026-05-01T00:00:00Z",
                num_associated_contacts="2",
                hs_deal_stage_probability="0.200000000000000011102230246251565404236316680908203125",
                color="red",
                hubspot_owner_id="",
            )
        )
    )
    assert (row["hubspot_deal_id"], row["hs_object_id"], row["amount"]) == ("479475667160", "479475667160", "3000")
    assert row["hs_deal_stage_probability"] == "0.200000000000000011102230246251565404236316680908203125"
    assert (row["hs_lastmodifieddate"], row["archived"], row["_page_number"]) == (MODIFIED, "f", "7")
    assert (row["custom_properties"], row["hubspot_owner_id"], row["_value_issues"]) == ('{"color":"red"}', None, None)


@pytest.mark.peer_pain(25)
@pytest.mark.parametrize("nothing", ["", None])
def test_c06_c13_unset_and_cleared_values_are_null_without_an_issue(nothing: str | None) -> None:
    row = parse(a_record(amount=nothing, closedate=nothing))
    assert (columns(row)["amount"], columns(row)["closedate"], issues(row)) == (None, None, [])


@pytest.mark.parametrize("currency", ["EUR", "XYZ", "not one", None])
def test_c12_an_amount_in_whatever_currency_is_stored_as_it_comes(currency: str | None) -> None:
    row = columns(parse(a_record(amount="12.50", deal_currency_code=currency)))
    assert (row["amount"], row["deal_currency_code"]) == ("12.50", currency)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("amount", "-5", "AMOUNT_NEGATIVE"),
        ("amount", "NaN", "NOT_A_NUMBER"),
        ("amount", "1.005", "TOO_MANY_DECIMALS"),
        ("closedate", "now", "NOT_A_DATE"),
        ("closedate", "99999999999999", "NOT_A_DATE"),
        ("dealname", "a\x00b", "NUL_CHARACTER"),
        ("dealname", "\ud800", "LONE_SURROGATE"),
        ("dealstage", "x" * 5000, "TOO_LONG"),
        ("num_associated_contacts", "1.5", "TOO_MANY_DECIMALS"),
    ],
)
def test_a_value_its_column_cannot_hold_is_null_an_issue_and_exact_in_raw(name: str, value: str, code: str) -> None:
    record = a_record()
    record["properties"][name] = value
    row = parse(record)
    assert columns(row)[name] is None
    assert issues(row) == [{"field": name, "code": code}]
    assert isinstance(row, DealRow)
    assert row.issues == 1
    stored = json.loads(columns(row)["raw_properties"] or "")[name]
    assert (json.loads(stored["_json"]) if isinstance(stored, dict) else stored) == value


def test_negative_amounts_are_kept_where_they_are_allowed() -> None:
    assert columns(parse(a_record(amount="-5"), allow_negative_amounts=True))["amount"] == "-5"


def test_only_the_first_issues_are_listed_but_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "ISSUES_MAX", 2)
    row = parse(a_record(amount="a", closedate="b", createdate="c"))
    assert isinstance(row, DealRow)
    assert (len(issues(row)), row.issues) == (2, 3)


@pytest.mark.parametrize("deal_id", ["", "0", "-1", "007", "1e3", "12a", "9223372036854775808", None, 1.5, True, []])
def test_c03_a_deal_that_cannot_be_keyed_is_a_bad_record(deal_id: object) -> None:
    record = {**a_record(), "id": deal_id}
    bad = parse(record)
    assert isinstance(bad, BadRecord)
    assert (bad.reason_code, bad.field_name, bad.page_number) == ("BAD_ID", "id", 7)
    assert json.loads(bad.raw) == record


@pytest.mark.parametrize(
    ("deal_id", "shown"), [("12a", "12a"), ("x" * 65, None), ("x" * 64, "x" * 64), ("1\n2", None), ("1\x00", None)]
)
def test_c30_only_a_short_and_printable_id_is_shown(deal_id: str, shown: str | None) -> None:
    bad = parse({**a_record(), "id": deal_id})
    assert isinstance(bad, BadRecord)
    assert bad.deal_id_text == shown


def test_c04_an_id_may_be_a_number() -> None:
    assert parse({**a_record(), "id": 5}) == parse({**a_record(), "id": "5"})


def test_b20_a_deal_without_version_is_a_bad_record() -> None:
    for version in ({"hs_lastmodifieddate": "soon"}, {"hs_lastmodifieddate": None}):
        bad = parse({**a_record(**version), "updatedAt": None})
        assert isinstance(bad, BadRecord)
        assert (bad.reason_code, bad.deal_id_text) == ("BAD_VERSION", "1")


@pytest.mark.parametrize(
    ("version", "updated_at", "expected"),
    [
        (MODIFIED, "2026-04-01T00:00:00Z", MODIFIED),
        ("soon", MODIFIED, MODIFIED),
        (None, MODIFIED, MODIFIED),
        ("soon", None, None),
        ("soon", 5, None),
        ([MODIFIED], {}, None),
    ],
)
def test_a_bad_record_says_when_it_was_modified(version: Any, updated_at: Any, expected: str | None) -> None:
    bad = parse({**a_record(deal_id="x", hs_lastmodifieddate=version), "updatedAt": updated_at})
    assert isinstance(bad, BadRecord)
    assert (bad.modified_at, bad.deal_id) == (expected, None)


@pytest.mark.parametrize("record", [None, "deal", {"id": "5", "properties": [MODIFIED]}], ids=repr)
def test_a_record_of_no_shape_was_modified_at_no_time(record: Any) -> None:
    bad = parse(record)
    assert isinstance(bad, BadRecord)
    assert bad.modified_at is None


def test_updated_at_stands_in_for_a_missing_version() -> None:
    assert columns(parse(a_record(hs_lastmodifieddate=None)))["hs_lastmodifieddate"] == MODIFIED


def test_c20_a_giant_deal_is_a_bad_record_with_its_bytes() -> None:
    bad = parse(a_record(dealname="x" * (parsing.RECORD_BYTES_MAX + 1)))
    assert isinstance(bad, BadRecord)
    assert bad.reason_code == "TOO_LARGE"
    assert len(zlib.compress(bad.raw)) < 2**20


def deep_records(depth: int) -> list[dict[str, Any]]:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return [dict(a_record(weird=value)), {**a_record(), "associations": {"companies": value}}]


def test_c24_a_deep_value_is_stored_as_its_text() -> None:
    of_a_property, of_associations = map(parse, deep_records(300))
    assert json.loads(columns(of_a_property)["raw_properties"] or "")["weird"] == "[" * 301 + "]" * 301
    assert (columns(of_associations)["associations"] or "").count("[") == 301


@pytest.mark.parametrize("depth", [5_000, 100_000])
def test_c24_what_no_library_reads_is_a_bad_record_with_its_bytes(depth: int) -> None:
    for parsed in map(parse, deep_records(depth)):
        assert isinstance(parsed, BadRecord)
        assert (parsed.reason_code, parsed.raw.count(b"[")) == ("TOO_DEEP", depth + 1)


@pytest.mark.parametrize("label", ["a\x00b", "\ud800", 2**70], ids=["nul", "surrogate", "huge"])
def test_associations_that_jsonb_refuses_are_kept_as_their_json_text(label: object) -> None:
    associations = {"companies": {"results": [{"id": "1", "type": label}]}}
    stored = columns(parse({**a_record(), "associations": associations}))["associations"] or ""
    assert json.loads(json.loads(stored)["_json"]) == associations


def test_b10_merged_ids_are_read_and_oddities_among_them_left_out() -> None:
    assert a_row(hs_merged_object_ids="5183403213;7;x;;99999999999999999999;-1").merged_ids == (5183403213, 7)
    assert a_row(hs_merged_object_ids="").merged_ids == ()


def test_an_archived_deal_says_since_when() -> None:
    row = columns(parse(a_record(archived=True)))
    assert (row["archived"], row["_deleted_at"]) == ("t", "2026-04-01T00:00:00Z")


def test_c27_archived_is_a_boolean_or_it_is_not_archived() -> None:
    row = columns(parse({**a_record(), "archived": "true"}))
    assert (row["archived"], row["_deleted_at"]) == ("f", None)


def content_hash(record: dict[str, Any], *, custom: tuple[str, ...] = ()) -> str | None:
    parsed = DealParser(custom, allow_negative_amounts=False).parse_page([record], 1)
    return columns(parsed.rows[0])["_content_hash"]


@pytest.mark.parametrize(
    "changed",
    [
        a_record(hs_forecast_amount="1"),
        a_record(dealname=""),
        a_record(archived=True),
        {**a_record(), "associations": {"companies": {"results": [{"id": "1"}]}}},
        {**a_record(archived=True), "archivedAt": "2026-05-01T00:00:00Z"},
    ],
    ids=["calculated property", "cleared", "archived", "associations", "archived later"],
)
def test_b23_whatever_changes_the_row_changes_its_hash(changed: dict[str, Any]) -> None:
    assert content_hash(changed) != content_hash(a_record())


def test_a_version_that_no_property_tells_changes_the_hash() -> None:
    before, after = ({**a_record(hs_lastmodifieddate=None), "updatedAt": f"2026-0{n}-01T00:00:00Z"} for n in (1, 2))
    assert content_hash(before) != content_hash(after)


def test_a_column_that_is_parsed_otherwise_than_before_changes_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    before = content_hash(a_record(closedate="2026-01-01"))
    monkeypatch.setattr(parsing, "PROPERTY_PARSERS", {**PROPERTY_PARSERS, "closedate": values.text})
    assert content_hash(a_record(closedate="2026-01-01")) != before


def test_the_hash_ignores_order_page_and_unset_properties() -> None:
    record = a_record(amount="5")
    other = {**record, "properties": {"color": None, **dict(reversed(record["properties"].items()))}}
    assert content_hash(record) == content_hash(other)
    assert content_hash(a_record(color="red")) != content_hash(a_record(color="red"), custom=("color",))


def test_c20_a_deal_of_eight_mebibytes_is_a_row_and_one_byte_more_is_not() -> None:
    around = len(columns(parse(a_record(dealname="")))["raw_properties"] or "")
    fits = a_record(dealname="x" * (8 * 2**20 - around))
    assert isinstance(parse(fits), DealRow)
    too_large = parse(a_record(dealname="x" * (8 * 2**20 - around + 1)))
    assert isinstance(too_large, BadRecord)
    assert too_large.reason_code == "TOO_LARGE"


def test_c30_a_row_with_an_issue_in_every_column_lists_them_all() -> None:
    record = {**a_record(archived=True), "archivedAt": "\x00"}
    record["properties"] |= dict.fromkeys([name for name in PROPERTY_PARSERS if name != "hs_lastmodifieddate"], "\x00")
    row = parse(record)
    assert isinstance(row, DealRow)
    assert (len(issues(row)), row.issues) == (20, 20)
    (row,) = DealParser([], allow_negative_amounts=False, latest_version=lambda: "2026").parse_page([record], 1).rows
    assert (len(issues(row)), row.issues) == (20, 21)


def test_a_row_says_how_new_it_is_and_whether_it_is_archived() -> None:
    assert (a_row(1).version, a_row(1).is_archived, a_row(1, archived=True).is_archived) == (MODIFIED, False, True)


def test_b20_a_deal_without_version_takes_nothing_from_its_neighbours() -> None:
    newer = "2026-03-10T00:00:00Z"
    records = [a_record(1), a_record(2, hs_lastmodifieddate="soon"), a_record(3, hs_lastmodifieddate=newer)]
    page = DealParser([], allow_negative_amounts=False).parse_page(records, 1)
    assert [(row.deal_id, row.version, columns(row)["dealname"]) for row in page.rows] == [
        (1, MODIFIED, "Deal 1"),
        (3, newer, "Deal 3"),
    ]
    assert [bad.deal_id_text for bad in page.bad] == ["2"]


def test_b20_of_a_deal_of_the_future_all_but_its_version_is_believed() -> None:
    latest, later = "2026-03-09T20:29:45", "2026-03-09T22:29:46+02:00"
    records = [
        a_record(1, hs_lastmodifieddate="2026-03-09T20:29:44Z"),
        a_record(2, hs_lastmodifieddate=later),
        a_record(3, hs_lastmodifieddate="soon"),
        a_record(4, hs_lastmodifieddate="4070908800000"),
    ]
    parser = DealParser([], allow_negative_amounts=False, latest_version=lambda: latest)
    page = parser.parse_page(records, 1)
    assert [(row.deal_id, row.version, row.issues) for row in page.rows] == [
        (1, "2026-03-09T20:29:44Z", 0),
        (2, None, 1),
        (4, None, 1),
    ]
    assert columns(page.rows[1])["hs_lastmodifieddate"] is None
    assert issues(page.rows[1]) == [{"field": "hs_lastmodifieddate", "code": "DATE_IN_FUTURE"}]
    assert json.loads(columns(page.rows[1])["raw_properties"] or "")["hs_lastmodifieddate"] == later
    assert [bad.deal_id_text for bad in page.bad] == ["3"]
