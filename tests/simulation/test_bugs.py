"""The simulation's teeth. ``./run simulate --bugs`` plants all of them; here, some, and that all can be planted."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local_stack.databases import DATABASE_URL
from local_stack.exceptions import StackError
from local_stack.simulation import bugs
from local_stack.simulation.bugs import PACKAGE, ROOT, Bug, hunt, known_bugs

if TYPE_CHECKING:
    from local_stack.databases import DatabaseServer

ENOUGH = 25
EVERY = int(os.environ.get("SIMULATION_BUGS_EVERY", "8"))


def test_there_are_enough_of_them_each_with_a_name_of_its_own() -> None:
    names = [bug.name for bug in known_bugs()]

    assert len(set(names)) == len(names) >= ENOUGH


def test_of_each_a_seed_is_known_that_catches_it() -> None:
    assert [bug.name for bug in known_bugs() if bug.seed is None] == []


@pytest.mark.parametrize("bug", known_bugs(), ids=lambda bug: bug.name)
def test_a_bug_can_be_planted_into_the_code_as_it_is(bug: Bug) -> None:
    for edit in bug.edits:
        text = (ROOT / PACKAGE / edit["file"]).read_text()
        assert text.count(edit["old"]) == 1, edit["old"]
        assert edit["new"] != edit["old"]


def test_a_bug_that_can_no_longer_be_planted_is_told(tmp_path: Path) -> None:
    bug = Bug(name="old", what="", edits=({"file": "loading.py", "old": "no such line", "new": ""},))

    with pytest.raises(StackError, match="bug old"):
        bug.plant(tmp_path)


@pytest.mark.parametrize(
    ("edit", "by"),
    [
        (
            {"file": "sync/reading_ahead.py", "old": "POLL_S = 0.25", "new": "POLL_S = 0.25 + nothing"},
            "could not run: ",
        ),
        ({"file": "sync/running.py", "old": "request.validate()", "new": "nothing.validate()"}, "NameError: "),
    ],
    ids=["from being imported", "as soon as it is called"],
)
def test_a_bug_that_keeps_the_code_from_running_is_not_caught(
    edit: dict[str, str], by: str, postgres_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE_URL, postgres_server.url)
    broken = Bug(name="broken", what="", edits=(edit,))
    monkeypatch.setattr(bugs, "known_bugs", lambda: [broken])
    figures: dict[str, Any] = {}

    assert not hunt(Namespace(bug=None, first=1, seed=None, seeds=1, workers=1), figures, lambda _: None)
    assert figures["bugs"][0]["by"].startswith(by)
    assert "name 'nothing' is not defined" in figures["bugs"][0]["by"]


def test_planted_bugs_are_caught_and_named(postgres_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATABASE_URL, postgres_server.url)
    figures: dict[str, Any] = {}
    said: list[str] = []

    options = Namespace(bug=[bug.name for bug in known_bugs()[::EVERY]], first=1, seed=None, seeds=20, workers=2)

    assert hunt(options, figures, said.append), said
    assert {found["name"] for found in figures["bugs"]} == set(options.bug)
    assert all(found["by"] for found in figures["bugs"]), said
