"""Tokens, scopes and OAuth: reference §3 and §4.3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from hubspot_simulator import PortalSpec, SimulatorServer
from tests.unit.simulator.api import DEALS, PORTAL_ID, Api, small_portal

if TYPE_CHECKING:
    from collections.abc import Iterator

OAUTH_ID = 2002


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    portals = [
        small_portal(),
        PortalSpec(portal_id=OAUTH_ID, deals=3, app="oauth"),
        PortalSpec(portal_id=3003, deals=3, app="oauth", rotate_refresh_token=True),
    ]
    with SimulatorServer(portals) as simulator:
        yield simulator


def ask(server: SimulatorServer, authorization: str | None, path: str = DEALS) -> requests.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return requests.get(f"{server.base_url}{path}", headers=headers, timeout=10)


def refresh(
    server: SimulatorServer, portal_id: int, path: str = "/oauth/v3/token", **changes: str
) -> requests.Response:
    account = server.account(portal_id)
    form = {
        "grant_type": "refresh_token",
        "client_id": account.spec.client_id,
        "client_secret": account.spec.client_secret,
        "refresh_token": account.refresh_token,
        **changes,
    }
    return requests.post(f"{server.base_url}{path}", data=form, timeout=10)


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer pat-na1-wrong", "Basic eDp5"])
def test_a_missing_or_wrong_token_is_401(server: SimulatorServer, authorization: str | None) -> None:
    answer = ask(server, authorization)
    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")


def test_garbage_in_the_shape_of_an_oauth_token_expired_in_1970(server: SimulatorServer) -> None:
    answer = ask(server, "Bearer CJSP5qf1KhICAQEYs-gDIIGOBii1hQIyGQAf3xBKmlwHjX7OIpuIFEavB2-qYAGQsF4")
    assert (answer.status_code, answer.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert answer.json()["context"] == {"expire time": ["1970-01-01T00:00:00Z"]}
    assert "day(s) ago" in answer.json()["message"]


def test_each_token_opens_its_own_portal(server: SimulatorServer) -> None:
    access_token = refresh(server, OAUTH_ID).json()["access_token"]
    details = "/account-info/v3/details"
    assert ask(server, f"Bearer {access_token}", details).json()["portalId"] == OAUTH_ID
    assert Api(server).get(details).json()["portalId"] == PORTAL_ID


@pytest.mark.parametrize("path", ["/oauth/v1/token", "/oauth/v3/token", "/oauth/2026-03/token", "/oauth/2026-09/token"])
def test_a_refresh_token_buys_an_access_token(server: SimulatorServer, path: str) -> None:
    answer = refresh(server, OAUTH_ID, path)
    body = answer.json()
    assert answer.status_code == 200
    assert (body["token_type"], body["expires_in"], body["hub_id"]) == ("bearer", 1800, OAUTH_ID)
    assert body["refresh_token"] == server.account(OAUTH_ID).spec.refresh_token
    assert ask(server, f"Bearer {body['access_token']}").status_code == 200


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"refresh_token": "na1-other"}, "BAD_REFRESH_TOKEN"),
        ({"client_id": "other"}, "BAD_CLIENT_ID"),
        ({"client_secret": "other"}, "BAD_CLIENT_SECRET"),
        ({"grant_type": "password"}, "BAD_GRANT_TYPE"),
    ],
)
def test_a_wrong_refresh_is_400(server: SimulatorServer, changes: dict[str, str], status: str) -> None:
    answer = refresh(server, OAUTH_ID, **changes)
    assert (answer.status_code, answer.json()["status"]) == (400, status)


def test_parameters_in_the_query_string_do_not_count(server: SimulatorServer) -> None:
    spec = server.account(OAUTH_ID).spec
    query = {"grant_type": "refresh_token", "client_id": spec.client_id, "refresh_token": spec.refresh_token}
    assert requests.post(f"{server.base_url}/oauth/v3/token", params=query, timeout=10).status_code == 400


def test_an_access_token_expires_and_says_since_when(server: SimulatorServer) -> None:
    token = refresh(server, OAUTH_ID).json()["access_token"]
    server.accounts.expire_access_tokens(OAUTH_ID)
    answer = ask(server, f"Bearer {token}")
    assert (answer.status_code, answer.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert "second(s) ago" in answer.json()["message"]


def test_a_rotated_refresh_token_ends_the_old_one(server: SimulatorServer) -> None:
    old = server.account(3003).refresh_token
    new = refresh(server, 3003).json()["refresh_token"]
    assert new != old
    assert refresh(server, 3003, refresh_token=old).json()["status"] == "BAD_REFRESH_TOKEN"
    assert refresh(server, 3003, refresh_token=new).status_code == 200


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        (DEALS, "crm.objects.deals.read"),
        ("/crm/v3/owners", "crm.objects.owners.read"),
        ("/crm/v3/pipelines/deals", "crm.schemas.deals.read"),
    ],
)
def test_a_missing_scope_is_403_and_named(server: SimulatorServer, path: str, scope: str) -> None:
    server.accounts.add_token(PORTAL_ID, "pat-na1-narrow", ["oauth"])
    answer = ask(server, "Bearer pat-na1-narrow", path)
    assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")
    assert scope in answer.json()["errors"][0]["context"]["requiredGranularScopes"]


def test_a_revoked_token_opens_nothing(server: SimulatorServer) -> None:
    server.accounts.add_token(PORTAL_ID, "pat-na1-brief", ["oauth", "crm.objects.deals.read"])
    assert ask(server, "Bearer pat-na1-brief").status_code == 200
    server.accounts.revoke_token("pat-na1-brief")
    assert ask(server, "Bearer pat-na1-brief").status_code == 401


def test_a_token_can_be_moved_to_another_portal(server: SimulatorServer) -> None:
    server.accounts.add_token(PORTAL_ID, "pat-na1-moved", ["oauth"])
    server.accounts.move_token("pat-na1-moved", OAUTH_ID)
    assert ask(server, "Bearer pat-na1-moved", "/account-info/v3/details").json()["portalId"] == OAUTH_ID


def test_the_wrong_method_is_405(server: SimulatorServer) -> None:
    assert Api(server).post(DEALS, {}).status_code == 405


def introspect(server: SimulatorServer, **changes: str) -> requests.Response:
    spec = server.account(OAUTH_ID).spec
    form = {"client_id": spec.client_id, "client_secret": spec.client_secret, "token_type_hint": "access_token"}
    return requests.post(f"{server.base_url}/oauth/v3/token/introspect", data={**form, **changes}, timeout=10)


def private_app(server: SimulatorServer, token: str, **headers: str) -> requests.Response:
    path = "/oauth/v2/private-apps/get/access-token-info"
    return requests.post(f"{server.base_url}{path}", json={"tokenKey": token}, headers=headers, timeout=10)


def test_an_introspection_tells_whose_a_token_is_and_its_scopes(server: SimulatorServer) -> None:
    token = refresh(server, OAUTH_ID).json()["access_token"]
    facts = introspect(server, token=token).json()
    assert (facts["active"], facts["hub_id"], facts["token"]) == (True, OAUTH_ID, token)
    assert "crm.objects.owners.read" in facts["scopes"]
    assert 1700 < facts["expires_in"] <= 1800


def test_an_introspection_with_another_apps_secret_is_refused(server: SimulatorServer) -> None:
    token = refresh(server, OAUTH_ID).json()["access_token"]
    assert introspect(server, token=token, client_secret="another").status_code == 400


def test_a_token_that_is_none_or_has_expired_is_not_active(server: SimulatorServer) -> None:
    token = refresh(server, OAUTH_ID).json()["access_token"]
    server.accounts.expire_access_tokens(OAUTH_ID)
    for each in (token, "CJSP5qf1KhICAQEYs", server.account(PORTAL_ID).spec.token):
        assert introspect(server, token=each).json() == {"active": False}


def test_a_private_apps_token_tells_its_portal_and_scopes(server: SimulatorServer) -> None:
    server.accounts.add_token(PORTAL_ID, "pat-na1-two-scopes", ["oauth", "crm.objects.deals.read"])
    answer = private_app(server, "pat-na1-two-scopes")
    facts = answer.json()
    assert answer.status_code == 200
    assert set(facts) == {"userId", "hubId", "appId", "scopes"}
    assert (facts["hubId"], facts["scopes"]) == (PORTAL_ID, ["crm.objects.deals.read", "oauth"])


def test_a_private_apps_token_of_the_eu_must_come_as_bearer_too() -> None:
    with SimulatorServer([small_portal(region="eu1")]) as simulator:
        token = simulator.account(PORTAL_ID).spec.token
        assert private_app(simulator, token).status_code == 401
        assert private_app(simulator, token, Authorization=f"Bearer {token}").json()["hubId"] == PORTAL_ID


def test_what_is_no_private_apps_token_has_no_information(server: SimulatorServer) -> None:
    access_token = refresh(server, OAUTH_ID).json()["access_token"]
    for token in (access_token, "pat-na1-nobody"):
        assert private_app(server, token).status_code == 404


def test_asking_about_a_token_counts_against_no_limit(server: SimulatorServer) -> None:
    calls = server.account(PORTAL_ID).usage.calls_today
    assert private_app(server, server.account(PORTAL_ID).spec.token).status_code == 200
    assert server.account(PORTAL_ID).usage.calls_today == calls
