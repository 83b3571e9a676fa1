"""Values of HubSpot against the grammar of their columns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hubspot_deals.deals import values
from airflow_provider_hubspot_deals.deals.values import ValueIssue
from tests.strategies import value_like

PARSERS = [
    values.text,
    values.indexed_text,
    values.amount,
    values.non_negative_amount,
    values.numeric,
    values.integer,
    values.timestamp,
    values.object_id,
]
CODES = {
    "NUL_CHARACTER",
    "LONE_SURROGATE",
    "TOO_LONG",
    "NOT_A_NUMBER",
    "NUMBER_TOO_LARGE",
    "TOO_MANY_DECIMALS",
    "AMOUNT_NEGATIVE",
    "NOT_A_DATE",
    "DATE_OUT_OF_RANGE",
    "BAD_ID",
}


def issue_of(parse: Callable[[Any], str], value: object) -> str | None:
    """The code of the issue that a value is, None for one that its column can hold."""
    try:
        parse(value)
    except ValueIssue as issue:
        return str(issue)
    return None


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@given(value=value_like)
def test_every_parser_answers_or_names_one_of_the_known_issues(parse: values.Parser, value: str) -> None:
    code = issue_of(parse, value)
    assert code in CODES or (code is None and isinstance(parse(value), str))


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("3000", "3000"),
        ("5000.00", "5000.00"),
        ("0.1", "0.1"),
        ("7.5000000", "7.5000000"),
        ("1.050", "1.050"),
        ("-12.34", "-12.34"),
        ("9999999999999999.99", "9999999999999999.99"),
        ("1e3", "1000.00"),
        ("1.5E+2", "150.00"),
        ("+5", "5.00"),
        ("5.", "5.00"),
        (".5", "0.50"),
        (".05", "0.05"),
        ("-0", "-0"),
    ],
)
def test_amounts_keep_every_cent(written: str, stored: str) -> None:
    assert values.amount(written) == stored


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("1.005", "TOO_MANY_DECIMALS"),
        ("1e-3", "TOO_MANY_DECIMALS"),
        ("0.00000000000000000000000000000000000000001", "TOO_MANY_DECIMALS"),
        ("10000000000000000", "NUMBER_TOO_LARGE"),
        ("1e16", "NUMBER_TOO_LARGE"),
        ("1e131071", "NOT_A_NUMBER"),  # c09: five digits of exponent are no number of HubSpot's
        ("1e999", "NUMBER_TOO_LARGE"),
        *((word, "NOT_A_NUMBER") for word in ("NaN", "Infinity", "-inf", "abc", "1,000.00", "1.000,00", "€5", " 5")),
        *((word, "NOT_A_NUMBER") for word in ("0x10", "1_000", "١٢", "\uff15", "5\n", "--5", "1e", ".", "+", "1.2.3")),
    ],
)
def test_c05_to_c11_amounts_that_are_no_money_are_issues(written: str, code: str) -> None:
    assert issue_of(values.amount, written) == code


@pytest.mark.parametrize("written", ["-0.01", "-1e2", "-9999999999999999.99"])
def test_c08_a_negative_amount_is_an_issue_where_it_is_refused(written: str) -> None:
    assert Decimal(values.amount(written)) < 0
    assert issue_of(values.non_negative_amount, written) == "AMOUNT_NEGATIVE"


@pytest.mark.parametrize("written", ["-0", "-0.00", "-0e5", "0"])
def test_minus_zero_is_not_negative(written: str) -> None:
    assert Decimal(values.non_negative_amount(written)) == 0


@given(st.decimals(min_value=-(10**15), max_value=10**15, places=2))
def test_every_amount_in_cents_survives(money: Decimal) -> None:
    assert Decimal(values.amount(str(money))) == money


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_that_hubspot_expands_is_a_number_without_loss(number: float) -> None:
    assert Decimal(values.numeric(repr(number))) == Decimal(repr(number))
    expanded = f"{Decimal(number):f}"
    if len(expanded) < 300:
        assert values.numeric(expanded) == expanded


@pytest.mark.parametrize(
    ("written", "stored"), [("12", "12"), ("12.0", "12"), ("1e3", "1000"), ("-3", "-3"), ("2147483647", "2147483647")]
)
def test_whole_numbers_fit_integer(written: str, stored: str) -> None:
    assert values.integer(written) == stored


@pytest.mark.parametrize(
    ("written", "code"), [("1.5", "TOO_MANY_DECIMALS"), ("2147483648", "NUMBER_TOO_LARGE"), ("many", "NOT_A_NUMBER")]
)
def test_other_numbers_do_not(written: str, code: str) -> None:
    assert issue_of(values.integer, written) == code


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2019-10-30T03:30:17.883Z", datetime(2019, 10, 30, 3, 30, 17, 883_000, tzinfo=UTC)),
        ("2023-01-15T05:00:00Z", datetime(2023, 1, 15, 5, tzinfo=UTC)),
        ("2023-01-15", datetime(2023, 1, 15, tzinfo=UTC)),
        ("2023-01-15T05:00", datetime(2023, 1, 15, 5, tzinfo=UTC)),
        ("2023-01-15 05:00:00", datetime(2023, 1, 15, 5, tzinfo=UTC)),
        ("2023-01-15T05:00:00+14:00", datetime(2023, 1, 14, 15, tzinfo=UTC)),
        ("2023-01-15T05:00:00+23:59", datetime(2023, 1, 14, 5, 1, tzinfo=UTC)),
        ("2023-01-15T05:00:00.100200300+00:00", datetime(2023, 1, 15, 5, 0, 0, 100_200, tzinfo=UTC)),
        ("2023-01-15T05:00:00-0530", datetime(2023, 1, 15, 10, 30, tzinfo=UTC)),
        ("2023-01-15T05:00:00.123456789Z", datetime(2023, 1, 15, 5, 0, 0, 123_456, tzinfo=UTC)),
        ("1700000000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("-1000000000", datetime(1969, 12, 20, 10, 13, 20, tzinfo=UTC)),
    ],
)
def test_c14_c17_times_in_every_spelling_mean_one_instant(written: str, instant: datetime) -> None:
    assert datetime.fromisoformat(values.timestamp(written)) == instant


@pytest.mark.parametrize(
    ("written", "code"),
    [
        *((word, "NOT_A_DATE") for word in ("now", "today", "infinity", "epoch", "tomorrow", "1", "2024-1-1")),
        *((word, "NOT_A_DATE") for word in ("2024-02-30", "2024-01-01T00:00:60Z", "0000-01-01", "2024-01-01T25:00Z")),
        *((word, "NOT_A_DATE") for word in ("10000-01-01", "2024-01-01Z", "2024-01-01T00:00:00+99:00", "12/31/2024")),
        *((word, "NOT_A_DATE") for word in ("99999999999999", "-99999999999999", "٢٠٢٤-01-01")),
        *((word, "DATE_OUT_OF_RANGE") for word in ("0001-01-01", "1899-12-31", "2201-01-01", "9999-12-31T23:59:59Z")),
        *((word, "DATE_OUT_OF_RANGE") for word in ("9999999999999", "-9999999999999")),
    ],
)
def test_c15_c16_other_times_are_issues(written: str, code: str) -> None:
    assert issue_of(values.timestamp, written) == code


@pytest.mark.parametrize("written", ["a\x00b", "\ud800", "\udfff tail", "😀\ud83d"])
def test_c01_c02_text_that_postgresql_refuses_is_an_issue(written: str) -> None:
    with pytest.raises(ValueIssue):
        values.text(written)


@pytest.mark.parametrize(
    "written", ["", "<script>", "=1+1", "\x1b[31m", "😀", "\ufffd\ufeff\u200b\u2028", "a\tb\nc\\N\\.", "x" * 2**20]
)
def test_c26_c28_any_other_text_is_kept_as_it_is(written: str) -> None:
    assert values.text(written) == written


def test_c18_text_of_an_indexed_column_ends_before_the_index_refuses_it() -> None:
    assert values.indexed_text("é" * 1300) == "é" * 1300
    assert issue_of(values.indexed_text, "é" * 1301) == "TOO_LONG"
    assert issue_of(values.indexed_text, "x\x00") == "NUL_CHARACTER"


@pytest.mark.parametrize("written", ["1", "9223372036854775807", 5])
def test_ids_are_text_or_numbers(written: object) -> None:
    assert values.object_id(written) == str(written)


@pytest.mark.parametrize(
    "written", ["", "0", "007", "-1", "1e3", "12a", "9223372036854775808", "\uff11", "1 ", None, 1.0, True, -1, [], {}]
)
def test_c03_everything_else_is_no_id(written: object) -> None:
    assert issue_of(values.object_id, written) == "BAD_ID"


@pytest.mark.parametrize(
    ("parse", "last", "first_refused", "code"),
    [
        (values.numeric, "9" * 400, "9" * 401, "NOT_A_NUMBER"),
        (values.numeric, f"1.{'0' * 400}", f"1.{'0' * 401}", "NOT_A_NUMBER"),
        (values.numeric, f".{'1' * 400}", f".{'1' * 401}", "NOT_A_NUMBER"),
        (values.numeric, "1e400", "1e401", "NUMBER_TOO_LARGE"),
        (values.numeric, "1e-400", "1e-401", "NUMBER_TOO_LARGE"),
        (values.numeric, "1e0400", "1e00400", "NOT_A_NUMBER"),
        (values.amount, "9" * 16, "9" * 17, "NUMBER_TOO_LARGE"),
        (values.amount, "-9999999999999999.99", "-10000000000000000", "NUMBER_TOO_LARGE"),
        (values.amount, "0.01", "0.001", "TOO_MANY_DECIMALS"),
        (values.non_negative_amount, "0.00", "-0.01", "AMOUNT_NEGATIVE"),
        (values.integer, "2147483647", "2147483648", "NUMBER_TOO_LARGE"),
        (values.integer, "-2147483647", "-2147483649", "NUMBER_TOO_LARGE"),
        (values.timestamp, "1900-01-01T00:00:00Z", "1899-12-31T23:59:59Z", "DATE_OUT_OF_RANGE"),
        (values.timestamp, "2200-12-31T23:59:59Z", "2201-01-01T00:00:00Z", "DATE_OUT_OF_RANGE"),
        (values.timestamp, "100000000", "10000000", "NOT_A_DATE"),
        (values.timestamp, "1700000000000", "17000000000000", "NOT_A_DATE"),
        (values.timestamp, "2024-01-01T00:00:00.123456789Z", "2024-01-01T00:00:00.1234567890Z", "NOT_A_DATE"),
        (values.indexed_text, "x" * 2_600, "x" * 2_601, "TOO_LONG"),
        (values.object_id, "9223372036854775807", "9223372036854775808", "BAD_ID"),
    ],
)
def test_each_limit_holds_to_the_last_character(parse: values.Parser, last: str, first_refused: str, code: str) -> None:
    assert issue_of(parse, last) is None
    assert issue_of(parse, first_refused) == code
