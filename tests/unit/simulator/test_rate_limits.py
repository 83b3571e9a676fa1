"""Limits, their headers and their refusals: reference §5 and §4.3."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from hubspot_simulator import Limits, PortalSpec, SimulatorServer
from hubspot_simulator.rate_limits import RollingWindow
from tests.unit.simulator.api import PORTAL_ID, Api, small_portal

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTACTS = "/crm/v4/associations/deals/contacts/batch/read"


@pytest.fixture
def limited() -> Iterator[SimulatorServer]:
    with SimulatorServer([small_portal()]) as simulator:
        yield simulator


def limit(simulator: SimulatorServer, **limits: Any) -> None:
    simulator.account(PORTAL_ID).set_limits(Limits(**limits))


def rate_headers(api: Api) -> dict[str, str]:
    prefix = "x-hubspot-ratelimit-"
    return {name.removeprefix(prefix): value for name, value in api.get().headers.items() if name.startswith(prefix)}


def test_a_private_app_sees_burst_and_daily_headers(limited: SimulatorServer) -> None:
    assert rate_headers(Api(limited)) == {
        "max": "190",
        "remaining": "189",
        "interval-milliseconds": "10000",
        "secondly": "19",
        "secondly-remaining": "18",
        "daily": "625000",
        "daily-remaining": "624999",
    }


def test_an_oauth_app_sees_no_daily_headers() -> None:
    with SimulatorServer([PortalSpec(portal_id=PORTAL_ID, deals=1, app="oauth")]) as simulator:
        api = Api(simulator)
        api.session.headers["Authorization"] = f"Bearer {simulator.accounts.issue_token(simulator.account(PORTAL_ID))}"
        headers = rate_headers(api)
        assert headers["max"] == "110"
        assert not [name for name in headers if name.startswith("daily")]


def test_the_request_beyond_the_burst_is_429_with_the_recorded_body(limited: SimulatorServer) -> None:
    limit(limited, burst_per_10_s=3)
    api = Api(limited)
    assert [api.get().status_code for _ in range(3)] == [200] * 3
    answer = api.get()
    body = answer.json()
    assert answer.status_code == 429
    assert answer.headers["X-HubSpot-RateLimit-Remaining"] == "0"
    assert body["message"] == "You have reached your ten_secondly_rolling limit."
    assert (body["errorType"], body["policyName"]) == ("RATE_LIMIT", "TEN_SECONDLY_ROLLING")
    assert body["groupName"].startswith("publicapi:private_app-api-calls-ten-secondly:")
    assert body["groupName"].endswith(f":{PORTAL_ID}")
    assert "category" not in body


def test_search_has_a_limit_of_its_own_for_the_whole_account(limited: SimulatorServer) -> None:
    limited.accounts.add_token(PORTAL_ID, "pat-na1-second-app", limited.account(PORTAL_ID).spec.scopes)
    first, second = Api(limited), Api(limited)
    second.session.headers["Authorization"] = "Bearer pat-na1-second-app"
    started = time.monotonic()
    statuses = [api.search().status_code for _ in range(4) for api in (first, second)]
    if time.monotonic() - started < 1:  # else the machine was too slow to exceed anything
        assert statuses == [200] * 5 + [429] * 3
        body = second.search().json()
        assert (body["message"], body["category"]) == ("You have reached your secondly limit.", "RATE_LIMITS")
    assert first.get().status_code == 200


def test_the_daily_limit_ends_at_the_accounts_midnight(limited: SimulatorServer) -> None:
    limit(limited, daily=2)
    api = Api(limited)
    assert [api.get().status_code for _ in range(2)] == [200, 200]
    body = api.get().json()
    assert (body["message"], body["policyName"]) == ("You have reached your daily limit.", "DAILY")
    assert "requestId" in body
    limited.clock.shift(24 * 3600)
    assert api.get().status_code == 200


def test_search_counts_against_the_day_but_not_against_the_burst(limited: SimulatorServer) -> None:
    limit(limited, burst_per_10_s=1, search_per_s=100, daily=3)
    api = Api(limited)
    assert [api.search().status_code for _ in range(3)] == [200] * 3
    assert api.get().json()["policyName"] == "DAILY"


def test_associations_have_a_budget_of_their_own(limited: SimulatorServer) -> None:
    limit(limited, burst_per_10_s=1, associations_per_10_s=2)
    api = Api(limited)
    body = {"inputs": [{"id": "1"}]}
    assert [api.post(CONTACTS, body).status_code for _ in range(3)] == [207, 207, 429]
    assert api.get().status_code == 200


def test_two_apps_have_two_bursts(limited: SimulatorServer) -> None:
    limit(limited, burst_per_10_s=1)
    limited.accounts.add_token(PORTAL_ID, "pat-na1-second-app", limited.account(PORTAL_ID).spec.scopes)
    first, second = Api(limited), Api(limited)
    second.session.headers["Authorization"] = "Bearer pat-na1-second-app"
    assert [api.get().status_code for api in (first, second, first, second)] == [200, 200, 429, 429]


def test_without_limits_the_headers_announce_what_nobody_reaches(api: Api) -> None:
    assert int(rate_headers(api)["max"]) >= 1_000_000
    assert {api.search().status_code for _ in range(12)} == {200}


def test_a_rolling_window_frees_as_much_as_has_left_it() -> None:
    window = RollingWindow(0.05)
    assert [window.take(2) for _ in range(3)] == [True, True, False]
    deadline = time.monotonic() + 10
    while not window.take(2):
        assert time.monotonic() < deadline
    assert window.used() <= 2
