"""`./run demo` until somebody leaves, and `./run demo --once`: everything at first, then exactly what changed.

Nothing is left running. ``SCREENSHOTS=docs/images ./run test acceptance -k picture`` renews the picture of the first.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local_stack.postgres import EmbeddedPostgres
from tests.acceptance.demo_picture import draw, stale_lines
from tests.acceptance.processes import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PICTURE = "demo.svg"
PLACE = "SCREENSHOTS"  # environment variable: the folder for the picture
LAST_WORDS = "Ctrl-C stops everything."
pytestmark = pytest.mark.timeout(1500)


@dataclass(frozen=True)
class Visit:
    """What one call of the demo came to."""

    status: int
    output: str
    figures: dict[str, Any]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of the demo's databases, state and logs."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    yield folder
    EmbeddedPostgres(folder / "postgres").delete()


@pytest.fixture(scope="module")
def first(directory: Path) -> Visit:
    """Somebody who looks until all is there, and presses Ctrl-C."""
    return demo(directory)


def demo(directory: Path, *arguments: str) -> Visit:
    """The command behind `./run demo`, in the environment that runs the tests; ends it when it says how to."""
    figures = directory.with_suffix(".json")
    figures.unlink(missing_ok=True)
    where = ["--port", "0", "--directory", str(directory), "--json", str(figures)]
    output = ""
    with subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "local_stack.demo", *where, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        try:
            for line in process.stdout:
                output += line
                if line.startswith(LAST_WORDS) and output.count(LAST_WORDS) == 1:
                    process.send_signal(signal.SIGINT)
        except BaseException:
            process.kill()
            raise
    return Visit(process.returncode, output, json.loads(figures.read_text()) if figures.exists() else {})


def processes_of(directory: Path) -> list[str]:
    """Command lines of what still works in that directory; by environment, since Airflow renames its processes."""
    return [
        command.replace(b"\0", b" ").decode()
        for _, environment, command in processes()
        if str(directory).encode() in environment + command
    ]


def test_the_picture_of_the_demo_shows_what_it_prints(first: Visit) -> None:
    assert first.status == 0, first.output
    shown = first.output[: first.output.index("\n", first.output.index(LAST_WORDS)) + 1]
    picture = Path(os.environ.get(PLACE) or ROOT / "docs" / "images") / PICTURE
    if os.environ.get(PLACE):
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_text(draw(shown), "utf-8")
    assert stale_lines(picture.read_text("utf-8"), shown) == []


def test_the_demo_loads_everything_and_then_exactly_what_changed(first: Visit, directory: Path) -> None:
    assert first.status == 0, first.output
    assert processes_of(directory) == []
    assert first.figures["succeeded"] is True
    organizations = first.figures["organizations"]
    assert {(each["organization"], each["type"]): each["stored"]["live"] for each in organizations} == {
        ("northwind", "standard"): 20_000,
        ("northwind", "sandbox"): 500,
        ("aurora", "standard"): 5_000,
        ("kiosk", "standard"): 300,
    }
    assert {each["job"]["mode"] for each in organizations} == {"full"}

    second = demo(directory, "--once")
    assert second.status == 0, second.output
    assert "Changes since the last run" in second.output
    assert LAST_WORDS not in second.output
    organizations = second.figures["organizations"]
    assert {each["job"]["mode"] for each in organizations} == {"incremental"}
    for each in organizations:
        assert each["changes"] == {"created": 3, "edited": 5, "archived": 2, "merged pairs": 1}
        assert each["changes_exact"] is True
        assert (each["job"]["records_inserted"], each["job"]["records_deleted"]) == (4, 4)
    assert processes_of(directory) == []
