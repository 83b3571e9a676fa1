"""Whatever becomes of a webhook, neither its signing secret nor the path of its address shows anywhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.notifications.callbacks import JobCallback
from airflow_provider_hubspot_deals.notifications.webhook import HubSpotDealsWebhookNotifier
from airflow_provider_hubspot_deals.operators.maintenance import maintain_store
from airflow_provider_hubspot_deals.organizations import Notification
from airflow_provider_hubspot_deals.organizations.notifications import WEBHOOK_NOTIFIER
from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator
from tests.integration.secrets import sinks
from tests.integration.secrets.canaries import CANARIES
from tests.integration.secrets.conftest import World
from tests.integration.secrets.scanner import Scanner
from tests.unit.client.scripted_server import ScriptedServer, answer, raw, reset
from tests.unit.client.test_isolation import self_signed

CONN = "crm_webhook"
KEY = 'wK"7u\\Zb2m&Fn%3c/Zp+Vr=8t?Ky#1j!'
SECRET = "whsec_" + base64.b64encode(KEY.encode()).decode()
PATH = "T4n4ry~Path9xQw7Lr2Vb_Nd5"
scanner = Scanner({**CANARIES, "signing key": KEY, "signing secret": SECRET, "path": PATH})

ANSWERS = {
    "204": answer(204, b""),
    "500": answer(500),
    "401 with the path": answer(401, {"message": PATH}),
    "a redirect": answer(307, headers={"Location": f"http://127.0.0.1:1/{PATH}"}),
    "reset": reset(),
    "no HTTP": raw(f"SSH {PATH}\r\n".encode()),
    "410": answer(410),
}


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = Retries(attempts_max=2, budget_s=5.0, backoff_s=0.01)
    monkeypatch.setattr("airflow_provider_hubspot_deals.webhooks.delivering.AT_ONCE", at_once)


def define(world: World, address: str, secret: str = SECRET) -> None:
    connection = {"conn_type": "http", "host": address, "password": secret}
    world.environment.setenv(f"AIRFLOW_CONN_{CONN.upper()}", json.dumps(connection))


def context_of(world: World, run_id: str) -> Any:
    """Of a task that failed before it had a job: each run is then an event of its own."""
    task = HubSpotDealsToPostgresOperator(task_id="load", organization=world.organization)
    place = {"dag_id": "acme", "run_id": run_id, "task_id": "load", "map_index": None, "try_number": 1}
    return {"ti": SimpleNamespace(**place), "task": task, "exception": ConfigurationError("Nothing works.")}


def shown(world: World, about: str) -> dict[str, str]:
    """What a callback shows, and what a notifier of somebody's own DAG raises."""
    callback = JobCallback("failed", [Notification(notifier=WEBHOOK_NOTIFIER, arguments={"webhook_conn_id": CONN})])
    raised = ""
    with sinks.Logs().captured() as logs:
        callback(context_of(world, f"{about} 1"))
        try:
            HubSpotDealsWebhookNotifier(webhook_conn_id=CONN)(context_of(world, f"{about} 2"))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is looked at
            raised = sinks.unfolded(error)
    assert logs.text
    return {"log": logs.text, "exception": raised}


def test_f18_whatever_a_webhook_answers_no_secret_shows(world: World, tmp_path: Path) -> None:
    assert world.run().error is None
    for about, step in ANSWERS.items():
        with ScriptedServer([step]) as server:
            define(world, f"{server.url}/{PATH}?key={PATH}")
            evidence = shown(world, about)
            sent = repr([(request.headers, request.body) for request in server.requests])
        assert server.targets[0] == f"/{PATH}?key={PATH}"
        assert {sink: scanner.finds(text) for sink, text in {**evidence, "request": sent}.items()} == {
            "log": [],
            "exception": [],
            "request": [],
        }, about
    with ScriptedServer([answer(200)], tls=self_signed(tmp_path)) as stranger:
        define(world, f"{stranger.url}/{PATH}")
        assert [scanner.finds(text) for text in shown(world, "a stranger").values()] == [[], []]
        assert stranger.requests == []
    stored = sinks.database(world.superuser_url)
    assert stored.count("notification_deliveries") >= 2 * len(ANSWERS)
    assert scanner.finds(stored) == []


def test_f18_what_maintenance_tells_later_shows_no_secret(world: World) -> None:
    """As a role that loads, and owns nothing."""
    assert world.run().error is None
    with ScriptedServer([answer(503)]) as server:
        define(world, f"{server.url}/{PATH}")
        shown(world, "an outage")
        world.execute("UPDATE hubspot.notification_deliveries SET next_attempt_at = now() WHERE payload IS NOT NULL")
        server.answers(answer(503), answer(204, b""))
        with sinks.Logs().captured() as logs:
            first = maintain_store("hubspot_deals_postgres", "hubspot", events_months=13)
            world.execute(
                "UPDATE hubspot.notification_deliveries SET next_attempt_at = now() WHERE payload IS NOT NULL"
            )
            second = maintain_store("hubspot_deals_postgres", "hubspot", events_months=13)
    assert [report.done["deliver_notifications"] for report in (first, second)] == [0, 2]
    assert scanner.finds(logs.text + repr(first.as_dict()) + repr(second.as_dict())) == []
    assert scanner.finds(sinks.database(world.superuser_url)) == []


ADDRESSES: dict[str, Callable[[], tuple[str, str]]] = {
    "no https": lambda: (f"http://hooks.example.com/{PATH}", SECRET),
    "no port": lambda: (f"https://hooks.example.com:99999/{PATH}", SECRET),
    "no address": lambda: (f"https://[{PATH}", SECRET),
    "a password in it": lambda: (f"https://me:{PATH}@hooks.example.com/", SECRET),
    "a line break": lambda: (f"https://hooks.example.com/{PATH}\r\nX: y", SECRET),
    "no signing secret": lambda: (f"https://hooks.example.com/{PATH}", KEY),
}


def test_f20_a_webhook_that_cannot_be_right_shows_nothing_of_it(world: World) -> None:
    for about, made in ADDRESSES.items():
        define(world, *made())
        evidence = shown(world, about)
        assert CONN in evidence["exception"], about
        assert [scanner.finds(text) for text in evidence.values()] == [[], []], about
