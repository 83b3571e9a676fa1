"""`./run`: when .venv is made anew, that two at once make it once, and what it says when it cannot help."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[3]
PYPROJECT = """
[build-system]
requires = ["hatchling"]
[project]
name = "x"
dependencies = ["requests"]
[tool.ruff]
line-length = 100
"""
# Stands in for uv: makes a "virtual environment" with a "Python" that tells what it was asked; writes down each call.
FAKE_UV = """#!/bin/sh
echo "$1" >> uv.log
test "$1" = venv && mkdir -p .venv/bin && cp bin/fake-python .venv/bin/python
test "$1" = pip && sleep 0.3
test ! -e fail-to-install
"""
FAKE_PYTHON = """#!/bin/sh
case "$*" in *pip*) exit 1 ;; esac
echo "ran $*, bytecode switched off: ${PYTHONDONTWRITEBYTECODE:-no}"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A tree with the real script and little else, in a folder with spaces in its name."""
    folder = tmp_path / "a fresh clone"
    (folder / "bin").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "constraints.txt").write_text("requests==2.32.0\n")
    shutil.copy(ROOT / "run", folder / "run")
    for name, script in (("uv", FAKE_UV), ("fake-python", FAKE_PYTHON)):
        (folder / "bin" / name).write_text(script)
        (folder / "bin" / name).chmod(0o755)
    return folder


def start(checkout: Path, *arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.Popen[str]:
    path = f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(  # noqa: S603 - the script under test
        [sys.executable, str(checkout / "run"), *arguments],
        cwd=cwd or checkout,
        env=os.environ | {"PATH": path} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(checkout: Path, *arguments: str, cwd: Path | None = None, **variables: str) -> tuple[int, str, str]:
    """Status, stdout, stderr."""
    process = start(checkout, *arguments, cwd=cwd, **variables)
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


def set_ups(checkout: Path) -> int:
    log = checkout / "uv.log"
    return log.read_text().split().count("venv") if log.exists() else 0


def test_the_first_call_sets_up_and_the_second_does_not(checkout: Path) -> None:
    status, output, said = run(checkout, "test", "unit", "-x")
    assert (status, "setting up .venv" in said) == (0, True)
    assert "ran -P -m local_stack.checks unit -x" in output
    status, output, said = run(checkout, "test", "unit", "-x")
    assert (status, said) == (0, "")
    assert set_ups(checkout) == 1


def test_it_works_from_any_folder(checkout: Path, tmp_path: Path) -> None:
    status, _output, _said = run(checkout, "demo", cwd=tmp_path)
    assert status == 0
    assert (checkout / ".venv" / "set-up-complete").exists()
    assert not (tmp_path / ".venv").exists()


def test_an_interrupted_set_up_is_done_again(checkout: Path) -> None:
    (checkout / "fail-to-install").touch()
    status, output, _said = run(checkout, "test")
    assert status != 0
    assert "ran " not in output
    (checkout / "fail-to-install").unlink()
    status, output, _said = run(checkout, "test")
    assert (status, "ran " in output) == (0, True)
    assert set_ups(checkout) == 2


def test_two_at_once_set_up_once(checkout: Path) -> None:
    both = [start(checkout, "test") for _ in range(2)]
    answers = [process.communicate(timeout=60) for process in both]
    assert set_ups(checkout) == 1
    assert sum("setting up .venv with" in said for _output, said in answers) == 1
    assert all("ran " in output for output, _said in answers)


def test_an_environment_in_use_is_not_replaced_and_whoever_waited_longest_makes_it(checkout: Path) -> None:
    in_use = os.open(checkout, os.O_RDONLY)
    fcntl.flock(in_use, fcntl.LOCK_SH)  # as a running ./run demo holds it
    both = [start(checkout, "test") for _ in range(2)]
    complaints = [process.stderr.readline() for process in both if process.stderr]
    assert all("another ./run still uses it" in complaint for complaint in complaints)
    assert set_ups(checkout) == 0
    os.close(in_use)
    answers = [process.communicate(timeout=60) for process in both]
    assert set_ups(checkout) == 1
    assert all("ran " in output for output, _said in answers)


@pytest.mark.parametrize(
    ("changed", "text", "made_anew"),
    [
        ("constraints.txt", "requests==2.33.0\n", True),
        ("pyproject.toml", PYPROJECT.replace("requests", "httpx"), True),
        ("pyproject.toml", PYPROJECT.replace("100", "120"), False),
    ],
    ids=["other pins", "other dependencies", "a tool's setting"],
)
def test_the_environment_follows_what_it_is_made_from(
    checkout: Path, changed: str, text: str, *, made_anew: bool
) -> None:
    run(checkout, "test")
    (checkout / changed).write_text(text)
    run(checkout, "test")
    assert set_ups(checkout) == (2 if made_anew else 1)


def test_another_python_makes_it_anew(run_script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run_script.fingerprint()
    monkeypatch.setattr(run_script.platform, "python_version", lambda: "3.99.0")
    assert run_script.fingerprint() != before


def test_an_older_python_gets_a_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    monkeypatch.setattr(sys, "version", "3.10.4 (main)")
    source = (ROOT / "run").read_text()
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer, this is 3\.10\.4"):
        exec(compile(source, "run", "exec"), {"__name__": "__main__"})  # noqa: S102 - the script itself


def test_an_unknown_command_is_answered_with_the_known_ones(checkout: Path) -> None:
    status, _output, said = run(checkout, "dmeo")
    assert status != 0
    assert "demo, test" in said
    assert set_ups(checkout) == 0


def test_help_needs_no_environment(checkout: Path) -> None:
    status, output, _said = run(checkout, "help")
    assert status == 0
    assert "./run demo" in output
    assert set_ups(checkout) == 0


def test_the_children_write_bytecode(checkout: Path) -> None:
    _status, output, _said = run(checkout, "test", PYTHONDONTWRITEBYTECODE="1")
    assert "bytecode switched off: no" in output


def test_the_constraints_name_versions_and_nothing_else() -> None:
    pin = re.compile(r"[a-z0-9._-]+(\[[a-z,]+\])?==[0-9a-z.+!]+( ; [^/@]+)?")
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert len(lines) > 100
    assert [line for line in lines if not pin.fullmatch(line)] == []
