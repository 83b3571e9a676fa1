"""What a soak calls a leak, and what it does not."""

from __future__ import annotations

import random

import pytest

from local_stack.soak.trends import Allowance, Sample, trend_of

ALLOWANCE = Allowance(absolute=3.0, share=0.05)


def series(grows_by: float, *, noise: float = 0.0, level: float = 50.0, seconds: int = 100) -> list[Sample]:
    chance = random.Random(7)  # noqa: S311 - noise
    return [(float(s), level + grows_by * s / seconds + chance.uniform(-noise, noise)) for s in range(seconds)]


@pytest.mark.parametrize("grows_by", [10.0, 100.0])
@pytest.mark.parametrize("noise", [0.0, 1.0, 5.0])
def test_what_grows_all_the_time_is_a_leak(grows_by: float, noise: float) -> None:
    trend = trend_of("memory", series(grows_by, noise=noise), ALLOWANCE)
    assert trend.is_leak
    assert trend.per_hour == pytest.approx(grows_by * 36, rel=0.5)


@pytest.mark.parametrize("noise", [0.0, 1.0, 20.0])
def test_noise_and_little_drifts_are_none(noise: float) -> None:
    assert not trend_of("memory", series(0.0, noise=noise), ALLOWANCE).is_leak
    assert not trend_of("memory", series(2.0), ALLOWANCE).is_leak
    assert not trend_of("memory", series(40.0, level=1_000.0), ALLOWANCE).is_leak


def test_what_grows_while_it_warms_up_is_none() -> None:
    warming = [(float(s), min(s, 25) * 4.0) for s in range(100)]
    assert not trend_of("memory", warming, ALLOWANCE).is_leak


def test_a_peak_and_what_shrinks_are_none() -> None:
    peak = [(at, value + (100.0 if 60 < at < 70 else 0.0)) for at, value in series(0.0)]
    assert not trend_of("memory", peak, ALLOWANCE).is_leak
    assert not trend_of("memory", series(-50.0), ALLOWANCE).is_leak


def test_one_sample_is_no_trend() -> None:
    assert not trend_of("memory", [(0.0, 5.0)], ALLOWANCE).is_leak


def test_many_samples_are_thinned() -> None:
    assert trend_of("memory", series(50.0, seconds=5_000), ALLOWANCE).is_leak
