"""Whether a figure that was looked at again and again only ever grows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Sample = tuple[float, float]
"""Seconds since the start, and a figure."""

WARM_UP_SHARE = 0.3  # of the time: imports, first connections and full reads, caches
POINTS_MAX = 120  # that a slope is taken from; more cost quadratic time and say the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much a figure may drift between warm-up and end without being called a leak."""

    absolute: float
    share: float = 0.0  # of where it began

    def of(self, start: float) -> float:
        return max(self.absolute, self.share * abs(start))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Where a figure was after the warm-up, where it is now, and how fast it got there."""

    name: str
    start: float
    end: float
    per_hour: float
    is_leak: bool


def trend_of(name: str, samples: Sequence[Sample], allowance: Allowance) -> Trend:
    """Judge a figure by its slope and by its level: noise has neither, a single step has no slope.

    The slope is Theil and Sen's, the median of those between all pairs of samples, which outliers do not move.
    """
    warm = _thinned(_after_warm_up(samples))
    quarter = max(1, len(warm) // 4)
    start, end = (median(value for _, value in part) for part in (warm[:quarter], warm[-quarter:]))
    slope = _slope(warm)
    allowed = allowance.of(start)
    grows = slope * (warm[-1][0] - warm[0][0]) > allowed
    return Trend(name=name, start=start, end=end, per_hour=slope * 3600, is_leak=grows and end - start > allowed / 2)


def _after_warm_up(samples: Sequence[Sample]) -> Sequence[Sample]:
    first, last = samples[0][0], samples[-1][0]
    warm = [sample for sample in samples if sample[0] >= first + WARM_UP_SHARE * (last - first)]
    return warm or samples[-1:]


def _thinned(samples: Sequence[Sample]) -> Sequence[Sample]:
    step = -(-len(samples) // POINTS_MAX)
    return samples[::step]


def _slope(samples: Sequence[Sample]) -> float:
    pairs = combinations(samples, 2)
    return median([(late[1] - early[1]) / (late[0] - early[0]) for early, late in pairs if late[0] > early[0]] or [0.0])
