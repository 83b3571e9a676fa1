"""`./run prove`: what it calls exists, and what fails is not passed over."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_stack import proof
from local_stack.proof import Proof, main, proofs
from tests.mutation.targets import GROUPS, TARGETS

ROOT = Path(__file__).parents[3]
ALL = list(proofs(seeds=500, minutes=60, mutants=150))


@pytest.mark.parametrize("each", ALL, ids=[each.name for each in ALL])
def test_each_command_is_understood(each: Proof) -> None:
    command = [sys.executable, *each.words, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own modules
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ")


def test_no_target_of_mutation_is_left_out() -> None:
    words = [word for each in ALL for word in each.words]
    assert {name for group, names in GROUPS.items() if group in words for name in names} == set(TARGETS)


def test_what_fails_does_not_keep_the_others_from_being_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def some(**_: Any) -> Iterator[Proof]:
        yield Proof(name="bad", words=("-c", "raise SystemExit(3)"))
        yield Proof(name="good", words=("-c", "import os; print(os.environ['GIVEN'])"), variables={"GIVEN": "a word"})

    monkeypatch.setattr(proof, "proofs", some)
    assert main(["--json", str(tmp_path / "verdicts.json")]) == 1
    verdicts = json.loads((tmp_path / "verdicts.json").read_text())
    assert [(each["name"], each["passed"]) for each in verdicts] == [("bad", False), ("good", True)]
    assert "a word" in capfd.readouterr().out
    assert main(["--only", "good"]) == 0
