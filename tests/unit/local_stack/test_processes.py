"""Processes: none is left behind, whoever dies first, and a failure comes with the program's last words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from local_stack.exceptions import StackError
from local_stack.processes import ManagedProcess, died, session_members, stop_all, wait_until

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE_S = 15.0
SLEEPER = "import time; print('ready', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
# A child in a process group of its own, as Airflow's tasks are: killing the parent's group does not reach it.
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}], process_group=0).wait()"
LAUNCHER = f"""
import sys, time
from pathlib import Path
from local_stack.processes import ManagedProcess
process = ManagedProcess(name="x", command=[sys.executable, "-c", {SLEEPER!r}], log=Path(sys.argv[1]))
print(process.start().pid, flush=True)
time.sleep(600)
"""


def python(tmp_path: Path, source: str, *, stop_timeout_s: float = 10.0) -> ManagedProcess:
    command = [sys.executable, "-c", source]
    return ManagedProcess(name="a program", command=command, log=tmp_path / "log", stop_timeout_s=stop_timeout_s)


def says(process: ManagedProcess, text: str) -> bool:
    return text in process.log.read_text()


def test_stopping_ends_it(tmp_path: Path) -> None:
    with python(tmp_path, SLEEPER) as process:
        process.wait_until(lambda: says(process, "ready"), timeout_s=DEADLINE_S)
        pid = process.pid
    assert not process.running
    assert session_members(pid) == []


def test_stopping_ends_one_that_ignores_the_request(tmp_path: Path) -> None:
    with python(tmp_path, DEAF, stop_timeout_s=0.2) as process:
        process.wait_until(lambda: says(process, "ready"), timeout_s=DEADLINE_S)
        pid = process.pid
    assert session_members(pid) == []


def test_stopping_reaches_children_in_groups_of_their_own(tmp_path: Path) -> None:
    with python(tmp_path, PARENT) as process:
        process.wait_until(lambda: says(process, "ready"), timeout_s=DEADLINE_S)
        pid = process.pid
        assert len(session_members(pid)) == 2
    wait_until(lambda: not session_members(pid), what="the child's end", timeout_s=DEADLINE_S)


def test_stopping_twice_or_before_the_start_is_harmless(tmp_path: Path) -> None:
    process = python(tmp_path, SLEEPER)
    process.stop()
    process.start()
    process.stop()
    process.stop()
    assert not process.running


def test_several_are_stopped_in_the_time_of_the_slowest(tmp_path: Path) -> None:
    processes = [python(tmp_path / str(number), DEAF, stop_timeout_s=0.5).start() for number in range(3)]
    for process in processes:
        process.wait_until(lambda each=process: says(each, "ready"), timeout_s=DEADLINE_S)  # type: ignore[misc]  # mypy cannot infer a lambda's default
    assert died(processes) == []
    stop_all(processes)
    assert died(processes) == ["a program"] * 3


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")
def test_it_dies_with_a_launcher_that_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    launcher = subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", LAUNCHER, str(log)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    pid = int(launcher.stdout.readline()) if launcher.stdout else 0
    wait_until(lambda: "ready" in log.read_text(), what="the program's start", timeout_s=DEADLINE_S)
    assert session_members(pid) == [pid]
    launcher.send_signal(signal.SIGKILL)
    launcher.communicate()
    wait_until(lambda: not session_members(pid), what="the program's end", timeout_s=DEADLINE_S)


def test_starting_in_a_helper_thread_is_refused(tmp_path: Path) -> None:
    process = python(tmp_path, SLEEPER)
    errors: list[Exception] = []

    def start() -> None:
        try:
            process.start()
        except RuntimeError as error:
            errors.append(error)

    helper = threading.Thread(target=start)
    helper.start()
    helper.join()
    assert "main thread" in str(errors)


def test_an_early_end_is_told_with_the_last_lines(tmp_path: Path) -> None:
    with (
        python(tmp_path, "print('the disk is full'); raise SystemExit(3)") as process,
        pytest.raises(StackError, match=r"a program ended with status 3\s+the last lines of .*\s+the disk is full"),
    ):
        process.wait_until(lambda: False, timeout_s=DEADLINE_S)


def test_too_slow_a_start_is_told_with_the_time(tmp_path: Path) -> None:
    with (
        python(tmp_path, SLEEPER) as process,
        pytest.raises(StackError, match="waiting for a program: no success within 0 s"),
    ):
        process.wait_until(lambda: False, timeout_s=0.2)


def test_waiting_for_a_good_end_refuses_a_bad_one(tmp_path: Path) -> None:
    with python(tmp_path, "pass") as process:
        process.wait_success(timeout_s=DEADLINE_S)
    with (
        python(tmp_path, "raise SystemExit(2)") as process,
        pytest.raises(StackError, match="ended with status 2"),
    ):
        process.wait_success(timeout_s=DEADLINE_S)
