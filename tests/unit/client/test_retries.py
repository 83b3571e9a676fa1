"""Which answers are asked for again, when, and what comes of those that never improve."""

from __future__ import annotations

import itertools
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_hubspot_deals.client.pauses import PAUSE_MIN_S
from airflow_provider_hubspot_deals.client.rate_limits import RateLimits
from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.exceptions import (
    AuthenticationError,
    BadResponseError,
    HubSpotRefusedError,
    RateLimitedError,
    UpstreamUnavailableError,
)
from tests.unit.client.conftest import NOW, TEN_SECONDLY, listed_ids
from tests.unit.client.scripted_server import ScriptedServer, answer, deals

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
    from tests.unit.client.conftest import StoppedClock

CLOUDFLARE = b"<html>\n<head><title>502 Bad Gateway</title></head></html>"
GOOD = answer(200, deals(1))


def limited(retry_after: str | None = None, body: Any = None) -> Any:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return answer(429, TEN_SECONDLY if body is None else body, headers=headers, date=NOW)


def test_a01_retry_after_is_waited_for(client: HubSpotClient, server: ScriptedServer, clock: StoppedClock) -> None:
    server.answers(limited("3"), GOOD)
    assert listed_ids(client) == ["1"]
    assert 3.0 <= sum(clock.sleeps) < 10.0
    assert client.usage.rate_limit_hits == 1
    assert client.usage.seconds_waiting >= 3.0


def test_a02_without_retry_after_waits_grow_and_are_not_alike(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer, clock: StoppedClock
) -> None:
    """Each wait is random, so what grows is seen in many clients' waits."""
    waits = []
    for _ in range(40):
        clock.sleeps.clear()
        server.answers(*[limited()] * 6, GOOD)
        listed_ids(make_client())
        assert all(1.0 <= wait <= 61.0 for wait in clock.sleeps)
        assert len(set(clock.sleeps)) == len(clock.sleeps) == 6
        waits.append([wait - PAUSE_MIN_S[429] for wait in clock.sleeps])
    medians = [median(nth) for nth in zip(*waits, strict=True)]
    for earlier, later in zip(medians, medians[2:], strict=False):
        assert later > 2 * earlier  # four times as long, but for chance


def test_jitter_is_spread_over_the_whole_wait(make_client: Callable[..., HubSpotClient], clock: StoppedClock) -> None:
    """Workers that failed together must not come back together."""
    waits = []
    for _ in range(30):
        with ScriptedServer([answer(500, b""), GOOD]) as server:
            listed_ids(make_client(base_url=server.url, retries=Retries(backoff_s=10.0)))
        waits.append(clock.sleeps[-1])
    assert min(waits) < 3.0
    assert max(waits) > 7.0


@pytest.mark.parametrize("retry_after", ["-5", "abc", "", "0", "Sat, 21 Nov 2026 06:30:00 GMT", "1e9"])
def test_a04_a_retry_after_that_makes_no_sense_is_as_good_as_none(
    client: HubSpotClient, server: ScriptedServer, clock: StoppedClock, retry_after: str
) -> None:
    server.answers(limited(retry_after), GOOD)
    assert listed_ids(client) == ["1"]
    assert 1.0 <= sum(clock.sleeps) < 3.0


def test_a04_retry_after_as_a_date_is_measured_by_hubspots_clock(
    client: HubSpotClient, server: ScriptedServer, clock: StoppedClock
) -> None:
    server.answers(limited("Sat, 21 Nov 2026 07:30:20 GMT"), GOOD)
    listed_ids(client)
    assert 20.0 <= sum(clock.sleeps) < 25.0


def test_no_single_wait_holds_a_worker_for_more_than_a_minute(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer, clock: StoppedClock
) -> None:
    """A longer one gives it back; jitter must not make one of the longest that is slept through."""
    server.answers(limited("58"))
    with pytest.raises(RateLimitedError):
        listed_ids(make_client(retries=Retries(backoff_s=60.0)))
    assert len(clock.sleeps) > 3
    assert all(58.0 <= wait <= 60.0 for wait in clock.sleeps)


def test_a06_a_429_on_search_does_not_hold_up_the_list(
    client: HubSpotClient, server: ScriptedServer, clock: StoppedClock
) -> None:
    server.answers(answer(429, {"policyName": "SECONDLY"}), answer(200, {"total": 3, "results": []}))
    assert client.highest_deal().total == 3
    waited = sum(clock.sleeps)
    server.answers(GOOD)
    listed_ids(client)
    assert sum(clock.sleeps) == waited >= 1.0


def test_a06_a_429_of_one_client_holds_up_the_others_of_the_same_portal(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer, clock: StoppedClock
) -> None:
    shared = RateLimits(clock.as_clock())
    first, second = (make_client(rate_limits=shared, retries=Retries(attempts_max=1)) for _ in range(2))
    server.answers(limited("7"), GOOD)
    with pytest.raises(RateLimitedError):
        listed_ids(first)
    assert listed_ids(second) == ["1"]
    assert sum(clock.sleeps) >= 7.0


