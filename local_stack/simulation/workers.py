"""The harness's side of worker processes: start an attempt, hear from it, freeze it, kill it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Self

from local_stack.exceptions import StackError
from local_stack.processes import tethered, wait_until

PATIENCE_S = 45.0  # for a word of a worker: longer than each of its own deadlines


class SilentWorkerError(AssertionError):
    """A worker neither works nor ends: it is stuck."""


@dataclass
class Worker:
    """One attempt in its process.

    Attributes:
        see_batch: called behind each batch that it has committed, while it stands still.
    """

    name: str
    line: socket.socket
    pid: int
    see_batch: Callable[[str], None]

    def __post_init__(self) -> None:
        self.line.settimeout(PATIENCE_S)
        self._words = self.line.makefile("r")

    def next_word(self) -> dict[str, Any]:
        """What it says next, but for its batches; empty when the process is gone.

        Raises:
            SilentWorkerError: nothing for ``PATIENCE_S``.
        """
        while "batch" in (word := self._next_word()):
            self.see_batch(f"{self.name}, batch {word['batch']}")
            self.go()
        return word

    def _next_word(self) -> dict[str, Any]:
        try:
            text = self._words.readline()
        except TimeoutError:
            raise SilentWorkerError(f"{self.name} says nothing for {PATIENCE_S:.0f} s") from None
        except ConnectionError:
            text = ""
        return json.loads(text) if text else {}

    def go(self) -> None:
        """Let it go on from where it stands still."""
        with suppress(OSError):  # gone meanwhile
            self.line.sendall(b"go\n")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; fine when it is gone."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def freeze(self) -> None:
        """Stop all its threads where they are.

        Raises:
            StackError: it goes on.
        """
        self.signal(signal.SIGSTOP)
        wait_until(self._stands_still, what=f"{self.name} stands still", timeout_s=PATIENCE_S)

    def _stands_still(self) -> bool:
        status = Path(f"/proc/{self.pid}/stat")  # Linux; elsewhere the signal is trusted
        return not status.exists() or status.read_text().rpartition(")")[2].split()[0] in "Tt"

    def close(self) -> None:
        """Nothing is left of it."""
        self.signal(signal.SIGKILL)
        self._words.close()
        self.line.close()


class Workers:
    """A process that forks attempts; a context manager.

    Attributes:
        log: of all of them.

    Raises:
        StackError: it could not start; with its last words.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._open = folder, ExitStack()
        self._address = folder / "harness.sock"
        self._one_at_a_time = Lock()  # the next who calls is the one that was told to
        self.log = folder / "workers.log"

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self._listener = opened.enter_context(socket.socket(socket.AF_UNIX))
            self._listener.bind(str(self._address))
            self._listener.listen()
            self._listener.settimeout(PATIENCE_S)
            log = opened.enter_context(self.log.open("w"))
            self._parent = subprocess.Popen(  # noqa: S603 - our own program
                tethered([sys.executable, "-P", "-m", "local_stack.simulation.worker"], signal.SIGTERM),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment(),
            )
            opened.callback(self._end_parent)  # also when we are told to leave while it starts: it writes to our folder
            if not self._parent.stdout or not any(line == "ready\n" for line in self._parent.stdout):
                raise StackError(f"the workers did not start: {self.log.read_text()[-2000:]}")
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _end_parent(self) -> None:
        self._parent.kill()
        self._parent.communicate()

    def start(self, name: str, order: dict[str, Any], see_batch: Callable[[str], None]) -> Worker:
        """A new attempt. Thread-safe."""
        with self._one_at_a_time:
            return self._started(name, order, see_batch)

    def _started(self, name: str, order: dict[str, Any], see_batch: Callable[[str], None]) -> Worker:
        if self._parent.stdin is None:
            raise StackError("the workers were not started")
        text = json.dumps({"name": name, "harness": str(self._address), **order})
        self._parent.stdin.write(text + "\n")
        self._parent.stdin.flush()
        line, _ = self._listener.accept()
        worker = Worker(name, line, 0, see_batch)
        worker.pid = worker.next_word()["pid"]
        return worker

    def _environment(self) -> dict[str, str]:
        names = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        home = {"AIRFLOW_HOME": str(self._folder / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        return {**kept, **home, "TZ": "UTC", "PYTHONHASHSEED": "0"}
