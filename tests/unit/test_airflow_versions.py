"""A test of what an older Airflow lacks is left out there, and docs/compatibility.md names what that is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.airflow_versions import lacking
from tests.conftest import pytest_runtest_setup

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r'\b(?:lacking|mark\.airflow)\("(.+?)", from_="(.+?)"\)')
OTHERS = [file for file in (ROOT / "tests").rglob("*.py") if file != Path(__file__)]
NAMED = sorted({found for file in OTHERS for found in _NAMED.findall(file.read_text("utf-8"))})


def test_what_airflow_will_have_one_day_is_lacking_and_what_it_has_is_not() -> None:
    assert lacking("it", from_="3.0") is None
    reason = lacking("it", from_="99.1")
    assert reason
    assert re.fullmatch(r"Airflow 3\.\S+ lacks it: docs/compatibility\.md", reason)


def test_a_marked_test_is_left_out_before_its_fixtures_are_made(request: pytest.FixtureRequest) -> None:
    request.node.add_marker(pytest.mark.airflow("it", from_="3.0"))
    pytest_runtest_setup(request.node)
    request.node.add_marker(pytest.mark.airflow("it", from_="99.1"))
    with pytest.raises(pytest.skip.Exception, match="lacks it"):
        pytest_runtest_setup(request.node)


@pytest.mark.parametrize(("what", "from_"), NAMED)
def test_what_is_left_out_stands_in_the_page(what: str, from_: str) -> None:
    page = (ROOT / "docs" / "compatibility.md").read_text("utf-8")
    assert re.search(rf"^\| {re.escape(what)}[^|]*\| {re.escape(from_)} \|", page, re.MULTILINE)


def test_something_is_left_out() -> None:
    assert NAMED
