from __future__ import annotations

import re

import pytest

from local_stack.simulation.checking import STATEMENTS
from local_stack.simulation.harms import HARMS, OTHERWISE, counted, harms_of, sentence

NAMED = sorted({name for text in STATEMENTS.values() for name in re.findall(r"'((?:i\d+:|no deal )[^']*)'", text)})
NO_HARM_TO_A_DEAL = ("i17:", "i20:", "i21:", "i22:")  # of events, the ledger and values: told as otherwise wrong


@pytest.mark.parametrize("invariant", NAMED)
def test_each_invariant_guards_against_one_harm(invariant: str) -> None:
    found = harms_of(f"InvariantBrokenError: run 1 has ended: 1 broken\n  {invariant}: 5")
    assert len(found) == 1
    assert (found == {OTHERWISE}) == invariant.startswith(NO_HARM_TO_A_DEAL)


def test_each_harm_has_its_invariants() -> None:
    assert {harm for name in NAMED for harm in harms_of(name)} == {*HARMS, OTHERWISE}


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        ("StuckError: acme, run 1: 40 attempts, the last one: None", {"stuck"}),
        (
            "2 broken\n  i1: no deal is lost: 5\n  i13: a deal is of the organization: 5",
            {"lost", "in another organization"},
        ),
        ("2 broken\n  i11: a job counts what its batches count: 5", {"doubled"}),
        ("Traceback (most recent call last):\n ValueError: i12", {OTHERWISE}),
    ],
)
def test_a_problem_names_its_harms(problem: str, expected: set[str]) -> None:
    assert harms_of(problem) == expected


def test_harms_are_counted_by_seed() -> None:
    problems = ["i1: a\n i1: b", "i1: c\n i8: d"]
    assert counted(problems) | {"lost": 2, "stuck": 1} == counted(problems)
    assert sentence([]) == "0 lost, 0 doubled, 0 stale, 0 in another organization, 0 stuck, 0 otherwise wrong"
