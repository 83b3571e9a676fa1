"""Whatever fails, no secret shows up anywhere: not in a log, a table, an event, an exception or its variables."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError, RetriableError, UpstreamUnavailableError
from airflow_provider_hubspot_deals.transfers.outcomes import TaskKilled
from hubspot_simulator import FaultRule
from tests.integration.secrets.canaries import CANARIES, CLIENT_SECRET, PRIVATE_APP, REFRESH_TOKEN
from tests.integration.secrets.conftest import Evidence, World
from tests.unit.client.scripted_server import ScriptedServer, answer, deals
from tests.unit.client.test_isolation import self_signed

ECHO = '{"message": "no such token: TOKEN", "category": "TOKEN", "correlationId": "TOKEN", "policyName": "TOKEN"}'


def always(fault: str, endpoint: str | None = "list", **more: Any) -> FaultRule:
    return FaultRule(fault=fault, endpoint=endpoint, times=None, **more)


ANSWERS = {
    "nothing": (None, None),
    "a08 401": (always("status", status=401), AirflowFailException),
    "a12 403": (always("status", status=403), AirflowFailException),
    "404": (always("status", status=404), AirflowFailException),
    "a07 429": (always("status", status=429), RetriableError),
    "a05 429 of the day": (always("status", status=429, policy="DAILY"), TaskDeferred),
    "a17 477": (always("status", status=477, retry_after=7200), TaskDeferred),
    "a18 500": (always("status", status=500), UpstreamUnavailableError),
    "a18 503 with the token": (always("status", status=503, body=ECHO), UpstreamUnavailableError),
    "a19 530": (always("status", status=530), AirflowFailException),
    "401 with the token": (always("status", status=401, body=ECHO), AirflowFailException),
    "a21 silence": (always("hang"), UpstreamUnavailableError),
    "a22 slow drip": (always("drip", seconds=0.3), UpstreamUnavailableError),
    "a23 cut": (always("truncate"), RetriableError),
    "a30 reset": (always("reset"), UpstreamUnavailableError),
    "a25 no JSON": (always("invalid_json"), RetriableError),
    "a25 HTML": (always("html"), RetriableError),
    "a25 the token as an answer": (always("body", body=ECHO), RetriableError),
    "a26 no gzip": (always("gzip_claimed"), RetriableError),
    "a30 a giant header": (always("big_header"), UpstreamUnavailableError),
    "b04 a loop of cursors": (always("cursor_loop"), RetriableError),
    "account refused": (always("status", endpoint="account_info", status=500), UpstreamUnavailableError),
}


def assert_clean(evidence: Evidence, ended_with: type[BaseException] | None) -> None:
    assert evidence.finds() == {}
    assert evidence.by_sink["log"]
    assert all(name in evidence.by_sink["rendered fields"] for name in ("hubspot_conn_id", "postgres_conn_id"))
    assert ('"COMPLETE"' if ended_with is None else '"FAIL"') in evidence.by_sink["OpenLineage"]
    if ended_with is None:
        assert evidence.error is None
        assert all(
            f'{{"{table}": ' in evidence.by_sink["database"] for table in ("jobs", "job_events", "hubspot_deals")
        )
        ours = [line for line in evidence.by_sink["pg_stat_activity"].splitlines() if '"usename": "canary_' in line]
        assert any('"query": ""' not in line for line in ours)
    else:
        assert isinstance(evidence.error, ended_with), repr(evidence.error)


@pytest.mark.parametrize("name", ANSWERS)
def test_f18_whatever_hubspot_answers_no_secret_shows(world: World, name: str) -> None:
    rule, ended_with = ANSWERS[name]
    if rule:
        body = rule.body and rule.body.replace("TOKEN", PRIVATE_APP)
        planned = world.simulator.add_fault(FaultRule(**{**_fields(rule), "body": body}))
    evidence = world.run()
    assert_clean(evidence, ended_with)
    assert rule is None or planned.fired


def _fields(rule: FaultRule) -> dict[str, Any]:
    return {name: value for name, value in vars(rule).items() if name not in {"seen", "fired"}}


def token_echo(status: int) -> FaultRule:
    return always(
        "status", endpoint="oauth_token", status=status, body=ECHO.replace("TOKEN", json.dumps(REFRESH_TOKEN)[1:-1])
    )


GRANTS: dict[str, tuple[Callable[[World], object], type[BaseException] | None]] = {
    "nothing": (lambda _world: None, None),
    "a revoked refresh token": (
        lambda world: world.oauth(refresh_token=REFRESH_TOKEN[:-1]),
        AirflowFailException,
    ),
    "another client's secret": (lambda world: world.oauth(client_secret=CLIENT_SECRET[::-1]), AirflowFailException),
    "a malformed client secret": (
        lambda world: world.oauth(client_secret=f"{CLIENT_SECRET} é"),
        AirflowFailException,
    ),
    "a malformed refresh token": (lambda world: world.oauth(refresh_token=f"{REFRESH_TOKEN} x"), AirflowFailException),
    "no refresh token": (lambda world: world.oauth(refresh_token=""), AirflowFailException),
    "a token as well": (lambda world: world.hubspot(password=PRIVATE_APP), AirflowFailException),
    "500 for a grant": (
        lambda world: world.simulator.add_fault(always("status", endpoint="oauth_token", status=500)),
        UpstreamUnavailableError,
    ),
    "400 with an echo": (lambda world: world.simulator.add_fault(token_echo(400)), AirflowFailException),
    "no JSON for a grant": (
        lambda world: world.simulator.add_fault(always("invalid_json", endpoint="oauth_token")),
        RetriableError,
    ),
    "silence for a grant": (
        lambda world: world.simulator.add_fault(always("hang", endpoint="oauth_token")),
        UpstreamUnavailableError,
    ),
    "reset for a grant": (
        lambda world: world.simulator.add_fault(always("reset", endpoint="oauth_token")),
        UpstreamUnavailableError,
    ),
    "a09 an expired access token": (
        lambda world: world.simulator.add_fault(FaultRule(fault="status", endpoint="list", status=401)),
        None,
    ),
    "a10 access tokens that never work": (
        lambda world: world.simulator.add_fault(always("status", status=401)),
        AirflowFailException,
    ),
}


@pytest.mark.parametrize("name", GRANTS)
def test_f18_f19_whatever_becomes_of_an_oauth_grant_no_secret_shows(world: World, name: str) -> None:
    arrange, ended_with = GRANTS[name]
    world.oauth()
    arrange(world)
    assert_clean(world.run(), ended_with)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(f"{PRIVATE_APP}\n", id="line break"),
        pytest.param(f"Bearer {PRIVATE_APP}", id="with its scheme"),
        pytest.param(f'"{PRIVATE_APP}"', id="in quotes"),
        pytest.param(f"{PRIVATE_APP}é", id="accent"),
        pytest.param(PRIVATE_APP * 200, id="endless"),
    ],
)
def test_f20_a_malformed_token_shows_nowhere(world: World, token: str) -> None:
    world.hubspot(password=token)
    assert_clean(world.run(), AirflowFailException)


HOSTS: dict[str, tuple[Callable[[World], object], type[BaseException] | None]] = {
    "a20 nobody there": (lambda world: world.hubspot(host="http://127.0.0.1:1"), UpstreamUnavailableError),
    "a20 no such name": (lambda world: world.hubspot(host="http://nowhere.invalid"), UpstreamUnavailableError),
    "a20 no TLS there": (
        lambda world: world.hubspot(host=world.simulator.base_url.replace("http:", "https:")),
        UpstreamUnavailableError,
    ),
    "f22 another host": (lambda world: world.hubspot(host="https://evil.example", extra={}), AirflowFailException),
    "f22 the cloud's metadata": (
        lambda world: world.hubspot(host="http://169.254.169.254", extra={}),
        AirflowFailException,
    ),
    "no address": (lambda world: world.hubspot(host="http://["), AirflowFailException),
    "a nonsensical account": (
        lambda world: world.hubspot(extra={"allow_other_hosts": True, "portal_id": "x", "secret": PRIVATE_APP}),
        AirflowFailException,
    ),
    "b24 another portal": (
        lambda world: world.hubspot(extra={"allow_other_hosts": True, "portal_id": 7}),
        AirflowFailException,
    ),
    "neither true nor false": (
        lambda world: world.hubspot(extra={"allow_other_hosts": "perhaps"}),
        AirflowFailException,
    ),
}


@pytest.mark.parametrize("name", HOSTS)
def test_f22_whatever_the_connection_says_no_secret_shows(world: World, name: str) -> None:
    arrange, ended_with = HOSTS[name]
    arrange(world)
    assert_clean(world.run(), ended_with)


def test_f25_a_certificate_nobody_vouches_for_gets_no_secret_and_shows_none(world: World, tmp_path: Path) -> None:
    with ScriptedServer([answer(200, deals(1))], tls=self_signed(tmp_path)) as stranger:
        world.hubspot(host=stranger.url)
        assert_clean(world.run(), AirflowFailException)
        assert stranger.requests == []


@pytest.mark.parametrize("status", [301, 307])
def test_f23_a_redirect_takes_no_secret_along(world: World, status: int) -> None:
    with ScriptedServer([answer(200, deals(1))]) as elsewhere:
        location = f"{elsewhere.url}/{PRIVATE_APP}"
        rule = world.simulator.add_fault(always("redirect", status=status, location=location))
        assert_clean(world.run(), AirflowFailException)
        assert rule.fired
        assert elsewhere.requests == []


@pytest.mark.parametrize("is_oauth", [False, True])
def test_f21_netrc_and_proxies_of_the_environment_see_no_secret(
    world: World, tmp_path: Path, *, is_oauth: bool
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\ndefault login someone password else\n")
    netrc.chmod(0o600)
    if is_oauth:
        world.oauth()
    with ScriptedServer([answer(200, deals(1))]) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            world.environment.setenv(name, proxy.url)
        world.environment.setenv("NETRC", str(netrc))
        assert_clean(world.run(), None)
        assert proxy.requests == []


DATABASES: dict[str, tuple[Callable[[World], object], type[BaseException]]] = {
    "d11 nobody there": (lambda world: world.postgres(port=1), DatabaseUnavailableError),
    "no such host": (lambda world: world.postgres(host="nowhere.invalid"), DatabaseUnavailableError),
    "a wrong password": (
        lambda world: world.postgres(password=CANARIES["database password"][::-1]),
        DatabaseUnavailableError,
    ),
    "no such database": (lambda world: world.postgres(schema="nothing"), DatabaseUnavailableError),
    "an unknown setting": (lambda world: world.postgres(extra={"nonsense": "x"}), AirflowFailException),
    "no TLS there": (lambda world: world.postgres(extra={"sslmode": "require"}), DatabaseUnavailableError),
}


@pytest.mark.parametrize("name", DATABASES)
def test_f18_whatever_postgresql_answers_no_secret_shows(world: World, name: str) -> None:
    arrange, ended_with = DATABASES[name]
    arrange(world)
    assert_clean(world.run(), ended_with)


def test_d15_d16_a_missing_schema_and_a_missing_privilege_show_no_secret(world: World) -> None:
    assert_clean(world.run(schema="elsewhere"), AirflowFailException)
    assert_clean(world.run(schema="elsewhere", migrate=True), AirflowFailException)


def test_d01_sessions_that_are_ended_in_a_run_show_no_secret(world: World) -> None:
    def end_sessions(_endpoint: str, _portal: int | None) -> None:
        with psycopg.connect(world.superuser_url, autocommit=True) as owner:
            owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'canary%'")

    world.simulator.on_request(end_sessions)
    assert_clean(world.run(), DatabaseUnavailableError)


def test_d24_a_statement_that_is_refused_shows_no_secret(world: World) -> None:
    assert_clean(world.run(), None)
    world.execute(
        "ALTER TABLE hubspot.hubspot_deals ADD CONSTRAINT impossible CHECK (dealname IS NULL AND amount = -1) NOT VALID"
    )
    try:
        for deal_id in list(world.simulator.portal(1001).live_deals())[:3]:
            world.simulator.portal(1001).edit_deal(deal_id, {"dealname": "Customer"})
        evidence = world.run(mode="full")
        assert_clean(evidence, None)  # these deals go to quarantine, and the rest loads
        assert "Customer" not in evidence.by_sink["log"]
    finally:
        world.execute("ALTER TABLE hubspot.hubspot_deals DROP CONSTRAINT impossible")


def test_e15_a_task_that_is_terminated_shows_no_secret(world: World) -> None:
    world.simulator.add_fault(FaultRule(fault="delay", endpoint="list", seconds=0.4, times=None))

    def terminate(endpoint: str, _portal: int | None) -> None:
        if endpoint == "list":
            os.kill(os.getpid(), signal.SIGTERM)

    world.simulator.on_request(terminate)
    assert_clean(world.run(), TaskKilled)
