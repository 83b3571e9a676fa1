"""`./run test`: everything runs, one failure is enough, and the figures say what happened."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from local_stack import checks
from local_stack.checks import count_tests, main, parse, run_check

if TYPE_CHECKING:
    from pathlib import Path

PASSING = "def test_a(): pass\n"
FAILING = "import pytest\ndef test_a(): assert 0\ndef test_b(): pass\ndef test_c(): pytest.skip('later')\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one passing test, with one static check that passes."""
    for layer in ("unit", "integration"):
        (tmp_path / "tests" / layer).mkdir(parents=True)
        (tmp_path / "tests" / layer / f"test_{layer}.py").write_text(PASSING)
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    monkeypatch.setattr(checks, "STATIC_CHECKS", (("syntax", [sys.executable, "-c", "pass"]),))
    return tmp_path


def figures_of(tree: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    path = tree / "figures.json"
    status = main([*arguments, "--json", str(path)])
    return status, json.loads(path.read_text())


def test_all_layers_and_checks_run(tree: Path) -> None:
    status, figures = figures_of(tree)
    assert status == 0
    assert figures["passed"] is True
    assert figures["tests"] == {"passed": 2, "failed": 0, "errors": 0, "skipped": 0}


def test_one_layer_runs_without_the_static_checks(tree: Path) -> None:
    status, figures = figures_of(tree, "unit")
    assert status == 0
    assert figures["tests"] == {"passed": 1, "failed": 0, "errors": 0, "skipped": 0}
    assert [step["name"] for step in figures["steps"]] == ["pytest unit"]  # type: ignore[attr-defined]  # JSON


def test_lint_runs_no_test(tree: Path) -> None:
    status, figures = figures_of(tree, "lint")
    assert status == 0
    assert figures["tests"] == {}


def test_a_failing_test_fails_the_command_and_is_counted(tree: Path) -> None:
    (tree / "tests" / "unit" / "test_unit.py").write_text(FAILING)
    status, figures = figures_of(tree)
    assert status == 1
    assert figures["tests"] == {"passed": 2, "failed": 1, "errors": 0, "skipped": 1}


def test_a_failing_check_fails_the_command_but_the_tests_run(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = ("broken", [sys.executable, "-c", "print('line 7 is wrong'); raise SystemExit(1)"])
    monkeypatch.setattr(checks, "STATIC_CHECKS", (broken,))
    status, figures = figures_of(tree)
    assert status == 1
    assert figures["tests"] == {"passed": 2, "failed": 0, "errors": 0, "skipped": 0}
    output = capfd.readouterr().out
    assert "line 7 is wrong" in output
    assert output.rstrip().endswith("failed: broken")


def test_the_last_line_of_a_good_run_is_the_summary_of_pytest(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert (tree, main([])) == (tree, 0)
    assert "2 passed in" in capfd.readouterr().out.rstrip().splitlines()[-1]


def test_no_tests_at_all_is_a_failure(tree: Path) -> None:
    (tree / "tests" / "unit" / "test_unit.py").unlink()
    assert main(["unit"]) == 1


def test_pytest_arguments_are_handed_on() -> None:
    options, arguments = parse(["unit", "-k", "ports", "-x"])
    assert (options.layer, arguments) == ("unit", ["-k", "ports", "-x"])


def test_a_named_file_is_run_alone(tree: Path) -> None:
    status, figures = figures_of(tree, "unit", "tests/integration/test_integration.py")
    assert status == 0
    assert figures["tests"] == {"passed": 1, "failed": 0, "errors": 0, "skipped": 0}


def test_what_was_skipped_is_told_with_its_reason(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tree / "tests" / "unit" / "test_unit.py").write_text("import pytest\ndef test_a(): pytest.skip('no browser')\n")
    main(["unit"])
    assert re.search(r"SKIPPED .*no browser", capfd.readouterr().out)


def test_lint_refuses_pytest_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["lint", "-x"])
    assert "lint takes no further arguments: -x" in capsys.readouterr().err


def test_a_run_without_a_report_counts_nothing(tmp_path: Path) -> None:
    assert count_tests(tmp_path / "missing.xml") == {}


def test_a_check_is_timed_and_named() -> None:
    step = run_check("nothing", [sys.executable, "-c", "pass"])
    assert (step.name, step.passed) == ("nothing", True)
    assert step.seconds >= 0
