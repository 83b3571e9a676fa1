"""What a fleet costs while it stands: CPU of every component over some minutes, as shares of the machine."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.fleet.stack import FleetStack

HOUR_S = 3600.0
MIB = 2**20
SAMPLE_S = 2.0
CORES = os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class Window:
    """Some minutes of a fleet.

    Attributes:
        cpu_s: by component.
        memory_mib: by component, at its highest.
        runs: that began in it, by state at its end.
    """

    seconds: float
    cpu_s: Mapping[str, float]
    memory_mib: Mapping[str, float]
    runs: Mapping[str, int]

    @property
    def share(self) -> float:
        """Of all cores of the machine."""
        return sum(self.cpu_s.values()) / (self.seconds * CORES)

    def share_of(self, component: str) -> float:
        """Of all cores, likewise."""
        return self.cpu_s[component] / (self.seconds * CORES)


def observe(stack: FleetStack, seconds: float) -> Window:
    """Wait so long and see what it cost."""
    began, before, clock = datetime.now(UTC), stack.usage(), time.monotonic()
    seen = [before]
    while (left := seconds - (time.monotonic() - clock)) > 0:
        time.sleep(min(left, SAMPLE_S))
        seen.append(stack.usage())
    after, took = seen[-1], time.monotonic() - clock
    return Window(
        seconds=round(took, 1),
        cpu_s={name: round(after[name].cpu_s - before[name].cpu_s, 2) for name in sorted(after)},
        memory_mib={name: round(max(each[name].memory_bytes for each in seen) / MIB, 1) for name in sorted(after)},
        runs=stack.metadata.runs_since(began),
    )


def hour_of(standing: Window, hourly: Window, organizations: int) -> dict[str, Any]:
    """What an hour costs in which each organization runs once, from a window without runs and one with some.

    Extrapolated by runs, not by time: a window has as many of them as its minutes happen to have.
    """
    runs = sum(hourly.runs.values())
    of_standing = sum(standing.cpu_s.values()) / standing.seconds
    if not runs:
        return {"runs_seen": 0, "standing_share": round(standing.share, 4)}
    per_run = (sum(hourly.cpu_s.values()) - of_standing * hourly.seconds) / runs
    return {
        "runs_seen": runs,
        "standing_share": round(standing.share, 4),
        "cpu_s_per_run": round(per_run, 2),
        "share": round((of_standing * HOUR_S + per_run * organizations) / (HOUR_S * CORES), 4),
    }
