"""The register of faults: every case has an outcome, and a test that carries its id or the reason why it has none."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.sync import heartbeat, recovery, refusals

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text()
CASES = [
    f"{group}{number}"
    for group, count in {"A": 30, "B": 24, "C": 30, "D": 30, "E": 36, "F": 34, "G": 9}.items()
    for number in range(1, count + 1)
]
ROW = re.compile(r"^\| (?P<case>[A-G]\d+) \|(?P<fault>[^|]+)\|(?P<outcome>[^|]+)\|(?P<shown>[^|]*)\|$", re.MULTILINE)
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
WITHOUT_TEST = "Does not apply:"
IDS = re.compile(r"^test_((?:[a-i]\d{1,2}_(?:to_)?)+)")

ROWS = [(row["case"], row["outcome"].strip(), NAMED_TEST.findall(row["shown"])) for row in ROW.finditer(PAGE)]


def cases_of(test: str) -> set[str]:
    """The cases in a test's name: ``test_d02_d03_…``, ``test_e01_to_e14_…``. Those of invariants (I) are no cases."""
    match = IDS.match(test)
    if not match:
        return set()
    words = [word if word == "to" else f"{word[0].upper()}{int(word[1:])}" for word in match[1].rstrip("_").split("_")]
    found = {word for word in words if word != "to"}
    for position, word in enumerate(words):
        if word == "to":
            first, last = CASES.index(words[position - 1]), CASES.index(words[position + 1])
            found.update(CASES[first : last + 1])
    return {case for case in found if not case.startswith(("H", "I"))}


def all_tests() -> dict[str, set[str]]:
    """File → names of its tests."""
    return {
        path.relative_to(ROOT).as_posix(): {
            node.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        }
        for path in (ROOT / "tests").rglob("test_*.py")
    }


TESTS = all_tests()


def test_every_case_is_listed_once_and_in_order() -> None:
    assert [case for case, _, _ in ROWS] == CASES


@pytest.mark.parametrize(("case", "outcome", "named"), ROWS, ids=[case for case, _, _ in ROWS])
def test_a_case_names_tests_that_exist_and_carry_its_id(case: str, outcome: str, named: list[tuple[str, str]]) -> None:
    assert outcome
    assert bool(named) != outcome.startswith(WITHOUT_TEST), "either a test, or a reason"
    for file, test in named:
        assert test in TESTS.get(file, ()), f"{file}::{test} does not exist"
        assert case in cases_of(test), f"{test} does not carry {case}"


def test_every_id_in_a_tests_name_is_a_case_that_applies() -> None:
    applying = {case for case, outcome, _ in ROWS if not outcome.startswith("Does not apply:")}
    unknown = {test: cases_of(test) - applying for names in TESTS.values() for test in names}
    assert {test: cases for test, cases in unknown.items() if cases} == {}


def test_names_are_read_as_they_are_meant() -> None:
    assert cases_of("test_d02_d03_a_commit") == {"D2", "D3"}
    assert cases_of("test_c05_to_c07_amounts") == {"C5", "C6", "C7"}
    assert cases_of("test_i05_b18_a_version") == {"B18"}
    assert cases_of("test_a_case_without_an_id") == set()


def test_the_bounds_of_the_page_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    for said in (
        f"or more than {refusals.REFUSED_MAX} deals, the job fails",
        f"connects again for up to {recovery.PATIENCE_S:.0f} seconds",
        f"has a deadline of {sql.TRANSACTION_TIMEOUT_S:.0f} seconds",
        f"has not got through for {heartbeat.LOST_AFTER_S:.0f} seconds",
    ):
        assert said in text
