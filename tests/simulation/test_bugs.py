"""The simulation's teeth. ``./run simulate --bugs`` plants all of them; here, one, and that all can be planted."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local_stack.databases import DATABASE_URL
from local_stack.exceptions import StackError
from local_stack.simulation.bugs import PACKAGE, ROOT, Bug, hunt, known_bugs

if TYPE_CHECKING:
    from local_stack.databases import DatabaseServer

ENOUGH = 25


def test_there_are_enough_of_them_each_with_a_name_of_its_own() -> None:
    names = [bug.name for bug in known_bugs()]

    assert len(set(names)) == len(names) >= ENOUGH


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


def test_a_planted_bug_is_caught_and_named(postgres_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATABASE_URL, postgres_server.url)
    figures: dict[str, Any] = {}
    said: list[str] = []

    options = Namespace(bug=["merge_losers_ignored"], first=1, seeds=20, workers=2)

    assert hunt(options, figures, said.append), said
    (found,) = figures["bugs"]
    assert found["caught"]
    assert "what is gone is marked" in found["by"]
