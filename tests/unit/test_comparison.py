"""The page that compares us with others: each pain has an answer, and each answer a test that carries its number."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "comparison.md").read_text()
PAINS = range(1, 51)
ROW = re.compile(r"^\| (?P<number>\d+) \|.*\| (?P<answer>[^|]+) \|$", re.MULTILINE)
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py::\w+)`")

ROWS = [(int(row["number"]), row["answer"]) for row in ROW.finditer(PAGE)]


def numbers_of(decorator: ast.expr) -> list[int]:
    """The numbers of a ``peer_pain`` marker; none of any other decorator."""
    if not isinstance(decorator, ast.Call) or ast.unparse(decorator.func) != "pytest.mark.peer_pain":
        return []
    return [ast.literal_eval(argument) for argument in decorator.args]


def marked_tests() -> set[tuple[int, str]]:
    """Pairs of a pain's number and a test that carries it."""
    return {
        (number, f"{path.relative_to(ROOT).as_posix()}::{function.name}")
        for path in (ROOT / "tests").rglob("test_*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for decorator in function.decorator_list
        for number in numbers_of(decorator)
    }


def test_every_pain_is_answered_once() -> None:
    assert [number for number, _ in ROWS] == list(PAINS)


@pytest.mark.parametrize(("number", "answer"), ROWS, ids=[f"pain-{number}" for number, _ in ROWS])
def test_an_answer_names_a_test(number: int, answer: str) -> None:
    assert NAMED_TEST.search(answer), f"pain {number}"


def test_the_tests_that_are_named_are_those_that_carry_the_number() -> None:
    named = {(number, test) for number, answer in ROWS for test in NAMED_TEST.findall(answer)}
    assert named == marked_tests()


def test_every_link_within_the_repository_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", PAGE)
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
