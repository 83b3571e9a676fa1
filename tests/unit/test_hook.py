"""HubSpotHook: from an Airflow connection to answers of a real server on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
import requests
from airflow.providers.common.compat.sdk import redact
from airflow.providers.http.operators.http import HttpOperator

from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.client.rate_limits import Bucket, shared_rate_limits
from airflow_provider_hubspot_deals.exceptions import (
    AuthenticationError,
    ConfigurationError,
    HubSpotRefusedError,
    MissingScopeError,
    UpstreamUnavailableError,
)
from airflow_provider_hubspot_deals.hooks.hubspot import HubSpotHook
from hubspot_simulator.faults import FaultRule
from hubspot_simulator.server import SimulatorServer
from hubspot_simulator.specification import PortalSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

CONN_ID = "hubspot_acme"
ACME = PortalSpec(portal_id=1001, deals=12, region="eu1", account_type="SANDBOX")
OAUTH = PortalSpec(portal_id=1002, deals=3, app="oauth")
SCOPELESS = PortalSpec(portal_id=1003, deals=3, scopes=("oauth",))
NARROW = PortalSpec(portal_id=1004, deals=3, scopes=("oauth", "crm.objects.deals.read", "crm.objects.contacts.read"))
NARROW_OAUTH = PortalSpec(portal_id=1006, deals=3, app="oauth", scopes=NARROW.scopes)
EUROS = PortalSpec(portal_id=1005, deals=3, additional_currencies=("EUR",), scopes=(*NARROW.scopes, "multi"))

Connect: TypeAlias = Callable[..., HubSpotHook]


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer([ACME, OAUTH, SCOPELESS, NARROW, NARROW_OAUTH, EUROS]) as server:
        yield server


@pytest.fixture
def connect(simulator: SimulatorServer, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Define the connection in Airflow, towards the simulator unless told otherwise, and return its hook."""

    def define(*, extra: dict[str, Any] | None = None, method: str = "GET", **fields: Any) -> HubSpotHook:
        connection = {
            "conn_type": "hubspot",
            "host": simulator.base_url,
            "extra": {"allow_other_hosts": True, **(extra or {})},
            **fields,
        }
        monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", json.dumps(connection))
        return HubSpotHook(CONN_ID, method=method)

    return define


