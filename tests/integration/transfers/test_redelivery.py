"""What a webhook did not take is told again by maintenance, until it does or three days are over."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals.exceptions import NotDeliveredError
from airflow_provider_hubspot_deals.notifications.webhook_connections import endpoint_of
from airflow_provider_hubspot_deals.operators.maintenance import HubSpotDealsMaintenanceOperator, maintain_store
from airflow_provider_hubspot_deals.webhooks.delivery_log import PAUSES
from airflow_provider_hubspot_deals.webhooks.redelivering import redeliver
from tests.integration.transfers.conftest import Airflow
from tests.integration.transfers.test_webhook_notifier import LOG, define, finished, hasty, server, tell
from tests.unit.client.scripted_server import ScriptedServer, answer
from tests.unit.webhooks.receiver import SECRET, Receiver

__all__ = ["hasty", "server"]  # fixtures


@pytest.fixture
def context(airflow: Airflow, server: ScriptedServer) -> Any:
    """A job that completed while the receiver was down."""
    made = finished(airflow)
    server.answers(answer(503))
    with pytest.raises(NotDeliveredError):
        tell(made)
    server.requests.clear()
    return made


def rows(airflow: Airflow) -> list[dict[str, Any]]:
    return airflow.query(LOG)


def make_due(airflow: Airflow) -> None:
    airflow.query(
        "UPDATE hubspot.notification_deliveries SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL"
    )


def try_again(airflow: Airflow) -> int:
    return redeliver(lambda: psycopg.connect(airflow.database_url), "hubspot", endpoint_of)


@pytest.mark.usefixtures("context")
def test_nothing_is_tried_before_its_time(airflow: Airflow, server: ScriptedServer) -> None:
    assert try_again(airflow) == 0
    assert server.requests == []


@pytest.mark.usefixtures("context")
def test_the_maintenance_task_delivers_the_same_event_later(airflow: Airflow, server: ScriptedServer) -> None:
    said_before = rows(airflow)[-1]
    make_due(airflow)
    server.answers(answer(200))

    report = HubSpotDealsMaintenanceOperator(task_id="maintain").execute({})

    assert report["done"]["deliver_notifications"] == 1
    (request,) = server.requests
    assert Receiver(server).take(request)
    assert request.headers["webhook-id"] == said_before["event_id"]
    assert request.body.decode() == said_before["payload"]
    last = rows(airflow)[-1]
    assert (last["attempt"], last["outcome"], last["job_id"]) == (4, "delivered", said_before["job_id"])
    assert not any(row["payload"] for row in rows(airflow))
    assert try_again(airflow) == 0


@pytest.mark.usefixtures("context")
def test_attempts_become_rarer_and_end(airflow: Airflow, server: ScriptedServer) -> None:
    pauses = []
    while rows(airflow)[-1]["next_attempt_at"]:
        last = rows(airflow)[-1]
        pauses.append(last["next_attempt_at"] - last["started_at"])
        make_due(airflow)
        assert try_again(airflow) == 0
    assert len(rows(airflow)) == len(PAUSES) + 1
    assert [round(pause / timedelta(minutes=1)) for pause in pauses] == [
        pause / timedelta(minutes=1) for pause in PAUSES[2:]
    ]
    assert timedelta(days=3) < sum(PAUSES, timedelta()) < timedelta(days=4)
    assert rows(airflow)[-1]["payload"] is None
    server.requests.clear()
    try_again(airflow)
    assert server.requests == []


def test_an_endpoint_that_is_down_costs_one_attempt_and_not_one_for_each_event(
    airflow: Airflow, server: ScriptedServer, context: Any
) -> None:
    for number in range(2, 4):
        context["ti"].run_id = f"manual__{number}"
        with pytest.raises(NotDeliveredError):
            tell(context)
    make_due(airflow)
    server.requests.clear()
    try_again(airflow)
    assert len(server.requests) == 1
    server.answers(answer(200))
    make_due(airflow)
    assert try_again(airflow) == 3


@pytest.mark.usefixtures("context")
def test_a_connection_that_is_gone_is_told_in_the_log_and_tried_no_more_often_than_others(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_due(airflow)
    monkeypatch.delenv("AIRFLOW_CONN_CRM_WEBHOOK")
    assert try_again(airflow) == 0
    last = rows(airflow)[-1]
    assert (last["attempt"], last["outcome"], last["http_status"]) == (4, "failed", None)
    assert "no connection 'crm_webhook'" in last["problem"]
    assert last["next_attempt_at"] > last["started_at"]


@pytest.mark.usefixtures("context")
def test_an_address_that_makes_no_sense_holds_up_no_other(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, server: ScriptedServer
) -> None:
    make_due(airflow)
    airflow.query(
        "INSERT INTO hubspot.notification_deliveries (organization_id, event_id, webhook_conn_id, attempt, event_type,"
        " host, payload, next_attempt_at) SELECT id, 'msg_0', 'odd_webhook', 1, 'hubspot_deals.job.failed', 'h', '{}',"
        " now() - interval '1 day' FROM hubspot.organizations"
    )
    odd = {"conn_type": "http", "host": "https://[hooks:99999/\r\n", "password": SECRET}
    monkeypatch.setenv("AIRFLOW_CONN_ODD_WEBHOOK", json.dumps(odd))
    server.answers(answer(200))
    assert try_again(airflow) == 1
    (odd_row,) = airflow.query(f"{LOG.partition(' ORDER')[0]} WHERE event_id = 'msg_0' AND attempt = 2")
    assert "must be an address" in odd_row["problem"]


@pytest.mark.usefixtures("context")
def test_what_another_process_delivered_meanwhile_is_due_no_more(airflow: Airflow, server: ScriptedServer) -> None:
    airflow.query("UPDATE hubspot.notification_deliveries SET outcome = 'delivered' WHERE attempt = 1")
    make_due(airflow)
    try_again(airflow)
    assert server.requests == []
    assert not any(row["next_attempt_at"] for row in rows(airflow))


@pytest.mark.usefixtures("context")
def test_slow_endpoints_leave_the_rest_to_the_next_call(
    airflow: Airflow, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_due(airflow)
    server.answers(answer(200))
    with monkeypatch.context() as slow:
        slow.setattr("airflow_provider_hubspot_deals.webhooks.redelivering.ROUND_S", -1.0)
        assert try_again(airflow) == 0
    assert "the rest is for the next call" in caplog.text
    assert try_again(airflow) == 1


def test_what_maintenance_did_before_is_reported_when_webhooks_cannot_be_told(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> int:
        raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr("airflow_provider_hubspot_deals.webhooks.redelivering.redeliver", lost)
    report = maintain_store("hubspot_deals_postgres", "hubspot", events_months=13)
    assert "archive_jobs" in report.done
    assert list(report.failures) == ["deliver_notifications"]
    assert airflow.jobs() == []


@pytest.mark.usefixtures("context")
def test_the_secret_and_the_address_may_change_meanwhile(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    make_due(airflow)
    new = "whsec_" + "QUJD" * 8
    with ScriptedServer([answer(200)]) as elsewhere:
        define(monkeypatch, elsewhere.url, new)
        assert try_again(airflow) == 1
        assert Receiver(elsewhere, secret=new).take(elsewhere.requests[0])


def test_a_process_that_dies_while_it_tells_loses_nothing(
    airflow: Airflow, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = finished(airflow)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr("airflow_provider_hubspot_deals.webhooks.endpoint.Endpoint.send", die)
        with pytest.raises(KeyboardInterrupt):
            tell(made)
    assert [row["outcome"] for row in rows(airflow)] == ["sending"]
    make_due(airflow)
    assert try_again(airflow) == 1
    assert json.loads(server.requests[0].body)["data"]["status"] == "completed"


@pytest.mark.usefixtures("context")
def test_410_ends_the_attempts(airflow: Airflow, server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    make_due(airflow)
    server.answers(answer(410))
    with caplog.at_level(logging.WARNING):
        assert try_again(airflow) == 0
    assert rows(airflow)[-1]["outcome"] == "gone"
    assert not any(row["next_attempt_at"] for row in rows(airflow))
