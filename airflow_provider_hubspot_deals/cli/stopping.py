"""Ctrl-C and SIGTERM during a sync: the task is left the way in which Airflow makes it leave."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

_NOTICE = b"\nStopping: what was committed stays.\n"


class Killable(Protocol):
    """A task that Airflow could kill."""

    def on_kill(self) -> None: ...


@dataclass
class Stop:
    """Which signal asked to stop, if one did."""

    number: int | None = None


@contextmanager
def stopped_by_signals(task: Killable) -> Iterator[Stop]:
    """Leave ``task`` at the first SIGINT or SIGTERM, by what its ``on_kill`` raises, else by KeyboardInterrupt.

    Further ones change nothing: the job's row is being written, which takes seconds at most.
    """
    stop = Stop()

    def leave(number: int, _frame: FrameType | None) -> None:
        if stop.number is not None:
            return
        stop.number = number
        os.write(2, _NOTICE)  # a buffered stream may be in the middle of a write
        task.on_kill()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
