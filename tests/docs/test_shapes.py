"""What `differences` takes for the same output, and what not."""

from __future__ import annotations

import pytest

from airflow_provider_hubspot_deals.cli import printing
from tests.docs.shapes import differences

COLUMNS = {"line": "line", "organization": "organization", "setting": "setting", "what": "what is wrong"}
MISTAKES = [
    {"line": 2, "organization": "", "setting": "schedule", "what": "must be a cron expression, or one of the presets"},
    {"line": 11, "organization": "acme", "setting": "typ", "what": "is not a setting"},
]
PAGE = """\
$ check
/opt/airflow/dags/organizations.toml: 2 to mend
 line   organization   setting    what is wrong
 ────────────────────────────────────────────────
    2                  schedule   must be a cron expression, or one of the presets
   11   acme           typ        is not a setting
Nothing was changed.
"""


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("12,100 deals in 9.9 s, 0 left", "7 deals in 0.25 s, 1,000 left"),
        ("ended 2026-11-22 01:37:41", "ended 2027-01-02 23:00:00"),
        ("from 2026-11-22T01:37:41+00:00", "from 2027-01-02T23:00:00.123456Z"),
        ("Job f941e151-d099-4924-b058-34f57f179032 ended.", "Job 00000000-0000-4000-8000-000000000000 ended."),
        ("run of ada@warehouse", "run of root@localhost"),
        ("/opt/airflow/dags/organizations.toml: done", "/srv/other/organizations.toml: done"),
        ("job id    1\nstatus    ok", "job id  1\nstatus  ok\n\n"),
        ("password …, id msg_…", "password s3cr3t, id msg_1"),
    ],
    ids=["numbers", "times", "ISO times", "ids", "logins", "folders", "widths", "dots"],
)
def test_what_changes_from_day_to_day_makes_no_difference(shown: str, printed: str) -> None:
    assert differences(shown, printed) == []


@pytest.mark.parametrize("width", [200, 60], ids=["wide", "folded"])
def test_a_table_may_be_wider_or_have_its_cells_folded(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(printing, "_PIPED_WIDTH", width)
    printing.say("$ check\n/tmp/organizations.toml: 7 to mend")
    printing.show_rows([{**MISTAKES[0], "line": 1_234}, MISTAKES[1]], COLUMNS, "table")
    printing.say("Nothing was changed.")
    assert differences(PAGE, capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ("   11   acme           typ        is not a setting\n", ""),
        ("Nothing was changed.\n", ""),
        ("Nothing was changed.\n", "Nothing was changed.\nCall it again.\n"),
        ("is not a setting", "is no setting"),
        ("organizations.toml", "other.toml"),
        ("   11   acme           typ ", "   11   -              typ "),
        ("   11   acme           typ ", "   11                  acme"),
        ("    2                  schedule", "    2   schedule               "),
        ("2 to mend", "two to mend"),
        ("setting    what is wrong", "setting    reason"),
    ],
    ids=[
        "a row is new",
        "a sentence is new",
        "a sentence is gone",
        "other words",
        "another file",
        "another cell",
        "a cell is gone",
        "another column",
        "a word for a number",
        "another heading",
    ],
)
def test_a_stale_output_is_told(now: str, before: str) -> None:
    assert now in PAGE
    assert differences(PAGE.replace(now, before), PAGE) != []


def test_a_revision_and_a_numbered_file_are_names() -> None:
    assert differences("revision 0017", "revision 0018") == ["- revision 0017", "+ revision 0018"]
    assert differences("hubspot_deals_2.py", "hubspot_deals_3.py") != []


def test_dots_stand_for_something_in_their_own_line() -> None:
    assert differences("password …", "passphrase s3cr3t") == ["- password …", "+ passphrase s3cr3t"]
    assert differences("first …\nthird", "first 1\nsecond\nthird") == ["+ second"]
