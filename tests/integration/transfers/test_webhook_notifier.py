"""The webhook notifier behind the operator: what a receiver is told, and what the delivery log says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.exceptions import ConfigurationError, NotDeliveredError
from airflow_provider_hubspot_deals.notifications.webhook import HubSpotDealsWebhookNotifier
from hubspot_simulator import FaultRule
from tests.integration.transfers.conftest import Airflow
from tests.unit.client.scripted_server import ScriptedServer, answer
from tests.unit.webhooks.receiver import SECRET, Receiver

CONN = "crm_webhook"
LOG = "SELECT * FROM hubspot.notification_deliveries ORDER BY started_at"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = Retries(attempts_max=3, budget_s=5.0, backoff_s=0.01)
    monkeypatch.setattr("airflow_provider_hubspot_deals.webhooks.delivering.AT_ONCE", at_once)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    with ScriptedServer([answer(200)]) as started:
        define(monkeypatch, started.url + "/hooks/s3cr3t")
        yield started


def define(monkeypatch: pytest.MonkeyPatch, address: str, secret: str = SECRET) -> None:
    connection = {"conn_type": "http", "host": address, "password": secret}
    monkeypatch.setenv("AIRFLOW_CONN_CRM_WEBHOOK", json.dumps(connection))


def finished(airflow: Airflow, **arguments: Any) -> Any:
    """The context in which Airflow calls a callback after the task."""
    task, context = airflow.task(**arguments), airflow.context()
    context["task"] = task
    try:
        task.execute(context)
    except Exception as error:  # noqa: BLE001 - as Airflow catches it
        context["exception"] = error
    return context


def tell(context: Any, **arguments: Any) -> None:
    HubSpotDealsWebhookNotifier(webhook_conn_id=CONN, **arguments)(context)


def test_a_receiver_is_told_that_a_job_completed(airflow: Airflow, server: ScriptedServer) -> None:
    tell(finished(airflow))
    receiver = Receiver(server)
    assert receiver.take(server.requests[0])
    (event,) = receiver.taken.values()
    (job,) = airflow.jobs()
    data = event["data"]
    assert event["type"] == "hubspot_deals.job.completed"
    assert event["timestamp"] == data["ended_at"] == job["end_time"].isoformat()
    assert (data["organization"], data["organization_id"]) == ("acme", str(job["organization_id"]))
    assert (data["job_id"], data["mode"], data["status"]) == (str(job["id"]), "full", "completed")
    assert (
        data["counts"]["records_inserted"]
        == job["records_inserted"]
        == len(airflow.query("SELECT 1 FROM hubspot.hubspot_deals"))
    )
    assert data["error_code"] is data["error"] is None
    assert data["watermark"]
    assert (data["dag_id"], data["run_id"], data["task_id"]) == ("acme_deals", "manual__1", "load_deals")


def test_the_log_has_the_attempt_and_neither_body_nor_path(airflow: Airflow, server: ScriptedServer) -> None:
    tell(finished(airflow))
    (job,) = airflow.jobs()
    (row,) = airflow.query(LOG)
    assert row["event_id"] == server.requests[0].headers["webhook-id"]
    assert (row["event_type"], row["job_id"]) == ("hubspot_deals.job.completed", job["id"])
    assert (row["webhook_conn_id"], row["host"], row["attempt"]) == (CONN, "127.0.0.1", 1)
    assert (row["outcome"], row["http_status"], row["problem"]) == ("delivered", 200, None)
    assert row["started_at"] < row["ended_at"]
    assert row["payload"] is row["next_attempt_at"] is None
    assert "s3cr3t" not in str(row)


def test_a_receiver_is_told_why_a_job_failed(
    airflow: Airflow, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hubspot = {"conn_type": "hubspot", "password": "pat-na1-revoked-revoked", "host": airflow.simulator.base_url}
    hubspot["extra"] = json.dumps({"allow_other_hosts": True})
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_DEFAULT", json.dumps(hubspot))
    context = finished(airflow)
    assert isinstance(context["exception"], AirflowFailException)
    tell(context)
    event = server.requests[0].json()
    (job,) = airflow.jobs()
    assert event["type"] == "hubspot_deals.job.failed"
    assert (event["data"]["status"], event["data"]["job_id"]) == ("failed", str(job["id"]))
    assert event["data"]["error_code"] == job["error_code"] == "AUTH_INVALID"
    assert event["data"]["error"] == job["error_message"]
    assert "revoked-revoked" not in server.requests[0].body.decode()


def test_a_run_that_is_cleared_and_fails_before_its_job_goes_on_is_told_anew(
    airflow: Airflow, server: ScriptedServer
) -> None:
    """Its job is the one that failed before, and says nothing of this try."""
    airflow.simulator.add_fault(FaultRule(fault="status", endpoint="list", times=None, status=401))
    context = finished(airflow)
    tell(context)
    tell(context)
    context["ti"].try_number += 1
    context["exception"] = ConfigurationError("Connection 'hubspot_default' is gone.")
    tell(context)
    first, second = (request.json()["data"] for request in server.requests)
    assert (first["error_code"], second["error_code"]) == ("AUTH_INVALID", "CONFIGURATION")
    assert first["job_id"] == second["job_id"]


def test_a_failure_before_there_is_a_job_is_told_too(airflow: Airflow, server: ScriptedServer) -> None:
    tell(finished(airflow, mode="everything"))
    data = server.requests[0].json()["data"]
    assert (data["job_id"], data["error_code"]) == (None, "CONFIGURATION")
    assert "mode 'everything' is unknown" in data["error"]
    assert airflow.query(LOG) == []  # nobody knows the organization yet


def test_somebody_elses_exception_is_not_quoted(airflow: Airflow, server: ScriptedServer) -> None:
    context = finished(airflow, mode="everything")
    context["exception"] = ValueError("dealname 'Secret merger' is odd")
    tell(context)
    assert server.requests[0].json()["data"]["error_code"] == "UNEXPECTED"
    assert "merger" not in server.requests[0].body.decode()


def test_a_task_that_fails_after_its_job_completed_is_told_as_failed(airflow: Airflow, server: ScriptedServer) -> None:
    context = finished(airflow)
    context["exception"] = RuntimeError("XCom")
    tell(context)
    event = server.requests[0].json()
    assert event["type"] == "hubspot_deals.job.failed"
    assert (event["data"]["status"], event["data"]["error_code"]) == ("completed", "UNEXPECTED")


def test_a_task_whose_worker_was_killed_is_told_by_whoever_notices(airflow: Airflow, server: ScriptedServer) -> None:
    """Airflow's dag processor calls the callback then, without an exception."""
    context = finished(airflow, mode="everything")
    del context["exception"]
    tell(context)
    data = server.requests[0].json()["data"]
    assert (data["job_id"], data["error_code"]) == (None, "UNEXPECTED")


