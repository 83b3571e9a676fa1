"""Our side of HubSpot's rate limits."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hubspot_deals.client.rate_limits import Bucket, RateLimits, RollingWindow

if TYPE_CHECKING:
    from tests.unit.client.conftest import StoppedClock

MAX, REMAINING, INTERVAL = (
    "X-HubSpot-RateLimit-Max",
    "X-HubSpot-RateLimit-Remaining",
    "X-HubSpot-RateLimit-Interval-Milliseconds",
)


def spend(limits: RateLimits, bucket: Bucket, times: int) -> float:
    """Seconds waited by ``times`` requests that are answered at once."""
    waited = 0.0
    for _ in range(times):
        with limits.slot(bucket) as seconds:
            waited += seconds
    return waited


def test_the_first_hundred_requests_go_out_at_once_and_the_next_waits_for_the_window(clock: StoppedClock) -> None:
    limits = RateLimits(clock.as_clock())
    assert spend(limits, Bucket.GENERAL, 100) == 0.0
    assert 10.0 < spend(limits, Bucket.GENERAL, 1) < 10.2


def test_a06_search_has_its_own_budget_of_five_a_second(clock: StoppedClock) -> None:
    limits = RateLimits(clock.as_clock())
    spend(limits, Bucket.GENERAL, 100)
    assert spend(limits, Bucket.SEARCH, 5) == 0.0
    assert 1.0 < spend(limits, Bucket.SEARCH, 1) < 1.2


def test_a06_associations_have_their_own_budget_of_a_hundred_in_ten_seconds(clock: StoppedClock) -> None:
    limits = RateLimits(clock.as_clock())
    spend(limits, Bucket.GENERAL, 100)
    assert spend(limits, Bucket.ASSOCIATIONS, 100) == 0.0
    assert 10.0 < spend(limits, Bucket.ASSOCIATIONS, 1) < 10.2


def test_a_request_without_an_answer_yet_holds_its_place() -> None:
    window = RollingWindow(2, 10.0)
    for _ in range(2):
        assert window.wait_s(0.0) == 0.0
        window.start()
    assert window.wait_s(60.0) > 0.0
    window.finish(60.0)
    assert window.wait_s(60.0) > 9.0
    assert window.wait_s(71.0) == 0.0


def test_headers_of_an_answer_tell_the_real_limit(clock: StoppedClock) -> None:
    limits = RateLimits(clock.as_clock())
    limits.learn({MAX: "190", REMAINING: "189", INTERVAL: "10000"})
    assert spend(limits, Bucket.GENERAL, 189) == 0.0
    assert limits.limit(Bucket.GENERAL) == (190, 10.0)


def test_requests_of_others_with_the_same_token_are_counted_in(clock: StoppedClock) -> None:
    limits = RateLimits(clock.as_clock())
    spend(limits, Bucket.GENERAL, 10)
    limits.learn({MAX: "100", REMAINING: "40", INTERVAL: "10000"})  # 60 gone, 10 of them ours
    assert spend(limits, Bucket.GENERAL, 40) == 0.0
    assert spend(limits, Bucket.GENERAL, 1) > 0.0


def test_what_others_used_is_forgotten_after_a_window(clock: StoppedClock) -> None:
    limits = RateLimits(clock.as_clock())
    limits.learn({MAX: "100", REMAINING: "0", INTERVAL: "10000"})
    clock.sleep(10.1)
    assert spend(limits, Bucket.GENERAL, 100) == 0.0


def test_a_portal_used_up_by_others_still_gets_one_request_a_window(clock: StoppedClock) -> None:
    limits = RateLimits(clock.as_clock())
    limits.learn({MAX: "100", REMAINING: "0", INTERVAL: "10000"})
    assert spend(limits, Bucket.GENERAL, 1) == 0.0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {MAX: "190"},
        {MAX: "0", INTERVAL: "10000"},
        {MAX: "-5", INTERVAL: "10000"},
        {MAX: "abc", INTERVAL: "10000"},
        {MAX: "9" * 5_000, INTERVAL: "10000"},
        {MAX: "190", INTERVAL: "99999999999"},
        {MAX: "١٩٠", INTERVAL: "10000"},
    ],
)
def test_headers_that_make_no_sense_change_nothing(clock: StoppedClock, headers: dict[str, str]) -> None:
    limits = RateLimits(clock.as_clock())
    limits.learn(headers)
    assert limits.limit(Bucket.GENERAL) == (100, 10.0)


def test_a_429_stops_everyone_who_shares_the_bucket(clock: StoppedClock) -> None:
    limits = RateLimits(clock.as_clock())
    limits.pause(Bucket.GENERAL, 7.0)
    assert spend(limits, Bucket.GENERAL, 1) == 7.0
    assert spend(limits, Bucket.SEARCH, 1) == 0.0


def test_a_failed_request_gives_its_place_back_after_the_window(clock: StoppedClock) -> None:
    limits = RateLimits(clock.as_clock())
    for _ in range(5):
        with pytest.raises(OSError, match="cut"), limits.slot(Bucket.SEARCH):
            raise OSError("cut")
    assert 1.0 < spend(limits, Bucket.SEARCH, 1) < 1.2


def test_an_unlimited_call_takes_no_place(clock: StoppedClock) -> None:
    limits = RateLimits(clock.as_clock())
    limits.pause(None, 100.0)
    with limits.slot(None) as waited:
        assert waited == 0.0


@pytest.mark.peer_pain(32)
def test_a06_threads_that_share_the_limits_never_exceed_them_together(clock: StoppedClock) -> None:
    limits = RateLimits(clock.as_clock())
    starts: list[float] = []
    lock = threading.Lock()

    def search() -> None:
        with limits.slot(Bucket.SEARCH), lock:
            starts.append(clock.now)

    with ThreadPoolExecutor(8) as threads:
        for _ in range(40):
            threads.submit(search)
    starts.sort()
    assert len(starts) == 40
    assert all(later - earlier >= 1.0 for earlier, later in zip(starts, starts[5:], strict=False))


@given(
    limit=st.integers(1, 12),
    window=st.sampled_from([1.0, 10.0]),
    latencies=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60),
    arrivals=st.data(),
)
def test_whatever_the_latency_no_window_of_hubspots_holds_more_than_the_limit(
    limit: int, window: float, latencies: list[float], arrivals: st.DataObject
) -> None:
    """HubSpot counts a request at any moment between its start and its answer."""
    rolling = RollingWindow(limit, window)
    now, counted = 0.0, []
    for latency in latencies:
        while wait_s := rolling.wait_s(now):
            now += wait_s
        rolling.start()
        counted.append(now + arrivals.draw(st.floats(0.0, 1.0)) * latency)
        now += latency
        rolling.finish(now)
    assert all(earlier <= later for earlier, later in pairwise(counted))
    assert all(later - earlier > window for earlier, later in zip(counted, counted[limit:], strict=False))


def test_when_others_share_the_limit_one_request_asks_first_what_they_have_left() -> None:
    window = RollingWindow(190, 10.0)
    window.learn(190, 10.0, 150, 0.0)  # 40 are not ours
    window.start()
    assert window.wait_s(0.1) == 0.0
    assert window.wait_s(5.0) > 0.0  # its answer is still to come, and the last one is too old
    window.finish(5.1)
    window.learn(190, 10.0, 100, 5.1)
    assert window.wait_s(5.2) == 0.0
    window.start()
    assert window.wait_s(5.3) == 0.0


def test_when_others_share_the_limit_requests_without_an_answer_may_still_take_from_what_is_left() -> None:
    window = RollingWindow(100, 10.0)
    for _ in range(10):
        window.start()
    window.learn(100, 10.0, 40, 0.0)  # HubSpot may have counted none of the ten
    more = 0
    while window.wait_s(0.0) == 0.0:
        window.start()
        more += 1
    assert more == 30


def test_a_limit_that_nobody_shares_needs_no_asking_first() -> None:
    window = RollingWindow(190, 10.0)
    window.start()
    window.learn(190, 10.0, 189, 0.0)
    assert window.wait_s(5.0) == 0.0