@pytest.fixture
def wire() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Address of a server that keeps the headers of what it was sent."""
    seen: list[dict[str, str]] = []

    class Recorder(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()


def oauth_fields(spec: PortalSpec) -> dict[str, str]:
    return {name: getattr(spec, name) for name in ("client_id", "client_secret", "refresh_token")}


def test_a_token_opens_its_portal(connect: Connect) -> None:
    with connect(password=ACME.token).get_client() as client:
        assert client.portal_facts().portal_id == ACME.portal_id


def test_an_oauth_grant_opens_its_portal(connect: Connect) -> None:
    with connect(extra=oauth_fields(OAUTH)).get_client() as client:
        assert client.portal_facts().portal_id == OAUTH.portal_id


def test_a_dated_api_version_is_used(connect: Connect, simulator: SimulatorServer) -> None:
    with connect(password=ACME.token, extra={"api_version": "2026-09"}).get_client() as client:
        client.portal_facts()
    assert simulator.requests[-1].path == "/account-info/2026-09/details"


def test_the_connection_test_names_portal_region_and_type_and_what_is_left(connect: Connect) -> None:
    ok, message = connect(password=ACME.token, extra={"portal_id": ACME.portal_id}).test_connection()
    assert ok
    for part in (
        *("1001", "eu1", "SANDBOX", "No scope is missing"),
        *("of 625,000 API calls are left today", "midnight in US/Eastern", "190 requests in 10 s"),
    ):
        assert part in message


@pytest.mark.parametrize(
    ("spec", "missing"),
    [
        pytest.param(NARROW, ["owners", "companies", "line_items"], id="private app"),
        pytest.param(EUROS, ["owners", "companies", "line_items", "exchange rates"], id="several currencies"),
        pytest.param(NARROW_OAUTH, ["owners", "companies", "line_items"], id="OAuth"),
        pytest.param(OAUTH, [], id="OAuth with all"),
    ],
)
def test_the_connection_test_names_the_scopes_that_are_missing_and_what_for(
    connect: Connect, spec: PortalSpec, missing: list[str]
) -> None:
    hook = connect(extra=oauth_fields(spec)) if spec.app == "oauth" else connect(password=spec.token)
    ok, message = hook.test_connection()
    assert ok
    scopes = ("owners", "contacts", "companies", "line_items", "exchange rates", "properties, pipelines")
    assert [each for each in scopes if each in message] == missing
    assert ("Scopes missing: crm.objects.owners.read (names of owners)" in message) == bool(missing)
    assert ("API calls are left today" in message) == (spec.app == "private_app")


def test_the_connection_test_tries_what_matters_when_hubspot_does_not_tell_the_scopes(
    connect: Connect, simulator: SimulatorServer
) -> None:
    rule = simulator.add_fault(FaultRule(fault="status", status=404, endpoint="token_info", times=None))
    try:
        told = [connect(password=spec.token).test_connection() for spec in (ACME, NARROW)]
    finally:
        simulator.application.plan.clear()
    assert rule.fired == 2
    assert [ok for ok, _ in told] == [True, True]
    assert "does not tell this token's scopes" in told[0][1]
    assert "Scopes missing: crm.objects.owners.read (names of owners). Runs load the rest." in told[1][1]


def test_scopes_are_looked_for_as_an_organization_asks(connect: Connect) -> None:
    hook = connect(password=NARROW.token)
    missing = hook.access(associations=["contacts", "notes", "2-1234"]).missing
    assert [need.any_of[0] for need in missing] == ["crm.objects.owners.read", "crm.objects.custom.read"]


def test_what_is_said_about_a_token_does_not_show_it(
    connect: Connect, simulator: SimulatorServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    body = '{"message": "no such token: TOKEN"}'.replace("TOKEN", ACME.token)
    simulator.add_fault(FaultRule(fault="status", status=400, body=body, endpoint="token_info"))
    ok, message = connect(password=ACME.token).test_connection()
    assert ok
    assert ACME.token not in message + caplog.text


def test_the_connection_test_says_that_a_token_is_wrong(connect: Connect) -> None:
    ok, message = connect(password="pat-na1-00000000-0000-0000-0000-000000000000").test_connection()
    assert not ok
    assert CONN_ID in message
    assert "401" in message
    assert "Check the token" in message
    assert "00000000" not in message


def test_the_connection_test_names_a_missing_scope(connect: Connect) -> None:
    ok, message = connect(password=SCOPELESS.token).test_connection()
    assert not ok
    assert "crm.objects.deals.read" in message
    assert "Missing as well: " in message
    assert "crm.objects.owners.read (names of owners)" in message


def test_the_connection_test_refuses_a_token_of_another_portal(connect: Connect) -> None:
    ok, message = connect(password=ACME.token, extra={"portal_id": "77"}).test_connection()
    assert not ok
    assert "1001" in message
    assert "77" in message


def test_the_connection_test_says_that_nobody_answers(connect: Connect) -> None:
    ok, message = connect(password=ACME.token, host="http://127.0.0.1:1").test_connection()
    assert not ok
    assert "Connection refused" in message


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, "has no 'Access token'", id="nothing to authenticate with"),
        pytest.param(
            {"password": ACME.token, "extra": oauth_fields(OAUTH)}, "both an access token and OAuth", id="both"
        ),
        pytest.param({"extra": {"client_id": "abcdefgh"}}, "lacks client_secret, refresh_token", id="half of OAuth"),
        pytest.param({"password": ACME.token, "extra": {"allow_other_hosts": "maybe"}}, "true or false", id="flag"),
        pytest.param({"password": ACME.token, "extra": {"api_version": "v9"}}, "v9", id="API version"),
        pytest.param({"password": ACME.token, "extra": {"allow_other_hosts": False}}, "not HubSpot's", id="host"),
        pytest.param(
            {"password": ACME.token, "host": "http://localhost:8090", "port": 443},
            "another port than 'Port', which is 443",
            id="two ports",
        ),
    ],
)
def test_a_connection_that_cannot_be_right_is_explained(
    connect: Connect, fields: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        connect(**fields).get_client()


def test_a_portal_id_that_is_no_number_is_explained(connect: Connect) -> None:
    with pytest.raises(ConfigurationError, match=rf"'{CONN_ID}'.*must be a number"):
        _ = connect(password=ACME.token, extra={"portal_id": "abc"}).portal_id


def test_f20_a_token_that_cannot_be_one_is_refused_without_being_shown(connect: Connect) -> None:
    for token in ("Bearer pat-na1-secretsecret", "pat-na1-secret\nsecret", "pat na1 secretsecret", "secret" * 1000):
        with pytest.raises(AuthenticationError) as caught:
            connect(password=token).get_client()
        assert "secret" not in str(caught.value)


def test_a_missing_connection_is_named_with_what_to_create() -> None:
    with pytest.raises(ConfigurationError, match=r"no connection 'hubspot_nobody'.*type HubSpot"):
        HubSpotHook("hubspot_nobody").get_client()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"host": ""}, "https://api.hubapi.com/x", id="HubSpot's own"),
        pytest.param({"host": "", "port": 443}, "https://api.hubapi.com/x", id="with a port for the test button"),
        pytest.param({"host": "api-eu1.hubapi.com"}, "https://api-eu1.hubapi.com/x", id="host alone"),
        pytest.param({"host": "https://api.hubapi.com/"}, "https://api.hubapi.com/x", id="trailing slash"),
        pytest.param({"host": "localhost", "port": 80, "schema": "http"}, "http://localhost:80/x", id="in parts"),
        pytest.param({"host": "http://localhost:80", "port": 80}, "http://localhost:80/x", id="port in both fields"),
    ],
)
def test_the_address_comes_from_the_connection(connect: Connect, fields: dict[str, Any], expected: str) -> None:
    assert connect(password=ACME.token, **fields).url_from_endpoint("/x") == expected


def test_f19_secrets_are_masked_in_logs_before_they_are_used(connect: Connect) -> None:
    with connect(extra=oauth_fields(OAUTH)).get_client() as client:
        client.portal_facts()
        credentials = client._requester._credentials
        access_token = credentials.access_token(lambda _form: {})
    for secret in (OAUTH.client_secret, OAUTH.refresh_token, access_token):
        assert redact(f"x {secret} x") == "x *** x"


def test_extras_never_become_headers(connect: Connect, wire: tuple[str, list[dict[str, str]]]) -> None:
    base_url, seen = wire
    extra = {"portal_id": 5, "client_hint": "secret-value", "headers": {"x-evil": "1"}, "proxies": {"http": base_url}}
    connect(password=ACME.token, host=base_url, extra=extra).run("/crm/v3/owners")
    (headers,) = seen
    assert set(headers) == {"host", "accept", "accept-encoding", "user-agent", "authorization", "connection"} & set(
        headers
    )
    assert headers["authorization"] == f"Bearer {ACME.token}"


def test_run_answers_like_http_hook(connect: Connect) -> None:
    response = connect(password=ACME.token).run("/crm/v3/objects/deals?limit=1", {"properties": "dealname"})
    assert isinstance(response, requests.Response)
    assert response.ok
    assert len(response.json()["results"]) == 1
    assert "dealname" in response.json()["results"][0]["properties"]


def test_run_sends_json_and_refuses_a_form(connect: Connect) -> None:
    hook = connect(password=ACME.token, method="POST")
    search = "crm/v3/objects/deals/search"
    assert hook.run(search, json={"limit": 1}).json()["total"] == ACME.deals
    assert hook.run(search, '{"limit": 1}').json()["total"] == ACME.deals
    with pytest.raises(ConfigurationError, match="HubSpot takes JSON"):
        hook.run(search, {"limit": 1})


@pytest.mark.parametrize(
    "endpoint",
    ["https://evil.example/x", "crm/../../x", "/crm/v3//x", "crm/v3/%2e%2e\\x"],
    ids=["host", "up", "//", "\\"],
)
def test_run_reaches_no_other_host_and_no_odd_path(connect: Connect, simulator: SimulatorServer, endpoint: str) -> None:
    asked = len(simulator.requests)
    with pytest.raises((ConfigurationError, HubSpotRefusedError)):
        connect(password=ACME.token).run(endpoint)
    assert [request.status for request in simulator.requests[asked:]] in ([], [404])


def test_run_sends_what_may_write_once_and_reads_again_what_only_reads(
    connect: Connect, simulator: SimulatorServer
) -> None:
    hook = connect(password=ACME.token, method="POST")
    rule = simulator.add_fault(FaultRule(fault="status", status=503, times=None))
    try:
        with pytest.raises(UpstreamUnavailableError):
            hook.run("/crm/v3/objects/companies", json={"properties": {"name": "Twice?"}})
        assert rule.fired == 1
    finally:
        simulator.application.plan.clear()
    rule = simulator.add_fault(FaultRule(fault="status", status=503, endpoint="search", times=1))
    assert hook.run("/crm/v3/objects/deals/search", json={"limit": 1}).json()["total"] == ACME.deals
    assert rule.fired == 1


def test_run_raises_errors_of_our_own_kind(connect: Connect) -> None:
    with pytest.raises(MissingScopeError) as caught:
        connect(password=SCOPELESS.token).run("/crm/v3/objects/deals")
    assert caught.value.status_code == 403
    with pytest.raises(HubSpotRefusedError) as refused:
        connect(password=ACME.token).run("/crm/v3/objects/deals/1")
    assert refused.value.status_code == 404


def test_airflows_http_operator_works_with_the_connection(connect: Connect) -> None:
    connect(password=ACME.token)
    account = HttpOperator(
        task_id="account",
        http_conn_id=CONN_ID,
        endpoint="/account-info/v3/details",
        method="GET",
        response_filter=lambda response: response.json()["portalId"],
    )
    assert account.execute({}) == ACME.portal_id


def test_the_session_reaches_nothing_but_the_portals_api(
    connect: Connect, simulator: SimulatorServer, wire: tuple[str, list[dict[str, str]]]
) -> None:
    elsewhere, seen = wire
    with connect(password=ACME.token).get_conn() as session:
        assert session.get(f"{simulator.base_url}/crm/v3/owners").ok
        assert ACME.token not in str(dict(session.headers))
        for address in (elsewhere, f"{simulator.base_url}@example.com/", "https://api.hubapi.com/"):
            with pytest.raises(requests.exceptions.InvalidSchema):
                session.get(address)
    assert seen == []


def test_a_gzip_answer_is_read_once(connect: Connect) -> None:
    with SimulatorServer([ACME], gzip=True) as zipped:
        response = connect(password=ACME.token, host=zipped.base_url).run("/crm/v3/objects/deals?limit=100")
    assert len(response.json()["results"]) == ACME.deals


@pytest.mark.peer_pain(32)
def test_clients_of_one_connection_share_what_the_headers_tell(connect: Connect) -> None:
    with SimulatorServer([ACME]) as own:
        limits = shared_rate_limits(own.base_url, PrivateAppToken(ACME.token).fingerprint)
        assert limits.limit(Bucket.GENERAL) == (100, 10.0)
        with connect(host=own.base_url, password=ACME.token).get_client() as client:
            client.portal_facts()
        assert limits.limit(Bucket.GENERAL) == (190, 10.0)
