"""Times that a person names, against what PostgreSQL holds and Python reads back in every time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from airflow_provider_hubspot_deals.deals.moments import moment_from

FARTHEST = [timezone(timedelta(hours=hours)) for hours in (-14, 0, 14)]


@pytest.mark.parametrize(
    "text",
    ["1970-01-01T00:00:00Z", "1969-12-31T12:00:00-12:00", "9998-12-31T23:59:59.999999Z", "9999-01-01T05:00:00+05:30"],
)
def test_a_moment_within_the_limits_can_be_shown_in_every_time_zone(text: str) -> None:
    moment = moment_from(text)
    assert {moment.astimezone(zone) for zone in FARTHEST} == {moment}


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+14:00",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00+00:01",
        "9999-01-01T00:00:00Z",
        "9998-12-31T23:59:59-00:01",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_a_moment_beyond_the_limits_is_refused_by_its_time_in_utc(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time of the years 1970 to 9998, in UTC"):
        moment_from(text)


def test_a_time_without_a_zone_is_one_of_utc() -> None:
    expected = datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert moment_from("2026-11-21 08:00") == moment_from(expected.replace(tzinfo=None)) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "2026-11-21T25:00Z"])
def test_what_is_no_time_is_answered_with_one(text: str) -> None:
    with pytest.raises(ValueError, match="such as 2026-11-21T08:00:00Z"):
        moment_from(text)
