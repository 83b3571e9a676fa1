"""Tokens that end, are refused for once, or open another portal in the middle of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_hubspot_deals import sync
from airflow_provider_hubspot_deals.client.credentials import OAuthRefreshToken
from airflow_provider_hubspot_deals.exceptions import WrongPortalError
from hubspot_simulator import FaultRule, PortalSpec, SimulatorServer
from tests.integration.sync.conftest import A_DAY_AGO_S, Organization, WatchedClient

MINE = PortalSpec(portal_id=1001, deals=230, archived=15, app="oauth")
THEIRS = replace(
    MINE, portal_id=1002, seed=2, refresh_token="", client_id=MINE.client_id, client_secret=MINE.client_secret
)
SMALL: dict[str, Any] = {"batch_rows": 100, "requests_in_flight": 1}
PAGES = 5  # three of the live list, and the archived one before and after it


@pytest.fixture
def granted(database_url: str) -> Iterator[Organization]:
    with SimulatorServer([MINE, THEIRS], rate_limits=False) as server:
        server.clock.shift(A_DAY_AGO_S)
        yield Organization(server, server.portal(MINE.portal_id), database_url)


def run(organization: Organization, before: Callable[[str, int], object] | None = None) -> sync.SyncSummary:
    """With the grant, as a worker has it."""
    grant = OAuthRefreshToken(MINE.client_id, MINE.client_secret, MINE.refresh_token)
    with WatchedClient(grant, base_url=organization.simulator.base_url, allow_other_hosts=True) as client:
        client.before = before or client.before
        return sync.run(organization.request(mode="full", **SMALL), client=client, connect=organization.connect)


def ahead_of_list(number: int, then: Callable[[], object]) -> Callable[[str, int], object]:
    return lambda *call: then() if call == ("list", number) else None


def seen(organization: Organization) -> Counter[tuple[str, int]]:
    return Counter((request.endpoint, request.status) for request in organization.simulator.requests)


@pytest.mark.parametrize("page", [1, 4, 5], ids=["first", "middle", "last"])
def test_a09_a_token_that_expires_in_the_middle_of_a_run_is_renewed_and_the_same_page_asked_again(
    granted: Organization, page: int
) -> None:
    accounts = granted.simulator.accounts

    run(granted, ahead_of_list(page, lambda: accounts.expire_access_tokens(MINE.portal_id)))

    asked = seen(granted)
    assert (asked["oauth_token", 200], asked["list", 401], asked["list", 200]) == (2, 1, PAGES)
    assert [(job["status"], job["attempt"]) for job in granted.jobs()] == [("completed", 1)]
    assert granted.differences() == []


@pytest.mark.parametrize("page", [1, 4, 5], ids=["first", "middle", "last"])
def test_a10_a_401_for_once_costs_a_request_and_no_token(granted: Organization, page: int) -> None:
    granted.simulator.add_fault(FaultRule(fault="status", status=401, endpoint="list", nth=page))

    run(granted)

    asked = seen(granted)
    assert (asked["oauth_token", 200], asked["list", 401], asked["list", 200]) == (1, 1, PAGES)
    assert [(job["status"], job["attempt"]) for job in granted.jobs()] == [("completed", 1)]
    assert granted.differences() == []


def test_f02_a_grant_that_opens_another_portal_from_the_middle_of_a_run_on_writes_nothing_of_it(
    granted: Organization,
) -> None:
    simulator = granted.simulator
    mine, theirs = simulator.account(MINE.portal_id), simulator.account(THEIRS.portal_id)

    def swap() -> None:
        mine.refresh_token, theirs.refresh_token = theirs.refresh_token, mine.refresh_token
        simulator.accounts.expire_access_tokens(MINE.portal_id)

    with pytest.raises(WrongPortalError, match="portal 1001 before and portal 1002 now"):
        run(granted, ahead_of_list(4, swap))

    (job,) = granted.jobs()
    assert (job["status"], job["error_code"]) == ("failed", "WRONG_PORTAL")
    ours = granted.portal.live_deals().keys() | granted.portal.archived_deals().keys()
    assert len(granted.deals()) == job["records_inserted"] == 215
    assert granted.deals().keys() < ours
    assert all(request.portal_id != THEIRS.portal_id for request in simulator.requests if request.endpoint == "list")

    swap()
    run(granted)
    assert granted.differences() == []
