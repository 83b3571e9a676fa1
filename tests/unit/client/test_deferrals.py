"""Pauses too long to sleep through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_hubspot_deals.exceptions import DeferredError
from tests.unit.client.conftest import NOW, TEN_SECONDLY, listed_ids
from tests.unit.client.scripted_server import ScriptedServer, answer, deals

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
    from tests.unit.client.conftest import StoppedClock

DAILY = {**TEN_SECONDLY, "message": "You have reached your daily limit.", "policyName": "DAILY"}


def limited(retry_after: str | None = None, body: Any = None) -> Any:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return answer(429, TEN_SECONDLY if body is None else body, headers=headers, date=NOW)


@pytest.mark.parametrize("retry_after", ["86400", "61", "1000000000", "Sat, 21 Nov 2026 09:30:00 GMT"])
def test_a03_a_long_pause_gives_the_worker_back(
    client: HubSpotClient, server: ScriptedServer, clock: StoppedClock, retry_after: str
) -> None:
    server.answers(limited(retry_after))
    with pytest.raises(DeferredError) as raised:
        listed_ids(client)
    assert 61.0 <= raised.value.resume_after_s <= 86_400.0
    assert raised.value.status_code == 429
    assert len(server.requests) == 1
    assert clock.sleeps == []


@pytest.mark.parametrize("status", [423, 502, 503, 524])
def test_a_long_pause_is_not_slept_through_whatever_the_status_that_asks_for_it(
    client: HubSpotClient, server: ScriptedServer, clock: StoppedClock, status: int
) -> None:
    server.answers(answer(status, b"", headers={"Retry-After": "61"}))
    with pytest.raises(DeferredError, match=str(status)) as raised:
        listed_ids(client)
    assert (raised.value.resume_after_s, clock.sleeps) == (61.0, [])


def test_a05_the_daily_limit_defers_until_midnight_of_the_portal(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(200, {"portalId": 1, "timeZone": "US/Eastern"}), limited(body=DAILY))
    client.portal_facts()
    with pytest.raises(DeferredError, match="no calls left") as raised:
        listed_ids(client)
    assert raised.value.resume_after_s == 21.5 * 3600
    assert raised.value.category == "DAILY"
    assert len(server.requests) == 2


def test_a05_the_daily_limit_of_an_unknown_portal_is_probed_hourly(
    client: HubSpotClient, server: ScriptedServer
) -> None:
    server.answers(limited(body={"message": "You have reached your daily limit."}))
    with pytest.raises(DeferredError) as raised:
        listed_ids(client)
    assert raised.value.resume_after_s == 3600.0


@pytest.mark.parametrize(("headers", "resume_after_s"), [({"Retry-After": "7200"}, 7200.0), ({}, 3600.0)])
def test_a17_a_migrating_portal_is_deferred(
    client: HubSpotClient, server: ScriptedServer, headers: dict[str, str], resume_after_s: float
) -> None:
    server.answers(answer(477, b"", headers=headers))
    with pytest.raises(DeferredError, match="data centre") as raised:
        listed_ids(client)
    assert raised.value.resume_after_s == resume_after_s


def test_a17_even_a_short_migration_is_not_slept_through(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(477, b"", headers={"Retry-After": "5"}))
    with pytest.raises(DeferredError):
        listed_ids(client)


def test_a_place_in_the_limit_that_is_free_in_ten_minutes_only_gives_the_worker_back(
    client: HubSpotClient, server: ScriptedServer, clock: StoppedClock
) -> None:
    two_in_ten_minutes = {"X-HubSpot-RateLimit-Max": "2", "X-HubSpot-RateLimit-Interval-Milliseconds": "600000"}
    server.answers(answer(200, deals(1), headers=two_in_ten_minutes))
    assert [listed_ids(client) for _ in range(2)] == [["1"], ["1"]]
    with pytest.raises(DeferredError, match="rate limit") as raised:
        listed_ids(client)
    assert 600.0 <= raised.value.resume_after_s < 601.0
    assert (len(server.requests), clock.sleeps) == (2, [])
