"""Whatever a parser lets through, PostgreSQL takes, and gives back exactly."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from airflow_provider_hubspot_deals import loading, sql
from airflow_provider_hubspot_deals.deals import raw_json, values
from airflow_provider_hubspot_deals.deals.columns import PROPERTY_PARSERS
from airflow_provider_hubspot_deals.deals.parsing import DealParser, DealRow
from tests.builders import a_record, a_row, columns_of
from tests.integration.tenant import Tenant, tables_of
from tests.strategies import date_like, epoch_like, json_values, number_like, unicode_text

TEXT_COLUMNS = [name for name, parse in PROPERTY_PARSERS.items() if parse in (values.text, values.indexed_text)]
NASTY_TEXTS = [
    'O\'Brien "& Sons"; DROP TABLE jobs; --',
    "100% %s %(x)s {} {schema} $1 :name",
    "\\N",
    "\\.",
    "\\",
    "a\\\\tb",
    "tab\there",
    "line\nfeed\rreturn\r\nboth\vvertical\fform",
    " leading and trailing ",
    "😀👨‍👩‍👧 العربية \u202e\u200b\ufeff\ufffd\u0085\u2028",
    "\x01\x07\x1b[31m\x7f",
    "NULL",
    "é" * 300,
]
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)  # PostgreSQL names the value; minutes of COPY add nothing

FUTURE = "2150-01-01T00:00:00Z"
HARD_NUMBERS = ["5.", ".5", "+5", "-0", "1e400", "1e-400", "9" * 400, f"0.{'0' * 399}1", "1.5E+2", f"1.{'0' * 20_000}"]
HARD_TIMES = ["1900-01-01", "2200-12-31T23:59:59.999999Z", "2024-02-29T00:00:00+23:59", "1900-01-01T00:00:00+2359"]


def strategy_of(parse: values.Parser) -> st.SearchStrategy[Any]:
    if parse in (values.text, values.indexed_text):
        return unicode_text | st.sampled_from(NASTY_TEXTS) | json_values
    if parse is values.timestamp:
        return date_like | epoch_like | st.sampled_from(HARD_TIMES)
    return number_like | epoch_like | st.sampled_from(HARD_NUMBERS)


typed_values = st.fixed_dictionaries(
    {}, optional={name: strategy_of(parse) for name, parse in PROPERTY_PARSERS.items()}
)
hard_records = st.builds(
    lambda typed, other, associations: {**a_record(**{**other, **typed}), "associations": associations},
    typed_values,
    st.dictionaries(unicode_text.filter(lambda name: name not in {"deal_id", "archived"}), json_values, max_size=3),
    json_values,
)


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def parsed(records: list[dict[str, Any]], *, allow_negative_amounts: bool) -> list[DealRow]:
    """The rows among ``records``, each with an id of its own."""
    parser = DealParser(["color"], allow_negative_amounts=allow_negative_amounts)
    return parser.parse_page(({**record, "id": str(number)} for number, record in enumerate(records, start=1)), 1).rows


@pytest.mark.parametrize("allow_negative_amounts", [False, True])
def test_every_value_that_a_parser_accepts_is_accepted_by_its_column(
    acme: Tenant, *, allow_negative_amounts: bool
) -> None:
    job = acme.claim(allow_negative_amounts=allow_negative_amounts)
    with acme.connect() as connection:

        @settings(max_examples=60, deadline=None, phases=NO_SHRINKING)
        @given(st.lists(hard_records, min_size=1, max_size=20))
        def store(records: list[dict[str, Any]]) -> None:
            rows = parsed(records, allow_negative_amounts=allow_negative_amounts)
            with sql.transaction(connection):
                assert loading.store(connection, tables_of(job), job.keys, rows).inserted == len(rows)
                raise psycopg.Rollback

        store()


@pytest.mark.peer_pain(25)
@pytest.mark.parametrize("name", [name for name, parse in PROPERTY_PARSERS.items() if name != "hs_lastmodifieddate"])
def test_every_hard_value_is_stored_or_an_issue(acme: Tenant, name: str) -> None:
    hard = [*NASTY_TEXTS, *HARD_NUMBERS, *HARD_TIMES, "9" * 15, "x" * 65_536, "NaN", "infinity", "now"]
    rows = parsed([a_record(**{name: value}) for value in hard], allow_negative_amounts=False)  # type: ignore[arg-type]  # names of properties
    acme.store(acme.claim(), *rows)
    stored = acme.deals()
    assert len(stored) == len(hard)
    for number, value in enumerate(hard, start=1):
        row = stored[number]
        assert (row[name] is None) == (row["_value_issues"] is not None), value
        assert row["raw_properties"][name] == value


def test_c22_every_text_column_gives_back_exactly_what_it_was_given(acme: Tenant) -> None:
    rows = [
        a_row(number, **dict.fromkeys(TEXT_COLUMNS, text))  # type: ignore[arg-type]  # names of properties
        for number, text in enumerate(NASTY_TEXTS, start=1)
    ]
    acme.store(acme.claim(), *rows)
    stored = acme.deals()
    for number, text in enumerate(NASTY_TEXTS, start=1):
        assert {stored[number][column] for column in TEXT_COLUMNS} == {text}
        assert stored[number]["raw_properties"]["dealname"] == text


def test_c22_a_property_may_have_any_name(acme: Tenant) -> None:
    names = [*NASTY_TEXTS, "", "DEALNAME", "x" * 200]
    parser = DealParser(names, allow_negative_amounts=False)
    record = a_record()
    record["properties"] |= dict.fromkeys(names, "value")
    acme.store(acme.claim(), *parser.parse_page([record], 1).rows)
    assert acme.deal()["custom_properties"] == dict.fromkeys(names, "value")


def test_properties_are_written_in_the_order_in_which_jsonb_keeps_them(acme: Tenant) -> None:
    with acme.connect() as connection:

        @settings(max_examples=100, deadline=None, phases=NO_SHRINKING)
        @given(st.sets(unicode_text))
        def compare(names: set[str]) -> None:
            properties = raw_json.storable(dict.fromkeys(names, "value"))
            kept = connection.execute("SELECT %s::jsonb", [json.dumps(properties)]).fetchone()
            assert kept
            assert [*json.loads(raw_json.dumps_properties(properties))] == [*kept[0]]

        compare()


@pytest.mark.parametrize("name", ["raw_properties", "custom_properties"])
def test_what_is_copied_into_jsonb_comes_in_its_order(acme: Tenant, name: str) -> None:
    colors = {f"color_{number}": "red" for number in range(12)}
    record = a_record()
    record["properties"] |= colors
    row = DealParser(colors, allow_negative_amounts=False).parse_page([record], 1).rows[0]
    acme.store(acme.claim(), row)
    assert [*json.loads(columns_of(row)[name] or "")] == [*acme.deal()[name]]


@pytest.mark.peer_pain(23, 24)
def test_c21_c23_properties_that_differ_in_case_or_behind_63_bytes_only_stay_apart(acme: Tenant) -> None:
    long = "a_name_as_long_as_an_identifier_of_postgresql_may_be_and_longer_"
    names = ["Region", "region", "REGION", f"{long}1", f"{long}2", "_content_hash", "hubspot_deal_id"]
    parser = DealParser(names, allow_negative_amounts=False)
    record = a_record()
    record["properties"] |= {name: f"value of {name}" for name in names}
    acme.store(acme.claim(), *parser.parse_page([record], 1).rows)
    assert len(long) > 63
    assert acme.deal()["custom_properties"] == {name: f"value of {name}" for name in names}


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "tail \udfff"])
def test_c01_c02_what_postgresql_refuses_can_be_read_back_from_raw(acme: Tenant, text: str) -> None:
    acme.store(acme.claim(), a_row(1, dealname=text, color=text))
    row = acme.deal()
    assert row["dealname"] is None
    for stored in (row["raw_properties"]["dealname"], row["custom_properties"]["color"]):
        assert json.loads(stored["_json"]) == text


def test_c18_a_megabyte_of_text_is_stored_whole(acme: Tenant) -> None:
    text = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(2**20 // 3))  # does not compress well
    acme.store(acme.claim(), a_row(1, dealname=text, dealstage=text, pipeline=text))
    row = acme.deal()
    assert row["dealname"] == row["raw_properties"]["dealstage"] == text
    assert (row["dealstage"], row["pipeline"]) == (None, None)
    assert {issue["code"] for issue in row["_value_issues"]} == {"TOO_LONG"}


def test_c18_the_longest_indexed_text_fits_its_index(acme: Tenant) -> None:
    text = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(values.INDEXED_BYTES_MAX // 3))
    acme.store(acme.claim(), a_row(1, dealstage=text, pipeline=text))
    assert acme.deal()["dealstage"] == text


def test_c24_deep_values_are_stored_as_text(acme: Tenant) -> None:
    deep: Any = "bottom"
    for _ in range(300):
        deep = {"deeper": deep}
    record = {**a_record(weird=deep), "associations": deep}
    acme.store(acme.claim(), *DealParser([], allow_negative_amounts=False).parse_page([record], 1).rows)
    stored = acme.deal()
    assert json.loads(stored["raw_properties"]["weird"]) == json.loads(stored["associations"]["_json"]) == deep


def test_d26_hostile_settings_of_the_role_change_nothing(acme: Tenant) -> None:
    job = acme.claim()
    with acme.connect() as connection:
        for setting in ("TimeZone = 'Asia/Tokyo'", "DateStyle = 'SQL, DMY'", "search_path = 'pg_temp'"):
            connection.execute(f"SET {setting}")
        with sql.transaction(connection):
            loading.store(
                connection, tables_of(job), job.keys, [a_row(1, closedate="2026-03-04", createdate="2026-03-04T05:00")]
            )
    row = acme.deal()
    assert row["closedate"].timestamp() == 1_772_582_400
    assert row["createdate"].timestamp() == 1_772_600_400


def a_row_of_the_future(deal_id: int, **properties: Any) -> DealRow:
    parser = DealParser([], allow_negative_amounts=False, latest_version=lambda: "2026-03-10")
    return parser.parse_page([a_record(deal_id, hs_lastmodifieddate=FUTURE, **properties)], 1).rows[0]


def test_b20_a_deal_of_which_nobody_knows_how_new_it_is_replaces_any_and_is_replaced_by_any(acme: Tenant) -> None:
    job = acme.claim()
    acme.store(job, a_row(1, dealname="known"))
    later = {
        "of the future": a_row_of_the_future(1, dealname="of the future"),
        "of the future still": a_row_of_the_future(1, dealname="of the future still"),
        "older": a_row(1, dealname="older", hs_lastmodifieddate="2020-01-01T00:00:00Z"),
    }
    for name, row in later.items():
        assert (acme.store(job, row).updated, acme.store(job, row).unchanged) == (1, 1)
        assert acme.deal()["dealname"] == name
        assert (acme.deal()["hs_lastmodifieddate"] is None) == (row.version is None)


@pytest.mark.parametrize("known_first", [False, True])
def test_b20_within_a_batch_a_version_that_is_known_is_newer(acme: Tenant, *, known_first: bool) -> None:
    rows = [a_row(1, dealname="known"), a_row_of_the_future(1, dealname="of the future")]
    written = acme.store(acme.claim(), *(rows if known_first else reversed(rows)))
    assert (written.inserted, written.duplicate) == (1, 1)
    assert acme.deal()["dealname"] == "known"


def test_c04_the_same_id_as_text_and_as_number_is_one_row(acme: Tenant) -> None:
    records = [a_record("5", dealname="text"), {**a_record(dealname="number"), "id": 5}]
    page = DealParser([], allow_negative_amounts=False).parse_page(records, 1)
    written = acme.store(acme.claim(), *page.rows)
    assert (written.inserted, written.duplicate, page.bad) == (1, 1, [])
    assert {deal_id: deal["dealname"] for deal_id, deal in acme.deals().items()} == {5: "number"}


def test_c12_c27_c28_what_is_odd_and_no_mistake_is_stored_as_it_comes(acme: Tenant) -> None:
    odd = "\ufeff\u200bA\ufffd😀"
    record = {**a_record(dealname=odd, amount="1.50", deal_currency_code="XYZ"), "archived": "true"}
    acme.store(acme.claim(), *DealParser([], allow_negative_amounts=False).parse_page([record], 1).rows)
    deal = acme.deal()
    assert (deal["dealname"], deal["raw_properties"]["dealname"]) == (odd, odd)
    assert (str(deal["amount"]), deal["deal_currency_code"]) == ("1.50", "XYZ")
    assert (deal["archived"], deal["_deleted_reason"], deal["_value_issues"]) == (False, None, None)
