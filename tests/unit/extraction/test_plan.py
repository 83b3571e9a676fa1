"""Windows close behind HubSpot's clock and leave no gap."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hubspot_deals.extraction import plan
from tests.unit.extraction.conftest import NOON

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
spans = st.timedeltas(timedelta(0), timedelta(days=400))


def window(
    watermark: datetime | None, *, started_at: datetime = NOON, now: datetime = NOON
) -> tuple[datetime, datetime]:
    return plan.changed_window(
        watermark=watermark, started_at=started_at, now=now, search_lag=HOUR, overlap=10 * MINUTE
    )


def test_a_window_reaches_from_before_the_watermark_to_behind_the_clock() -> None:
    assert window(NOON - 5 * HOUR) == (NOON - 5 * HOUR - 10 * MINUTE, NOON - HOUR)


def test_a_full_run_reads_again_what_changed_while_it_listed_and_what_a_late_list_had_not_yet() -> None:
    start, end = window(None, started_at=NOON - 3 * HOUR)
    assert (start, end) == (NOON - 4 * HOUR - 10 * MINUTE, NOON - HOUR)


def test_a_quick_full_run_still_moves_the_watermark_and_leaves_no_gap() -> None:
    start, end = window(None, started_at=NOON - MINUTE)
    assert start < end == NOON - HOUR


@given(ago=spans, lag=spans, overlap=spans)
def test_a_watermark_never_goes_back_and_windows_never_leave_a_gap(
    ago: timedelta, lag: timedelta, overlap: timedelta
) -> None:
    watermark = NOON - ago
    start, end = plan.changed_window(watermark=watermark, started_at=NOON, now=NOON, search_lag=lag, overlap=overlap)
    assert start <= watermark <= end


def test_the_fresh_window_begins_where_the_closed_one_ends_and_ends_after_now() -> None:
    start, end = plan.fresh_window(NOON - HOUR, NOON)
    assert start == NOON - HOUR
    assert end > NOON


def test_no_window_begins_at_the_epoch() -> None:
    start, _ = window(plan.FIRST_INSTANT)
    assert start == plan.FIRST_INSTANT


def test_a_full_run_is_an_incremental_one_with_the_live_list_before_its_search() -> None:
    full = plan.PHASES["full"]
    added = {plan.LIVE, plan.ARCHIVED_AGAIN}
    assert tuple(phase for phase in full if phase not in added) == plan.PHASES["incremental"]
    assert (
        full.index(plan.ARCHIVED) < full.index(plan.LIVE) < full.index(plan.CHANGED) < full.index(plan.ARCHIVED_AGAIN)
    )


def test_absent_deals_are_confirmed_when_every_list_has_been_read() -> None:
    assert plan.PHASES["full"][-1] == plan.PHASES["incremental"][-1] == plan.ABSENT
