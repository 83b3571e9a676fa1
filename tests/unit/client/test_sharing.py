"""Limits that clients share, calls left to others, requests that are given up."""

from __future__ import annotations

import gc
import threading
import time
from concurrent.futures import CancelledError
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_hubspot_deals.client.clock import Clock
from airflow_provider_hubspot_deals.client.credentials import OAuthRefreshToken, PrivateAppToken
from airflow_provider_hubspot_deals.client.rate_limits import Bucket, RateLimits, shared_rate_limits
from airflow_provider_hubspot_deals.exceptions import DeferredError
from tests.unit.client.conftest import TOKEN, listed_ids
from tests.unit.client.scripted_server import answer, deals

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
    from tests.unit.client.conftest import StoppedClock
    from tests.unit.client.scripted_server import ScriptedServer, Step

URL = "https://api.hubapi.com"
HUNDRED_NINETY = {"X-HubSpot-RateLimit-Max": "190", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}
OTHER_TOKEN = TOKEN.replace("1", "6")


def test_f17_one_credential_at_one_host_has_one_set_of_limits() -> None:
    mine = shared_rate_limits(URL, PrivateAppToken(TOKEN).fingerprint)
    assert shared_rate_limits(URL, PrivateAppToken(TOKEN).fingerprint) is mine
    assert shared_rate_limits(URL, PrivateAppToken(OTHER_TOKEN).fingerprint) is not mine
    assert shared_rate_limits("https://elsewhere.example", PrivateAppToken(TOKEN).fingerprint) is not mine


def test_limits_that_nobody_uses_are_forgotten() -> None:
    shared_rate_limits(URL, "gone").learn(
        {"X-HubSpot-RateLimit-Max": "250", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}
    )
    gc.collect()
    assert shared_rate_limits(URL, "gone").limit(Bucket.GENERAL) == (100, 10.0)


def test_a_fingerprint_does_not_hold_the_secret() -> None:
    oauth = OAuthRefreshToken("client", "secret-of-the-app", "refresh-of-the-portal")
    for credentials, secrets in (
        (PrivateAppToken(TOKEN), [TOKEN]),
        (oauth, ["secret-of-the-app", "refresh-of-the-portal"]),
    ):
        assert len(credentials.fingerprint) == 64
        assert not any(secret in credentials.fingerprint for secret in secrets)


@pytest.mark.parametrize(
    ("latency_s", "side_by_side"), [(0.0, 1), (0.001, 1), (0.1, 8), (2.0, 16)], ids=["none", "1 ms", "100 ms", "2 s"]
)
def test_the_longer_answers_take_the_more_requests_go_side_by_side(latency_s: float, side_by_side: int) -> None:
    limits = RateLimits()
    limits.learn(HUNDRED_NINETY)
    assert limits.in_flight_to_use(Bucket.GENERAL, latency_s) == side_by_side


def test_the_fastest_of_the_recent_answers_tells_the_latency(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer, clock: StoppedClock
) -> None:
    """The slow ones may have waited for this process: more requests side by side would make them slower still."""
    client = make_client(rate_limits=RateLimits(clock.as_clock()))
    for latency_s in (0.1, 8.0, 8.0):
        server.answers(after(latency_s, clock))
        listed_ids(client)
    assert client.requests_in_flight == 8

    server.answers(*[after(8.0, clock)] * 32)  # nothing faster for a while
    for _ in range(32):
        listed_ids(client)
    assert client.requests_in_flight == 16


def after(latency_s: float, clock: StoppedClock) -> Step:
    """An answer that takes so long, in the time of the clock."""
    at_once = answer(200, deals(1), headers=HUNDRED_NINETY)

    def step(handler: Any) -> None:
        clock.sleep(latency_s)
        at_once(handler)

    return step


def daily(remaining: int) -> dict[str, str]:
    return {"X-HubSpot-RateLimit-Daily": "1000", "X-HubSpot-RateLimit-Daily-Remaining": str(remaining)}


def test_the_reserve_of_the_day_is_left_to_others(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer
) -> None:
    server.answers(*(answer(200, deals(left), headers=daily(left)) for left in (201, 200, 199)))
    client = make_client(daily_reserve_percent=20)
    assert [listed_ids(client) for _ in range(3)] == [["201"], ["200"], ["199"]]

    with pytest.raises(DeferredError, match=r"199 of 1000 .*daily_reserve_percent") as raised:
        listed_ids(client)

    assert raised.value.code == "DAILY_RESERVE"
    assert 0 < raised.value.resume_after_s <= 24 * 3600
    assert len(server.requests) == 3


