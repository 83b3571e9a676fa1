"""Start and stop the programs of the stack: one session each, output to a file, none left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from local_stack.exceptions import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TETHER = Path(__file__).with_name("tether.py")
POLL_INTERVAL_S = 0.1
TAIL_LINES = 12


@dataclass(frozen=True, slots=True)
class Account:
    """An operating-system account that a program runs under instead of ours."""

    uid: int
    gid: int


def wait_until(condition: Callable[[], bool], *, what: str, timeout_s: float) -> None:
    """Poll `condition` until it holds.

    Raises:
        StackError: it did not within `timeout_s`; the message says what was waited for.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            msg = f"{what}: no success within {timeout_s:.0f} s"
            raise StackError(msg)
        time.sleep(POLL_INTERVAL_S)


def tethered(command: Sequence[str | Path], end: signal.Signals, account: str = "-") -> list[str | Path]:
    """`command`, which gets the signal `end` when this process dies."""
    return [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), str(int(end)), account, *command]


@dataclass(kw_only=True)
class ManagedProcess:
    """One program in its own session, which dies with us even when we are killed with SIGKILL (on Linux)."""

    name: str
    command: Sequence[str | Path]
    log: Path  # stdout and stderr, appended
    env: Mapping[str, str] | None = None  # whole environment; None inherits ours
    cwd: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 20.0
    asks_whole_group: bool = False  # the stop signal also goes to the program's own children
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _asked_to_stop: bool = field(default=False, init=False, repr=False)

    def start(self) -> Self:
        """Start it, from the main thread only.

        The kernel ties the program to the *thread* that started it (prctl(2)), so it would end with a helper thread.
        """
        if threading.current_thread() is not threading.main_thread():
            msg = f"{self.name} must be started from the main thread"
            raise RuntimeError(msg)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command lines, never a shell
                self._tethered(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.cwd,
                start_new_session=True,  # Ctrl-C reaches us alone; we decide who stops when
            )
        return self

    def _tethered(self) -> list[str | Path]:
        account = f"{self.account.uid}:{self.account.gid}" if self.account else "-"
        return tethered(self.command, self.stop_signal, account)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running program."""
        if self._process is None:
            msg = f"{self.name} was not started"
            raise RuntimeError(msg)
        return self._process

    @property
    def pid(self) -> int:
        """Process id, also the id of its session and process group."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def wait_until(self, condition: Callable[[], bool], *, timeout_s: float) -> None:
        """Poll `condition` while the program lives.

        Raises:
            StackError: it ended or was too slow; the message ends with the last lines of its log.
        """

        def holds_or_dead() -> bool:
            return condition() or not self.running

        try:
            wait_until(holds_or_dead, what=f"waiting for {self.name}", timeout_s=timeout_s)
        except StackError as error:
            raise StackError(f"{error}{self._last_words()}") from None
        if not self.running:
            msg = f"{self.name} ended with status {self.process.returncode}{self._last_words()}"
            raise StackError(msg)

    def wait_success(self, *, timeout_s: float) -> None:
        """Wait until the program ends well.

        Raises:
            StackError: it ended badly or was too slow; the message ends with the last lines of its log.
        """
        try:
            status = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            msg = f"{self.name} did not end within {timeout_s:.0f} s{self._last_words()}"
            raise StackError(msg) from None
        if status:
            msg = f"{self.name} ended with status {status}{self._last_words()}"
            raise StackError(msg)

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return "".join(f"\n    {line}" for line in [f"the last lines of {self.log}:", *lines])

    def ask_to_stop(self) -> None:
        """Send the stop signal once: a second one makes several programs skip their own cleaning up."""
        if self.running and not self._asked_to_stop:
            send = os.killpg if self.asks_whole_group else os.kill
            send(self.pid, self.stop_signal)
            self._asked_to_stop = True

    def stop(self, timeout_s: float | None = None) -> None:
        """Ask, wait (`stop_timeout_s` unless said otherwise), then kill whatever is left of its session.

        Safe to repeat.
        """
        if self._process is None:
            return
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(self.stop_timeout_s if timeout_s is None else timeout_s)
        for pid in session_members(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process, self._asked_to_stop = None, False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()


def session_members(leader: int) -> list[int]:
    """Processes of the session that `leader` opened, also those that moved to a group of their own, as tasks do."""
    return [pid for pid in process_ids() if session_of(pid) == leader]


def session_of(pid: int) -> int | None:
    """The session of a process; None when it is gone or somebody else's."""
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def process_ids() -> list[int]:
    """Every process of this machine."""
    if Path("/proc/self").exists():
        return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    listing = subprocess.run(["/bin/ps", "-A", "-o", "pid="], capture_output=True, text=True, check=True)
    return [int(line) for line in listing.stdout.split()]


def stop_all(processes: Sequence[ManagedProcess]) -> None:
    """Stop several at once: everybody is asked first, so that the slowest one sets the time."""
    deadline = time.monotonic() + max((process.stop_timeout_s for process in processes), default=0.0)
    for process in processes:
        process.ask_to_stop()
    for process in processes:
        process.stop(max(0.0, deadline - time.monotonic()))


def died(processes: Sequence[ManagedProcess]) -> list[str]:
    """Names of those that ended by themselves."""
    return [process.name for process in processes if not process.running]
