"""Moments of a run at which a simulation may freeze or kill it, named after what has just happened.

In production nobody listens, and reaching one costs a comparison. No setting, variable or file switches this on: only
code that already runs in the process can listen, so it opens no way in.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum, auto


class KillPoint(StrEnum):
    """In the order of a run."""

    CLAIM_WRITTEN = auto()  # in the claim's transaction, before its COMMIT
    CLAIMED = auto()
    PORTAL_CHECKED = auto()  # before the first write of a deal
    DIMENSIONS_STORED = auto()
    PHASE_OPENED = auto()
    PAGE_READ = auto()  # taken into the batch
    BATCH_BEGUN = auto()  # the fence is locked, nothing is written
    ROWS_COPIED = auto()  # into the temporary table
    ROWS_WRITTEN = auto()  # deals, but neither counters nor checkpoint
    BATCH_WRITTEN = auto()  # everything, before its COMMIT
    BATCH_COMMITTED = auto()  # and the worker has not looked at its checkpoint yet
    READING_FINISHED = auto()  # before the job is completed
    COMPLETION_WRITTEN = auto()  # in the last transaction, before its COMMIT
    COMPLETED = auto()  # and nobody has been told


_listener: Callable[[KillPoint], None] | None = None


def reached(point: KillPoint) -> None:
    """Say that a run has come to ``point``."""
    if _listener is not None:
        _listener(point)


def listen(listener: Callable[[KillPoint], None] | None) -> None:
    """Call ``listener`` at every kill point of this process, in the thread that reaches it; None stops that."""
    global _listener  # noqa: PLW0603 - one process, one simulation
    _listener = listener