def test_a07_endless_429_ends_rate_limited(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(limited())
    with pytest.raises(RateLimitedError) as raised:
        listed_ids(client)
    assert raised.value.code == "RATE_LIMITED"
    assert raised.value.category == "TEN_SECONDLY_ROLLING"
    assert raised.value.correlation_id == TEN_SECONDLY["correlationId"]
    assert len(server.requests) == Retries().attempts_max
    assert client.usage.rate_limit_hits == Retries().attempts_max


def test_a07_the_time_budget_ends_it_before_the_attempts_do(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer, clock: StoppedClock
) -> None:
    server.answers(limited("50"))
    with pytest.raises(RateLimitedError):
        listed_ids(make_client(retries=Retries(attempts_max=1_000, budget_s=120.0)))
    assert sum(clock.sleeps) <= 120.0
    assert len(server.requests) == 3


def test_a16_a_locked_account_is_left_alone_for_two_seconds(
    client: HubSpotClient, server: ScriptedServer, clock: StoppedClock
) -> None:
    server.answers(answer(423, {"message": "locked"}), GOOD)
    listed_ids(client)
    assert sum(clock.sleeps) >= 2.0


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, *range(520, 527)])
def test_a18_a_gateway_error_is_asked_again(client: HubSpotClient, server: ScriptedServer, status: int) -> None:
    server.answers(answer(status, CLOUDFLARE, content_type="text/html"), GOOD)
    assert listed_ids(client) == ["1"]
    assert client.usage.retries == 1


@pytest.mark.parametrize("status", [500, 503, 522, 599])
def test_a18_one_that_stays_is_hubspots_trouble(client: HubSpotClient, server: ScriptedServer, status: int) -> None:
    server.answers(answer(status, CLOUDFLARE, content_type="text/html"))
    with pytest.raises(UpstreamUnavailableError, match=str(status)) as raised:
        listed_ids(client)
    assert raised.value.code == "UPSTREAM_DOWN"
    assert raised.value.status_code == status
    assert "html" not in str(raised.value)


def test_the_body_of_an_error_may_be_damaged_without_hiding_its_status(
    client: HubSpotClient, server: ScriptedServer
) -> None:
    server.answers(answer(503, b"no gzip", headers={"Content-Encoding": "gzip"}), GOOD)
    assert listed_ids(client) == ["1"]


@pytest.mark.parametrize("status", [400, 404, 409, 414])
def test_a_refusal_is_not_asked_again(client: HubSpotClient, server: ScriptedServer, status: int) -> None:
    server.answers(answer(status, {"status": "error", "message": "No.", "category": "VALIDATION_ERROR"}))
    with pytest.raises(HubSpotRefusedError, match=r"No\.") as raised:
        listed_ids(client)
    assert raised.value.status_code == status
    assert raised.value.category == "VALIDATION_ERROR"
    assert len(server.requests) == 1


def test_a_400_that_is_not_hubspots_is_asked_again(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(400, b"<html>Bad Request</html>"), GOOD)
    assert listed_ids(client) == ["1"]
    server.answers(answer(400, b"<html>Bad Request</html>"))
    with pytest.raises(BadResponseError, match="in between"):
        listed_ids(client)


def test_a08_a_wrong_token_ends_within_two_requests(
    client: HubSpotClient, server: ScriptedServer, clock: StoppedClock
) -> None:
    server.answers(answer(401, {"message": "Authentication credentials not found.", "category": "INVALID"}))
    with pytest.raises(AuthenticationError, match="Check the token") as raised:
        listed_ids(client)
    assert raised.value.code == "AUTH_INVALID"
    assert len(server.requests) == 2
    assert clock.sleeps == []


def test_a10_a_sporadic_401_is_forgiven_each_time(client: HubSpotClient, server: ScriptedServer) -> None:
    sporadic = answer(401, {"message": "Authentication credentials not found."})
    server.answers(sporadic, GOOD, sporadic, GOOD)
    assert [listed_ids(client), listed_ids(client)] == [["1"], ["1"]]


def test_a19_a_530_is_about_the_token(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(530, b"error code: 1016"))
    with pytest.raises(AuthenticationError):
        listed_ids(client)
    assert len(server.requests) == 1


def test_retries_can_be_switched_off(impatient: HubSpotClient, server: ScriptedServer, clock: StoppedClock) -> None:
    server.answers(answer(503, b""))
    with pytest.raises(UpstreamUnavailableError):
        listed_ids(impatient)
    assert len(server.requests) == 1
    assert clock.sleeps == []


@pytest.mark.peer_pain(31)
def test_a_steady_stream_stays_within_what_the_headers_allow(
    client: HubSpotClient, server: ScriptedServer, clock: StoppedClock
) -> None:
    headers = {"X-HubSpot-RateLimit-Max": "10", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}
    starts: list[float] = []

    def counting(handler: Any) -> None:
        starts.append(clock.now)
        answer(200, deals(1), headers=headers)(handler)

    server.answers(counting)
    for _ in range(35):
        listed_ids(client)
    assert all(
        later - earlier >= 10.0 for earlier, later in zip(starts, itertools.islice(starts, 10, None), strict=False)
    )
    assert clock.now - 1_000.0 < 35.0
