"""`./run simulate`: what its arguments mean."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from local_stack.exceptions import StackError
from local_stack.simulation import command
from local_stack.simulation.command import in_parts, main, parse


@pytest.mark.parametrize(
    ("arguments", "first", "count"),
    [([], 1, 25), (["--seeds", "200"], 1, 200), (["--seed", "42"], 42, 1), (["--seed", "10", "--seeds", "5"], 10, 5)],
)
def test_seeds_are_counted_from_the_first_one(arguments: list[str], first: int, count: int) -> None:
    options = parse(arguments)

    assert (options.first, options.count) == (first, count)
    assert 1 <= options.workers <= count


def test_blows_are_counted_by_kind_and_by_kill_point() -> None:
    tally = Counter({"seeds": 3, "killed at claimed": 2, "killed at page_read": 1, "stopped at claimed": 0})

    counts, blows = in_parts(tally)

    assert counts == {"seeds": 3, "blows: killed": 3, "blows: stopped": 0}
    assert blows == {"killed at claimed": 2, "killed at page_read": 1}


def test_a_stack_that_cannot_start_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def nothing_works(*_: object) -> bool:
        raise StackError("no PostgreSQL")

    monkeypatch.setattr(command, "_run", nothing_works)

    assert main(["--json", str(tmp_path / "figures.json")]) == 2
    assert "no PostgreSQL" in capsys.readouterr().out


def test_the_figures_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "_run", lambda _options, figures: bool(figures.update(failed_seeds=[3])))
    file = tmp_path / "figures.json"

    assert main(["--json", str(file)]) == 1
    assert '"failed_seeds": [\n    3\n  ]' in file.read_text()
    assert '"passed": false' in file.read_text()
