"""Tables and JSON of the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hubspot_deals.cli.printing import _clean, complain, say, show_fields, show_rows

ID = UUID("11111111-2222-4333-8444-555555555555")
MOMENT = datetime(2026, 11, 21, 9, 30, tzinfo=timezone(timedelta(hours=1)))
ROW: dict[str, Any] = {
    "id": ID,
    "deals": 1234567,
    "at": MOMENT,
    "none": None,
    "on": True,
    "seconds": 1.25,
    "names": ["a"],
}
COLUMNS = dict.fromkeys(ROW, "")


def test_people_get_times_in_utc_and_numbers_with_commas(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([ROW], {name: name for name in ROW}, "table")
    printed = capsys.readouterr().out
    for word in (str(ID), "1,234,567", "2026-11-21 08:30:00", "yes", "1.2"):
        assert word in printed


def test_scripts_get_numbers_as_numbers_and_nothing_as_null(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([ROW], {"id": "id"}, "json")
    (row,) = json.loads(capsys.readouterr().out)
    assert row == {**ROW, "id": str(ID), "at": "2026-11-21T09:30:00+01:00"}


def test_no_rows_are_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([], {"id": "id"}, "json")
    assert json.loads(capsys.readouterr().out) == []


def test_fields_without_a_value_are_left_out_for_people_only(capsys: pytest.CaptureFixture[str]) -> None:
    show_fields(ROW, "table")
    assert "none" not in capsys.readouterr().out
    show_fields(ROW, "json")
    assert json.loads(capsys.readouterr().out)["none"] is None


@pytest.mark.parametrize("hostile", ["\x1b[2J\x1b]0;title\x07", "[red]text[/red]", "[/", "a\x9bb", "\u202egnp"])
def test_what_a_database_holds_commands_no_terminal(hostile: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([{"name": hostile}], {"name": "name"}, "table")
    show_fields({"name": hostile}, "table")
    say(hostile)
    complain(hostile)
    printed = capsys.readouterr()
    assert not set("\x1b\x07\x9b\u202e") & set(printed.out + printed.err)
    if hostile.startswith("[red]"):
        assert hostile in printed.out


@given(st.text())
def test_cleaning_keeps_what_can_be_printed(text: str) -> None:
    assert [one for one in _clean(text) if one.isprintable()] == [
        one if one.isprintable() else "\ufffd" for one in text if one != "\n"
    ]


def test_times_of_the_database_are_utc() -> None:
    assert MOMENT.astimezone(UTC).hour == 8
