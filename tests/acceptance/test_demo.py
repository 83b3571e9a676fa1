"""`./run demo --once`, twice: everything at first, then exactly what changed; nothing is left running."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local_stack.postgres import EmbeddedPostgres
from tests.acceptance.processes import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 600.0
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(1500)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """Of the demo's databases, state and logs."""
    folder = tmp_path / "demo"
    yield folder
    EmbeddedPostgres(folder / "postgres").delete()


def demo(directory: Path, *arguments: str) -> tuple[int, str, dict[str, Any]]:
    """Exit status, output, figures. The command behind `./run demo`, in the environment that runs the tests."""
    figures = directory.with_suffix(".json")
    figures.unlink(missing_ok=True)
    where = ["--once", "--port", "0", "--directory", str(directory), "--json", str(figures)]
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "local_stack.demo", *where, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr, json.loads(figures.read_text()) if figures.exists() else {}


def processes_of(directory: Path) -> list[str]:
    """Command lines of what still works in that directory; by environment, since Airflow renames its processes."""
    return [
        command.replace(b"\0", b" ").decode()
        for _, environment, command in processes()
        if str(directory).encode() in environment + command
    ]


def test_the_demo_loads_everything_and_then_exactly_what_changed(directory: Path) -> None:
    status, output, first = demo(directory)
    assert status == 0, output
    assert processes_of(directory) == []
    assert first["succeeded"] is True
    stored = {(each["organization"], each["type"]): each["stored"]["live"] for each in first["organizations"]}
    assert stored == {
        ("northwind", "standard"): 20_000,
        ("northwind", "sandbox"): 500,
        ("aurora", "standard"): 5_000,
        ("kiosk", "standard"): 300,
    }
    assert {each["job"]["mode"] for each in first["organizations"]} == {"full"}

    status, output, second = demo(directory)
    assert status == 0, output
    assert "Changes since the last run" in output
    assert {each["job"]["mode"] for each in second["organizations"]} == {"incremental"}
    for each in second["organizations"]:
        assert each["changes"] == {"created": 3, "edited": 5, "archived": 2, "merged pairs": 1}
        assert each["changes_exact"] is True
        assert (each["job"]["records_inserted"], each["job"]["records_deleted"]) == (4, 4)
    assert processes_of(directory) == []
