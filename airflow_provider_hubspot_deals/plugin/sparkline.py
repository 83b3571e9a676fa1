"""The last runs as little bars: higher is more deals read, and the colour says how a run ended."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RUNS_MAX = 30
BAR_WIDTH = 4
BAR_STEP = 5
HEIGHT = 20
_LOWEST = 2  # a run that read nothing is a run all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One run: a rectangle in a picture of ``WIDTH`` times ``HEIGHT``, and the class that colours it."""

    x: int
    y: float
    height: float
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """Bars, and the sentence that says the same to who does not see them."""

    bars: tuple[Bar, ...]
    text: str
    width: int = RUNS_MAX * BAR_STEP
    height: int = HEIGHT


def sparkline(runs: Sequence[Mapping[str, Any]]) -> Sparkline:
    """Draw runs, oldest first, at the right edge; each has ``status`` and ``records``.

    Heights grow with the logarithm: beside a full run an incremental one would vanish.
    """
    shown = runs[-RUNS_MAX:]
    highest = max((math.log1p(run["records"]) for run in shown), default=0.0)
    first = RUNS_MAX - len(shown)
    return Sparkline(
        bars=tuple(_bar(first + place, run, highest) for place, run in enumerate(shown)),
        text=_text(shown),
    )


def _bar(place: int, run: Mapping[str, Any], highest: float) -> Bar:
    share = math.log1p(run["records"]) / highest if highest else 0.0
    height = round(max(_LOWEST, HEIGHT * share), 1)
    return Bar(x=place * BAR_STEP, y=round(HEIGHT - height, 1), height=height, status=run["status"])


def _text(shown: Sequence[Mapping[str, Any]]) -> str:
    if not shown:
        return "no runs"
    failed = sum(run["status"] == "failed" for run in shown)
    cancelled = sum(run["status"] == "cancelled" for run in shown)
    count = "1 run" if len(shown) == 1 else f"{len(shown)} runs"
    parts = [count, f"{failed} failed"] + ([f"{cancelled} cancelled"] if cancelled else [])
    return ", ".join([*parts, f"{shown[-1]['records']:,} deals read by the last"])
