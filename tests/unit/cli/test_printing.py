"""Tables and JSON of the command line."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hubspot_deals.cli.commands.jobs import _COLUMNS as OF_JOBS
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


def on_a_terminal(width: int, row: dict[str, Any], columns: dict[str, str]) -> list[str]:
    """What a person sees of one row in a window of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    program = f"from {show_rows.__module__} import show_rows; show_rows([{row!r}], {columns!r}, 'table')"
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    environment |= {"TERM": "xterm", "NO_COLOR": "1"}
    subprocess.run([sys.executable, "-c", program], stdout=theirs, check=True, env=environment)  # noqa: S603 - our own words
    os.close(theirs)
    seen = os.read(ours, 100_000)
    os.close(ours)
    return seen.decode().splitlines()


JOB = {**dict.fromkeys(OF_JOBS), "id": str(ID), "organization": "northwind", "error_code": "PROPERTY_UNKNOWN"}


@pytest.mark.parametrize("width", [60, 80, 120, 160, 240])
def test_a_narrow_window_cuts_no_id_into_pieces_that_nobody_can_copy(width: int) -> None:
    lines = on_a_terminal(width, JOB, OF_JOBS)
    for word in (str(ID), "northwind", "PROPERTY_UNKNOWN"):
        assert any(word in line for line in lines)
    assert any(str(ID) in line and "northwind" in line for line in lines) == (width > 120)


def test_sentences_of_a_table_take_several_lines_and_the_table_stays_one() -> None:
    lines = on_a_terminal(
        80, {"line": 1, "what": "must be days: a whole number " * 5}, {"line": "line", "what": "what"}
    )
    assert any(line.split()[:3] == ["1", "must", "be"] for line in lines)


def test_names_too_wide_for_a_pipe_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    names = {name: name * 80 for name in "abc"}
    show_rows([names, names], {name: name.upper() for name in names}, "table")
    words = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert words == [
        *([name.upper(), name * 80] for name in names),
        [],
        *([name.upper(), name * 80] for name in names),
        [],
    ]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_locale_without_its_characters_ends_no_command(encoding: str) -> None:
    name = "caf\u00e9 \u03a9 \U0001f600"
    program = f"""
from airflow_provider_hubspot_deals.cli.calling import command
from airflow_provider_hubspot_deals.cli.printing import say, show_fields, show_json, show_rows

@command
def show(_):
    show_json({name!r})
    say({name!r})
    show_fields({{"name": {name!r}}}, "table")
    show_rows([{{"name": {name!r}}}], {{"name": "name"}}, "table")
    return 0

show(None)
"""
    done = subprocess.run(  # noqa: S603 - as above
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout.decode(encoding).splitlines()[0]) == name


SHOWN_AND_COMPLAINED = """
import sys
from airflow_provider_hubspot_deals.cli.calling import command
from airflow_provider_hubspot_deals.cli.printing import complain, show_rows
from airflow_provider_hubspot_deals.exceptions import ConfigurationError

@command
def show(output):
    if output == "none":
        complain("first")
        raise ConfigurationError("second")
    show_rows([{"name": "acme"}] * 10_000, {"name": "name"}, output)
    return 0

show(sys.argv[1])
"""


@pytest.mark.parametrize(("output", "code"), [("table", 0), ("json", 0), ("none", 1)])
def test_a_reader_that_has_gone_changes_no_exit_code(output: str, code: int) -> None:
    read, write = os.pipe()
    os.close(read)
    streams: dict[str, Any] = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "stderr" if code else "stdout": write,
    }
    done = subprocess.run([sys.executable, "-c", SHOWN_AND_COMPLAINED, output], check=False, **streams)  # noqa: S603 - our own Python
    os.close(write)
    assert (done.returncode, done.stderr or b"") == (code, b"")
