"""What a process uses, measured from inside it. Standard library only: it runs in every peer's environment."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RESET_PEAK = "5"  # proc(5): forget the peak resident set size so far


def read_order() -> dict[str, Any]:
    """What is to be done: the JSON file named last on the command line."""
    order: dict[str, Any] = json.loads(Path(sys.argv[-1]).read_text())
    return order


@contextmanager
def metered(figures: str | Path) -> Iterator[None]:
    """Write what happens inside to a JSON file: seconds on the system-wide monotonic clock, CPU seconds, bytes.

    To be entered after a program's imports, so that start-up counts for nobody; what it imports later counts for it.
    """
    Path("/proc/self/clear_refs").write_text(RESET_PEAK)
    idle_rss, cpu_s, began_at = _memory("VmRSS"), _cpu_s(), time.monotonic()
    yield
    measured = {
        "began_at": began_at,
        "ended_at": time.monotonic(),
        "cpu_s": _cpu_s() - cpu_s,
        "idle_rss": idle_rss,
        "peak_rss": _memory("VmHWM"),
    }
    Path(figures).write_text(json.dumps(measured))


def _cpu_s() -> float:
    """Of this process and the children it has waited for."""
    used = [resource.getrusage(whom) for whom in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _memory(field: str) -> int:
    """A field of /proc/self/status in bytes. Not ru_maxrss: that one starts at the size of the parent process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))
