"""`./run compatibility`: which environments it tries, and what it writes down."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

import pytest

from local_stack.compatibility import trial
from local_stack.compatibility.combination import Combination, declared
from local_stack.compatibility.table import record
from local_stack.compatibility.trial import Outcome, try_out
from local_stack.exceptions import StackError

PAGE = "# Page\n<!-- written by ./run compatibility -->\n<!-- end of the trials -->\nThe end.\n"
# Stands in for uv, which would download an Airflow: makes the environment, lends it what is installed here, and
# unpacks our wheel there.
FAKE_UV = """#!/bin/sh
echo "$*" >> {log}
for word in "$@"; do
    case "$word" in *.whl*) {python} -m zipfile -e "${{word%%\\[*}}" {environment}/lib/python*/site-packages ;; esac
done
test "$1" = pip || {{
    {python} -m venv --clear --without-pip {environment}
    echo {packages} > "$(echo {environment}/lib/python*/site-packages)/lent.pth"
}}
"""
ENDS = """\
import os, pytest
def test_that_fails(): assert 0
def test_that_is_skipped(): pytest.skip("it is lacking")
def test_that_passes(): assert os.environ["BROWSER_TESTS"] == "required"
"""


def outcome(**settings: object) -> Outcome:
    combination = Combination(airflow="3.1.0", python="3.11", lowest=True)
    facts = {"airflow": "3.1.0", "python": "3.11.7", "postgres": "18", "constrained": False}
    counts = {"passed": 20, "failed": 0, "skipped": 2, "failures": (), "skips": (), "seconds": 1.0}
    return Outcome(**{"combination": combination, **facts, **counts, **settings})  # type: ignore[arg-type]  # its fields


@pytest.fixture
def uv_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    log, folder = tmp_path / "uv.log", tmp_path / "bin"
    folder.mkdir()
    places = {"environment": tmp_path / "trial" / "environment", "packages": sysconfig.get_path("purelib")}
    script = FAKE_UV.format(log=log, python=sys.executable, **places)
    (folder / "uv").write_text(script)
    (folder / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(trial, "airflow_constraints", lambda *_: None)
    return log


def test_the_wheel_is_tried_in_an_environment_of_its_own(uv_log: Path, tmp_path: Path) -> None:
    combination = Combination(airflow="3.1.0", python="3.11", lowest=True)
    tests = ["tests/unit/test_exceptions.py", "-q"]
    found = try_out(combination, tmp_path / "trial", python=sys.executable, arguments=tests)
    assert found.passed > 0
    assert (found.failed, found.constrained) == (0, False)
    assert int(found.postgres) >= 15
    ours = next(line for line in uv_log.read_text().splitlines() if ".whl" in line)
    assert "--resolution lowest-direct apache-airflow==3.1.0" in ours
    assert not (tmp_path / "trial" / "tree" / "airflow_provider_hubspot_deals").exists()


@pytest.mark.usefixtures("uv_log")
def test_what_failed_and_what_was_skipped_is_named_and_a_missing_browser_is_a_failure(tmp_path: Path) -> None:
    file = tmp_path / "test_ends.py"
    file.write_text(ENDS)
    combination = Combination(airflow="3.1.0", python="3.11")
    found = try_out(combination, tmp_path / "trial", python=sys.executable, arguments=[str(file)])
    assert (found.passed, found.failed, found.failures) == (1, 1, ("test_that_fails",))
    assert (found.skipped, found.skips) == (1, ("test_that_is_skipped: it is lacking",))


@pytest.mark.usefixtures("uv_log")
def test_tests_that_cannot_be_started_are_no_success(tmp_path: Path) -> None:
    combination = Combination(airflow="3.1.0", python="3.11")
    with pytest.raises(StackError, match="could not be started"):
        try_out(combination, tmp_path / "trial", python=sys.executable, arguments=["--no-such-option"])


def test_the_ends_are_those_of_the_project() -> None:
    lowest, newest = declared()
    assert (lowest.lowest, newest.lowest) == (True, False)
    assert lowest < newest
    assert [len(each.airflow.split(".")) for each in (lowest, newest)] == [3, 3]


def test_a_trial_replaces_an_older_one_of_the_same_environment(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    record(page, outcome(airflow="3.10.0"), "2026-11-01")
    record(page, outcome(failed=1), "2026-11-01")
    record(page, outcome(), "2026-11-02")
    text = page.read_text()
    assert [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| 3")] == ["| 3.1.0", "| 3.10.0"]
    assert "| 3.1.0 | 3.11.7 | lowest allowed | 18 | 20 | 0 | 2 | 2026-11-02 |" in text
    assert text.endswith("The end.\n")


def test_a_page_without_a_place_for_the_table_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n")
    with pytest.raises(StackError, match="no place"):
        record(page, outcome(), "2026-11-01")
