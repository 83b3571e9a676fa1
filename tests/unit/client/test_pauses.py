"""How long HubSpot asks us to wait."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airflow_provider_hubspot_deals.client.pauses import (
    clamp_deferral,
    parse_http_date,
    parse_retry_after,
    until_midnight_s,
)

NOW = datetime(2026, 11, 21, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0),
        (" 3 ", 3.0),
        ("2.5", 2.5),
        ("1000000000", 1e9),
        ("Sat, 21 Nov 2026 07:30:10 GMT", 10.0),
        ("Sat, 21 Nov 2026 08:30:10 +0100", 10.0),
    ],
)
def test_a04_both_forms_of_retry_after_are_understood(text: str, seconds: float) -> None:
    assert parse_retry_after(text, now=NOW) == seconds


@pytest.mark.parametrize(
    "text",
    [None, "", "0", "-5", "abc", "1e9", "inf", "nan", "٣", ".", "1.2.3", "Fri, 20 Nov 2026 07:30:10 GMT", "Sat, 99 X"],
)
def test_a04_nonsense_and_the_past_ask_for_nothing(text: str | None) -> None:
    assert parse_retry_after(text, now=NOW) is None


def test_a_date_without_zone_is_utc() -> None:
    assert parse_http_date("Sat, 21 Nov 2026 07:30:00 -0000") == NOW


def test_a05_the_daily_limit_resets_at_midnight_of_the_portal() -> None:
    assert until_midnight_s("US/Eastern", now=NOW) == (24 - 2.5) * 3600  # 02:30 there
    assert until_midnight_s("Asia/Tokyo", now=NOW) == (24 - 16.5) * 3600  # 16:30 there


def test_a_day_that_ends_with_a_clock_change_is_an_hour_longer_or_shorter() -> None:
    autumn = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)  # 00:30 on the 25th in Berlin, a day of 25 hours
    assert until_midnight_s("Europe/Berlin", now=autumn) == 24.5 * 3600


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "a\0b"])
def test_an_unknown_time_zone_means_one_probe_an_hour(zone: str) -> None:
    assert until_midnight_s(zone, now=NOW) == 3600.0


@pytest.mark.parametrize(("asked", "granted"), [(1e9, 86_400.0), (0.0, 1.0), (7_200.0, 7_200.0)])
def test_a_deferral_is_at_most_a_day(asked: float, granted: float) -> None:
    assert clamp_deferral(asked) == granted
