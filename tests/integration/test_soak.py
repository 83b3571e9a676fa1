"""`./run soak`, for some seconds: it runs, it finds nothing, and it would find what was planted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local_stack.soak.__main__ import main


def test_g03_a_short_soak_finds_nothing_that_grows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "figures.json"
    status = main(["--minutes", "0.33", "--organizations", "6", "--json", str(path)])
    figures = json.loads(path.read_text())
    assert (status, figures["complaints"]) == (0, [])
    assert figures["outcomes"]["completed"] >= 12
    assert len(figures["trends"]) == 10
    assert "after warm-up" in capsys.readouterr().out


def test_a_leak_that_was_planted_is_found(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    assert main(["--minutes", "0.15", "--organizations", "4", "--plant", "descriptors", "--json", str(path)]) == 1
    complaints = json.loads(path.read_text())["complaints"]
    assert any("descriptors of worker" in complaint for complaint in complaints)
