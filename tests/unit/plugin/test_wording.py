"""Numbers and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airflow_provider_hubspot_deals.plugin import wording


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "0 s"),
        (0.4, "0 s"),
        (-5, "0 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (3605, "1 h"),
        (5000, "1 h 23 min"),
        (86_400, "1 d"),
        (90_000, "1 d 1 h"),
        (100 * 86_400 + 59, "100 d"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float | None, text: str) -> None:
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "seconds", "text"),
    [(0, None, ""), (5, 0, ""), (0, 5, ""), (1, 90, "< 0.1"), (1, 2, "0.5"), (99, 10, "9.9"), (19_000, 10, "1,900")],
)
def test_a_rate_is_exact_where_it_is_small(count: int, seconds: float | None, text: str) -> None:
    assert wording.rate(count, seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (0, "< 1 s"), (0.4, "< 1 s"), (1.2, "1 s"), (61, "1 min 1 s")]
)
def test_nothing_takes_no_time(seconds: float | None, text: str) -> None:
    assert wording.took(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (999, "999 bytes"), (12_345, "12.3 kB"), (5 * 10**15, "5,000.0 TB")]
)
def test_a_size_has_its_unit(count: int, text: str) -> None:
    assert wording.size(count) == text


def test_a_moment_names_its_zone() -> None:
    assert wording.moment(datetime(2026, 11, 21, 8, tzinfo=UTC)) == "2026-11-21 08:00:00 UTC"
    assert wording.moment(None) == ""
    assert wording.number(None) == ""
    assert wording.number(1234567) == "1,234,567"
