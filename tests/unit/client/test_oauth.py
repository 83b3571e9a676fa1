"""Access tokens from a refresh token: fetched in time, once, and given up when they must be."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from airflow_provider_hubspot_deals.client.credentials import OAuthRefreshToken
from airflow_provider_hubspot_deals.exceptions import (
    AuthenticationError,
    BadResponseError,
    UpstreamUnavailableError,
    WrongPortalError,
)
from tests.unit.client.conftest import listed_ids
from tests.unit.client.scripted_server import Received, ScriptedServer, Step, answer, deals

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
    from tests.unit.client.conftest import StoppedClock

EXPIRED = answer(
    401,
    {
        "status": "error",
        "message": "The OAuth token used to make this call expired 75 second(s) ago.",
        "category": "EXPIRED_AUTHENTICATION",
    },
)
UNAUTHORIZED = answer(401, {"message": "Authentication credentials not found.", "category": "INVALID_AUTHENTICATION"})
GOOD = answer(200, deals(1))


class OAuthServer(ScriptedServer):
    """Grants tokens on the OAuth path; everything else follows the script."""

    grant: Step | None = None
    granted = 0

    def next_step(self, received: Received) -> Step:
        if not received.target.startswith("/oauth/"):
            return super().next_step(received)
        with self._lock:
            self.requests.append(received)
            self.granted += 1
            return self.grant or granting(f"access-token-{self.granted}")

    @property
    def api_tokens(self) -> list[str | None]:
        return [request.headers.get("authorization") for request in self.requests if "/oauth/" not in request.target]


def granting(token: str, **more: Any) -> Step:
    grant = {"token_type": "bearer", "refresh_token": "refresh-token-1", "expires_in": 1800, "hub_id": 1}
    return answer(200, {**grant, "access_token": token, **more})


@pytest.fixture
def portal() -> Any:
    with OAuthServer() as scripted:
        yield scripted


@pytest.fixture
def connect(portal: OAuthServer, make_client: Callable[..., HubSpotClient], clock: StoppedClock) -> Any:
    def make(**callbacks: Any) -> HubSpotClient:
        grant = OAuthRefreshToken("client-id", "client-secret", "refresh-token-1", clock=clock.as_clock(), **callbacks)
        return make_client(base_url=portal.url, credentials=grant)

    return make


def test_a_token_is_fetched_once_and_used_until_it_is_about_to_expire(
    connect: Callable[..., HubSpotClient], portal: OAuthServer, clock: StoppedClock
) -> None:
    portal.answers(GOOD)
    client = connect()
    for _ in range(3):
        listed_ids(client)
        clock.now += 570.0  # the last time, 90 s before the end
    listed_ids(client)
    assert portal.granted == 2
    assert portal.api_tokens == ["Bearer access-token-1"] * 3 + ["Bearer access-token-2"]


def test_the_refresh_sends_its_secrets_in_the_body_only(
    connect: Callable[..., HubSpotClient], portal: OAuthServer
) -> None:
    portal.answers(GOOD)
    listed_ids(connect())
    refresh = portal.requests[0]
    assert refresh.target == "/oauth/v3/token"
    assert refresh.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in refresh.headers
    assert parse_qs(refresh.body.decode()) == {
        "grant_type": ["refresh_token"],
        "client_id": ["client-id"],
        "client_secret": ["client-secret"],
        "refresh_token": ["refresh-token-1"],
    }


def test_a09_a_token_that_expired_meanwhile_is_refreshed_and_the_same_page_asked_again(
    connect: Callable[..., HubSpotClient], portal: OAuthServer
) -> None:
    portal.answers(GOOD, EXPIRED, GOOD)
    client = connect()
    assert [listed_ids(client), listed_ids(client)] == [["1"], ["1"]]
    assert portal.api_tokens == ["Bearer access-token-1"] * 2 + ["Bearer access-token-2"]


def test_a09_a_second_401_is_final(connect: Callable[..., HubSpotClient], portal: OAuthServer) -> None:
    portal.answers(EXPIRED)
    with pytest.raises(AuthenticationError):
        listed_ids(connect())
    assert portal.api_tokens == ["Bearer access-token-1", "Bearer access-token-2"]


def test_a10_a_sporadic_401_is_asked_again_with_the_same_token_before_any_refresh(
    connect: Callable[..., HubSpotClient], portal: OAuthServer
) -> None:
    portal.answers(UNAUTHORIZED, GOOD)
    assert listed_ids(connect()) == ["1"]
    assert portal.api_tokens == ["Bearer access-token-1"] * 2
    assert portal.granted == 1


def test_a10_a_401_that_stays_ends_after_one_refresh(
    connect: Callable[..., HubSpotClient], portal: OAuthServer
) -> None:
    portal.answers(UNAUTHORIZED)
    with pytest.raises(AuthenticationError):
        listed_ids(connect())
    assert portal.api_tokens == ["Bearer access-token-1"] * 2 + ["Bearer access-token-2"]


def test_a_server_that_grants_the_same_dead_token_for_ever_is_given_up(
    connect: Callable[..., HubSpotClient], portal: OAuthServer
) -> None:
    portal.grant = granting("access-token-1")
    portal.answers(EXPIRED)
    with pytest.raises(AuthenticationError):
        listed_ids(connect())
    assert len(portal.api_tokens) == 3


def test_a11_threads_share_one_refresh(connect: Callable[..., HubSpotClient], portal: OAuthServer) -> None:
    portal.answers(GOOD)
    client = connect()
    together = threading.Barrier(8)

    def ask() -> list[str]:
        together.wait()
        return listed_ids(client)

    with ThreadPoolExecutor(8) as threads:
        results = [future.result() for future in [threads.submit(ask) for _ in range(8)]]
    assert results == [["1"]] * 8
    assert portal.granted == 1


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("BAD_REFRESH_TOKEN", "install the app again"),
        ("BAD_HUB", "portal is unknown"),
        ("BAD_CLIENT_ID", "client id"),
        ("BAD_CLIENT_SECRET", "client secret"),
        ("BAD_NEWS", "check client id, client secret and refresh token"),
    ],
)
def test_a_refused_grant_is_final_and_says_what_to_do(
    connect: Callable[..., HubSpotClient], portal: OAuthServer, status: str, remedy: str
) -> None:
    portal.grant = answer(400, {"error": "invalid_grant", "status": status, "message": "bad client-secret here"})
    client = connect()
    for _ in range(2):
        with pytest.raises(AuthenticationError, match=remedy) as raised:
            listed_ids(client)
        assert "client-secret" not in str(raised.value)
        assert raised.value.category == status
    assert portal.granted == 1


def test_a_token_endpoint_in_trouble_is_asked_again_within_the_same_bounds(
    connect: Callable[..., HubSpotClient], portal: OAuthServer
) -> None:
    portal.grant = answer(503, b"<html></html>", content_type="text/html")
    with pytest.raises(UpstreamUnavailableError, match="POST /oauth/v3/token"):
        listed_ids(connect())
    assert portal.granted == 8


@pytest.mark.parametrize("grant", [[], {"access_token": "x y z \n injected"}, {"expires_in": 5}, b"{"])
def test_a_grant_that_is_none_is_refused(
    connect: Callable[..., HubSpotClient], portal: OAuthServer, grant: Any
) -> None:
    portal.grant = answer(200, grant)
    with pytest.raises((AuthenticationError, BadResponseError)) as raised:
        listed_ids(connect())
    assert "injected" not in str(raised.value)


@pytest.mark.parametrize("expires_in", [None, "soon", -1, 0, True])
def test_a_lifetime_that_makes_no_sense_counts_as_half_an_hour(
    connect: Callable[..., HubSpotClient], portal: OAuthServer, clock: StoppedClock, expires_in: Any
) -> None:
    portal.grant = granting("access-token-1", expires_in=expires_in)
    portal.answers(GOOD)
    client = connect()
    for _ in range(3):
        listed_ids(client)
        clock.now += 900.0
    assert portal.granted == 2


def test_a_rotated_refresh_token_is_used_next_and_handed_on(
    connect: Callable[..., HubSpotClient], portal: OAuthServer, clock: StoppedClock
) -> None:
    rotated: list[str] = []
    masked: list[str] = []
    portal.grant = granting("access-token-1", refresh_token="refresh-token-2")
    portal.answers(GOOD)
    client = connect(on_rotated=rotated.append, on_token=masked.append)
    listed_ids(client)
    clock.now += 1800.0
    listed_ids(client)
    refreshes = [parse_qs(request.body.decode()) for request in portal.requests if "/oauth/" in request.target]
    assert [form["refresh_token"] for form in refreshes] == [["refresh-token-1"], ["refresh-token-2"]]
    assert rotated == ["refresh-token-2"]
    assert masked == ["access-token-1"] * 2


def test_f02_a_grant_that_moves_to_another_portal_is_fatal(
    connect: Callable[..., HubSpotClient], portal: OAuthServer, clock: StoppedClock
) -> None:
    portal.answers(GOOD)
    client = connect()
    listed_ids(client)
    portal.grant = granting("access-token-2", hub_id=2)
    clock.now += 1800.0
    with pytest.raises(WrongPortalError, match="portal 1 before and portal 2 now"):
        listed_ids(client)
    assert portal.api_tokens == ["Bearer access-token-1"]
