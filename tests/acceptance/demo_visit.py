"""`./run demo` in a process of its own, until it is done or its visitor leaves."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.acceptance.processes import processes

ROOT = Path(__file__).resolve().parents[2]
LAST_WORDS = "Ctrl-C stops everything."
_CARD = re.compile(r"^Airflow +(?P<url>http\S+)/dags +user (?P<user>\S+) +password (?P<password>\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Visit:
    """What one call of the demo came to."""

    status: int
    output: str
    figures: dict[str, Any]


class Login(NamedTuple):
    """Where the demo's Airflow is, and who may enter."""

    url: str
    user: str
    password: str


LookAround = Callable[[Login], None]


def demo(directory: Path, *arguments: str, look_around: LookAround | None = None) -> Visit:
    """The command behind `./run demo`, in the environment that runs the tests; ends it when it says how to.

    Args:
        look_around: what the visitor does before.
    """
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
                    if look_around:
                        look_around(login_in(output))
                    process.send_signal(signal.SIGINT)
        except BaseException:
            process.kill()
            raise
    return Visit(process.returncode, output, json.loads(figures.read_text()) if figures.exists() else {})


def login_in(output: str) -> Login:
    """As the demo prints it for a person."""
    found = _CARD.search(output)
    assert found, output
    return Login(**found.groupdict())


def processes_of(directory: Path) -> list[str]:
    """Command lines of what still works in that directory; by environment, since Airflow renames its processes."""
    return [
        command.replace(b"\0", b" ").decode()
        for _, environment, command in processes()
        if str(directory).encode() in environment + command
    ]
