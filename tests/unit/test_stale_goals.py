"""From when on data is stale: what follows from the schedule, and what the file says."""

from __future__ import annotations

import pytest

from airflow_provider_hubspot_deals.notifications.staleness import stale_alert
from airflow_provider_hubspot_deals.organizations import Organization, parse_organization
from airflow_provider_hubspot_deals.organizations.schedules import minutes_between_runs, spread

HOUR, DAY = 60, 1440
TOLD = [{"webhook": "crm_webhook"}]


def goal(**settings: object) -> int:
    return parse_organization({"slug": "acme", **settings}).stale_after_minutes


@pytest.mark.parametrize(
    ("schedule", "minutes"),
    [
        ("@hourly", HOUR),
        ("H/15 * * * *", 15),
        ("* * * * *", 1),
        ("@daily", DAY),
        ("@weekly", 7 * DAY),
        ("@monthly", 31 * DAY),
        ("@quarterly", 92 * DAY),
        ("0 8,12 * * *", 20 * HOUR),
        ("5,0 */7 * * *", 7 * HOUR - 5),
        ("H 9 * * MON-FRI", 3 * DAY),
        ("*/5 9-17 * * MON-FRI", 2 * DAY + 15 * HOUR + 5),
        ("0 0 * * MON#1", 35 * DAY),
        ("0 0 L * *", 31 * DAY),
        ("0 0 1 JAN *", 366 * DAY),
        ("0 0 29 2 *", 1461 * DAY),
        ("0 0 31 2 *", None),
        ("99 * * * *", None),
        ("@once", None),
        (None, None),
    ],
)
def test_the_time_between_two_runs_is_the_longest_that_the_schedule_leaves(
    schedule: str | None, minutes: int | None
) -> None:
    for slug in ("acme", "bravo", "charlie"):
        assert minutes_between_runs(spread(schedule, slug, "standard")) == minutes


@pytest.mark.parametrize(
    ("schedule", "minutes"),
    [("@hourly", DAY), ("H H/5 * * *", DAY), ("@daily", 2 * DAY), ("@weekly", 14 * DAY), ("0 0 29 2 *", 2922 * DAY)],
)
def test_data_is_stale_after_two_times_between_runs_and_a_day_at_least(schedule: str, minutes: int) -> None:
    assert goal(schedule=schedule) == minutes


def test_what_the_file_says_wins() -> None:
    assert goal(schedule="@weekly", stale_after_minutes=180) == 180


def test_a_schedule_that_only_looks_like_one_hinders_no_goal() -> None:
    assert goal(schedule="99 * * * *") == DAY


def told(**settings: object) -> Organization:
    return parse_organization({"slug": "acme", "notifications": TOLD, **settings})


@pytest.mark.airflow("*stale* notifications", from_="3.2")
@pytest.mark.parametrize("schedule", ["none", "@once"])
def test_nobody_is_told_that_data_without_a_schedule_is_stale(schedule: str) -> None:
    assert stale_alert(told()) is not None
    assert stale_alert(told(schedule=schedule, stale_after_minutes=60)) is None
