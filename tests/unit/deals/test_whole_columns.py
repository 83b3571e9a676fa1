"""A column taken as a whole says what the strict parser says of each of its values."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_hubspot_deals.deals import values, whole_columns
from airflow_provider_hubspot_deals.deals.columns import PROPERTY_PARSERS
from airflow_provider_hubspot_deals.deals.copy_text import NULL, escape
from airflow_provider_hubspot_deals.deals.whole_columns import Issues, copy_column
from tests.strategies import date_like, epoch_like, number_like, unicode_text

PARSERS = sorted({*PROPERTY_PARSERS.values(), values.amount}, key=lambda parse: parse.__name__)

plain_numbers = st.from_regex(r"-?[0-9]{1,17}(\.[0-9]{0,3}0{0,3})?", fullmatch=True)
plain_instants = st.from_regex(
    r"(18|19|20|21|22)[0-9]{2}-(0[0-9]|1[0-3])-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,7})?Z",
    fullmatch=True,
)
nearly_plain = plain_numbers | plain_instants | st.text("abc \\\t\n\r\0é😀\ud800", max_size=5)
anything = nearly_plain | unicode_text | number_like | date_like | epoch_like
columns = st.lists(st.none() | anything, max_size=8) | st.lists(nearly_plain, max_size=8)
each_parser = pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)

DAYS = [str(date(2023, 1, 1) + timedelta(days=number)) for number in range(365)]


def one_by_one(parse: values.Parser, column: list[str | None]) -> tuple[list[str], Issues]:
    copied, issues = [], defaultdict(list)
    for row, value in enumerate(column):
        try:
            copied.append(escape(parse(value)) if value else NULL)
        except values.ValueIssue as issue:
            copied.append(NULL)
            issues[row] = [{"field": "x", "code": str(issue)}]
    return copied, issues


@each_parser
@given(columns)
@example(["1\x002"])
@example(["a\x00", "b"])
@example(["2024-02-29T00:00:00Z", "2023-02-29T00:00:00Z", "2023-02-28T23:59:59.999999Z", "1900-04-31T00:00:00Z"])
@example(["9" * 16 + ".99", "9" * 17, "1.230", "1.234", "-0", "+1", "1.", ".5", "1e3", "\u0661"])
@example(["x" * 650, "é" * 1301])
def test_a_column_is_what_its_values_are(parse: values.Parser, column: list[str | None]) -> None:
    issues: Issues = defaultdict(list)
    assert (copy_column("x", parse, column, issues), issues) == one_by_one(parse, column)


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        (values.amount, "9" * 17),
        (values.amount, "0.001"),
        (values.numeric, "9" * 401),
        (values.numeric, f"1.{'0' * 401}"),
        (values.integer, "2147483648"),
        (values.timestamp, "2023-01-01T00:00:00.1234567Z"),
        (values.timestamp, "2023-01-01T00:00:00.Z"),
    ],
)
def test_a_character_too_many_is_left_to_the_parser(parse: values.Parser, value: str) -> None:
    issues: Issues = defaultdict(list)
    assert (copy_column("x", parse, [value, value], issues), issues) == one_by_one(parse, [value, value])


def test_every_day_of_a_year_and_no_other_is_a_day() -> None:
    times = ("00:00:00", "23:59:59", "24:00:00", "23:60:00", "23:59:60")
    days = [f"{year}-{month:02}-{day:02}" for year in (1900, 2023, 2024) for month in range(14) for day in range(33)]
    for instant in [f"{day}T00:00:00Z" for day in days] + [f"2023-01-01T{time}.5Z" for time in times]:
        issues: Issues = defaultdict(list)
        assert (copy_column("x", values.timestamp, [instant], issues), issues) == one_by_one(
            values.timestamp, [instant]
        )


@pytest.mark.parametrize(
    ("parse", "plain"),
    [
        (values.text, ["Aurora é 😀", "x" * 5000]),
        (values.indexed_text, ["presentationscheduled", "x" * 650]),
        (values.amount, ["-15575", "6975.90", "0.5", "0.05", "1.00", "9" * 16 + ".99"]),
        (values.non_negative_amount, ["15575", "6975.900000"]),
        (values.numeric, ["0.59999999999999997779553950749686919152736663818359375", "1", "-3", "0.5", "1.0"]),
        (values.numeric, ["9" * 400, f"-1.{'0' * 400}"]),
        (values.integer, ["0", "7", "123456789", "999999999"]),
        (values.timestamp, [f"{day}T00:00:00Z" for day in DAYS]),
        (values.timestamp, [f"{year}-02-28T12:00:00Z" for year in range(1900, 2200)]),
        (values.timestamp, [f"2023-04-30T{hour:02}:00:00Z" for hour in range(24)]),
        (values.timestamp, [f"2023-04-30T00:{number:02}:{number:02}Z" for number in range(60)]),
        (values.timestamp, [f"2023-04-30T00:00:00.{'9056781'[:digits]}Z" for digits in range(1, 7)]),
        (values.timestamp, ["2023-04-30T00:00:00.000Z"]),
    ],
)
def test_what_hubspot_writes_needs_no_parser(
    monkeypatch: pytest.MonkeyPatch, parse: values.Parser, plain: list[str]
) -> None:
    monkeypatch.setattr(whole_columns, "_copy_value", None)
    assert copy_column("x", parse, [*plain, None, ""], defaultdict(list)) == [*plain, NULL, NULL]


def test_issues_of_several_columns_gather_by_row() -> None:
    issues: Issues = defaultdict(list)
    copy_column("amount", values.amount, ["1", "x"], issues)
    copy_column("closedate", values.timestamp, [None, "now"], issues)
    assert issues == {1: [{"field": "amount", "code": "NOT_A_NUMBER"}, {"field": "closedate", "code": "NOT_A_DATE"}]}