def test_a_failure_to_reach_the_database_is_told_without_it(connect: Any, server: ScriptedServer) -> None:
    airflow = connect("postgresql://nobody:secret@127.0.0.1:1/nowhere")
    tell(finished(airflow))
    data = server.requests[0].json()["data"]
    assert (data["organization"], data["error_code"]) == ("acme", "DB_UNAVAILABLE")
    assert "secret" not in server.requests[0].body.decode()


def test_what_passes_is_retried_and_each_attempt_is_a_row(airflow: Airflow, server: ScriptedServer) -> None:
    context = finished(airflow)
    server.answers(answer(500), answer(503), answer(200))
    tell(context)
    rows = airflow.query(LOG)
    assert [(row["attempt"], row["outcome"], row["http_status"]) for row in rows] == [
        (1, "failed", 500),
        (2, "failed", 503),
        (3, "delivered", 200),
    ]
    assert {row["event_id"] for row in rows} == {server.requests[0].headers["webhook-id"]}
    assert not any(row["payload"] for row in rows)


def test_what_is_not_delivered_is_kept_for_later_once(airflow: Airflow, server: ScriptedServer) -> None:
    context = finished(airflow)
    server.answers(answer(500))
    with pytest.raises(NotDeliveredError, match="The maintenance DAG tries again"):
        tell(context)
    rows = airflow.query(LOG)
    assert [row["outcome"] for row in rows] == ["failed"] * 3
    assert [row["payload"] is None for row in rows] == [True, True, False]
    assert rows[-1]["payload"].encode() == server.requests[0].body
    assert rows[-1]["next_attempt_at"] > rows[-1]["ended_at"]
    assert rows[-1]["problem"] == "answered 500"


def test_410_is_never_tried_again(airflow: Airflow, server: ScriptedServer) -> None:
    context = finished(airflow)
    server.answers(answer(410))
    with pytest.raises(ConfigurationError, match="410"):
        tell(context)
    (row,) = airflow.query(LOG)
    assert (row["outcome"], row["payload"], row["next_attempt_at"]) == ("gone", None, None)
    tell(context)
    assert len(server.requests) == 1


def test_a_callback_that_runs_twice_tells_once(airflow: Airflow, server: ScriptedServer) -> None:
    """Airflow may run it in the worker, and again in the dag processor when the worker's end went unnoticed."""
    context = finished(airflow)
    tell(context)
    tell(context)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("address", "secret", "expected"),
    [
        pytest.param("https://hooks.example.com", "hunter2", "signing secret", id="no secret"),
        pytest.param("http://hooks.example.com", SECRET, "must begin with https", id="no https"),
        pytest.param("", SECRET, "must be an address", id="no address"),
    ],
)
def test_a_connection_that_cannot_be_right_is_named(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, address: str, secret: str, expected: str
) -> None:
    define(monkeypatch, address, secret)
    with pytest.raises(ConfigurationError, match=rf"'{CONN}'.*{expected}"):
        tell(finished(airflow))


def test_a_connection_that_is_missing_is_named(airflow: Airflow) -> None:
    with pytest.raises(ConfigurationError, match=rf"no connection '{CONN}'.*type HTTP"):
        tell(finished(airflow))
