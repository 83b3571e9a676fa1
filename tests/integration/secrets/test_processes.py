"""A task that is killed leaves no secret: not in its output, its arguments, its children, or the tables."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hubspot_simulator import FaultRule
from local_stack.processes import process_ids
from tests.integration.secrets import sinks
from tests.integration.secrets.canaries import CANARIES
from tests.integration.secrets.conftest import World
from tests.integration.secrets.scanner import Scanner

ROOT = Path(__file__).resolve().parents[3]
WAIT_S = 60.0
scanner = Scanner(CANARIES)


@contextmanager
def a_task(world: World, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    connections = {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW_CONN_")}
    clean = {name: value for name, value in os.environ.items() if name not in connections}
    with output.open("wb") as written:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-X", "faulthandler", "-m", "tests.integration.secrets.program", world.organization],
            cwd=ROOT,
            env=clean,
            stdin=subprocess.PIPE,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        assert process.stdin
        process.stdin.write(json.dumps(connections).encode())
        process.stdin.close()
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for_second_page(world: World) -> None:
    deadline = time.monotonic() + WAIT_S
    while sum(request.endpoint == "list" for request in world.simulator.requests) < 2:
        assert time.monotonic() < deadline, "the task asks for no deals"
        time.sleep(0.05)


def what_others_see(pid: int) -> str:
    """Arguments and environment of a process and of all that it started."""
    shown = []
    for each in [pid, *(other for other in process_ids() if parent_of(other) == pid)]:
        with suppress(OSError):
            shown += [Path(f"/proc/{each}/{name}").read_text(errors="replace") for name in ("cmdline", "environ")]
    return "\n".join(shown)


def parent_of(pid: int) -> int | None:
    with suppress(OSError, ValueError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGABRT], ids=lambda number: number.name)
def test_e14_e15_f18_a_task_that_is_ended_from_outside_leaves_no_secret(
    world: World, tmp_path: Path, number: signal.Signals
) -> None:
    world.simulator.add_fault(FaultRule(fault="hang", endpoint="list", nth=2, times=None))
    output = tmp_path / "output"
    with a_task(world, output) as process:
        wait_for_second_page(world)
        seen = what_others_see(process.pid)
        process.send_signal(number)
        status = process.wait(WAIT_S)
    assert status != 0
    assert "tests.integration.secrets.program" in seen
    assert scanner.finds(seen) == []
    assert f"full run of {world.organization}, attempt 1" in output.read_text()
    assert scanner.finds(output.read_text()) == []
    assert scanner.finds(sinks.database(world.superuser_url)) == []