MIDNIGHT = datetime(2026, 11, 21, 5, tzinfo=UTC)  # in New York


@pytest.mark.parametrize(
    ("now", "resume_after_s"),
    [
        (MIDNIGHT + timedelta(seconds=20), 3_600.0),
        (MIDNIGHT + timedelta(minutes=11), (24 * 60 - 11) * 60.0),
        (datetime(2026, 3, 8, 5, 0, 20, tzinfo=UTC), 3_600.0),  # of a day of 23 hours
    ],
    ids=["at once", "later", "of a short day"],
)
def test_a_reserve_that_is_not_back_right_after_midnight_is_asked_for_in_an_hour_and_not_in_a_day(
    make_client: Callable[..., HubSpotClient],
    server: ScriptedServer,
    now: datetime,
    resume_after_s: float,
) -> None:
    portal = {"portalId": 1, "timeZone": "US/Eastern"}
    server.answers(answer(200, portal, headers=daily(199), date=now))
    client = make_client(daily_reserve_percent=20)
    client.portal_facts()

    with pytest.raises(DeferredError) as raised:
        listed_ids(client)

    assert (raised.value.code, raised.value.resume_after_s) == ("DAILY_RESERVE", resume_after_s)


def test_what_answers_about_associations_say_of_the_day_is_of_their_own_budget(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer
) -> None:
    of_associations = {**daily(100), "X-HubSpot-RateLimit-Daily": "500000"}
    server.answers(
        answer(200, deals(1), headers=daily(250)),
        answer(200, {"status": "COMPLETE", "results": [{"from": {"id": "1"}, "to": []}]}, headers=of_associations),
        answer(200, deals(2), headers=daily(249)),
    )
    client = make_client(daily_reserve_percent=20)
    listed_ids(client)

    assert client.read_associations("contacts", [1]) == ([], [])

    assert (client.usage.daily_limit, client.usage.daily_remaining) == (1_000, 250)
    assert listed_ids(client) == ["2"]


@pytest.mark.parametrize("headers", [daily(0), {}], ids=["nothing left", "an app without daily limit"])
def test_without_a_reserve_or_a_daily_limit_nothing_is_held_back(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer, headers: dict[str, str]
) -> None:
    server.answers(answer(200, deals(1), headers=headers))
    client = make_client(daily_reserve_percent=0 if headers else 20)
    assert [listed_ids(client) for _ in range(2)] == [["1"], ["1"]]


def abandoned_while(client: HubSpotClient, is_waiting: Callable[[], bool]) -> tuple[BaseException | None, float]:
    """What a thread that waits for ``client`` gets when it is abandoned, and the seconds that it took."""
    raised: list[BaseException] = []

    def ask() -> None:
        try:
            listed_ids(client)
        except Exception as error:  # noqa: BLE001 - whichever it is
            raised.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    deadline = time.monotonic() + 20
    while not is_waiting():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    began = time.monotonic()
    client.abandon()
    thread.join(20)
    return (raised[0] if raised else None), time.monotonic() - began


def hang(released: threading.Event) -> Callable[[object], None]:
    return lambda _handler: (released.wait(30), None)[1]


def test_an_answer_that_does_not_come_is_given_up_within_a_second(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer
) -> None:
    released = threading.Event()
    server.answers(hang(released))
    error, seconds = abandoned_while(make_client(clock=Clock()), lambda: bool(server.requests))
    released.set()
    assert isinstance(error, CancelledError)
    assert seconds < 1


def test_a_wait_for_a_place_in_the_limit_is_given_up_within_a_second(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer
) -> None:
    server.answers(answer(200, deals(1)))
    limits = RateLimits()
    limits.pause(Bucket.GENERAL, 30)
    error, seconds = abandoned_while(make_client(clock=Clock(), rate_limits=limits), lambda: True)
    assert isinstance(error, CancelledError)
    assert (seconds < 1, server.requests) == (True, [])


def test_a_wait_before_another_attempt_is_given_up_within_a_second(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer
) -> None:
    server.answers(answer(429, {"status": "error"}, headers={"Retry-After": "30"}))
    error, seconds = abandoned_while(make_client(clock=Clock()), lambda: bool(server.requests))
    assert isinstance(error, CancelledError)
    assert seconds < 1


def test_an_abandoned_client_asks_nothing_more(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(200, deals(1)))
    client.abandon()
    with pytest.raises(CancelledError):
        listed_ids(client)
    assert server.requests == []
