"""Notifications of the organizations file: which notifier is told of what, and that one that fails costs no other."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pkgutil import resolve_name
from typing import Any, cast

import pytest
from airflow.api_fastapi.core_api.datamodels.dag_run import DAGRunResponse
from airflow.sdk.definitions.deadline import DeadlineAlert
from airflow.serialization.serialized_objects import DagSerialization

from airflow_provider_hubspot_deals.dag_factory import build_dag
from airflow_provider_hubspot_deals.organizations import Organization, parse_organization
from hubspot_simulator import FaultRule, SimulatorServer
from tests.integration.transfers.conftest import Airflow
from tests.integration.transfers.notifiers import Recorder
from tests.integration.transfers.test_webhook_notifier import LOG, hasty, server
from tests.unit.client.scripted_server import ScriptedServer
from tests.unit.webhooks.receiver import SECRET, Receiver

__all__ = ["hasty", "server"]  # fixtures

RECORDER = "tests.integration.transfers.notifiers.Recorder"
BROKEN = "tests.integration.transfers.notifiers.Broken"
TEXT = "{{ hubspot_job.organization }} {{ hubspot_job.status }} {{ hubspot_job.error_code }} {{ hubspot_job.error }}"
FRESH = (
    "{{ hubspot_job.organization }} is {{ hubspot_job.age_minutes }} min old, last error {{ hubspot_job.error_code }}"
)


@pytest.fixture(autouse=True)
def sent() -> Iterator[list[tuple[str, str]]]:
    Recorder.sent.clear()
    yield Recorder.sent
    Recorder.sent.clear()


def recorder(*on: str, text: str = TEXT) -> dict[str, Any]:
    return {"on": list(on), "notifier": RECORDER, "arguments": {"to": "crm@example.com", "text": text}}


def organization(*notifications: dict[str, Any], **settings: Any) -> Organization:
    defaults = {"slug": "acme", "hubspot_conn_id": "hubspot_default", "search_lag_minutes": 0}
    return parse_organization({**defaults, **settings, "notifications": list(notifications)})


def ran(airflow: Airflow, described: Organization, run_id: str = "manual__1") -> Any:
    """The DAG's task after Airflow ran it and called its callbacks; gives the context."""
    task: Any = build_dag(described).get_task("load_deals")
    for name in ("mode", "window_start", "window_end", "additional_properties"):  # templates
        setattr(task, name, {"mode": "auto"}.get(name))
    context = airflow.context(run_id)
    context["ti"].dag_id = described.dag_id
    context["task"] = task
    try:
        task.execute(context)
    except Exception as error:  # noqa: BLE001 - as Airflow catches it
        context["exception"] = error
    for callback in task.on_failure_callback if "exception" in context else task.on_success_callback:
        callback(context)
    return context


def refuse(simulator: SimulatorServer) -> None:
    simulator.add_fault(FaultRule(fault="status", endpoint="list", times=None, status=401))


def test_a_notifier_is_told_of_what_it_asked_for(
    airflow: Airflow, simulator: SimulatorServer, sent: list[tuple[str, str]]
) -> None:
    described = organization(recorder("completed"), recorder("failed", text="failed: {{ hubspot_job.error }}"))
    ran(airflow, described)
    assert sent == [("crm@example.com", "acme completed None None")]
    refuse(simulator)
    airflow.query("UPDATE hubspot.sync_state SET last_full_sync_at = NULL")
    ran(airflow, described, "manual__2")
    job = airflow.jobs()[-1]
    assert sent[1:] == [("crm@example.com", f"failed: {job['error_message']}")]


def test_templates_get_ids_and_counts(airflow: Airflow, sent: list[tuple[str, str]]) -> None:
    text = "{{ hubspot_job.job_id }} {{ hubspot_job.counts.records_extracted }} {{ ti.run_id }}"
    ran(airflow, organization(recorder("completed", text=text)))
    (job,) = airflow.jobs()
    assert sent == [("crm@example.com", f"{job['id']} {job['records_extracted']} manual__1")]


@pytest.mark.parametrize("broken", [BROKEN, "no.such.Notifier", "json.no_such_thing"])
def test_one_that_fails_costs_no_other_and_nothing_of_its_message_is_logged(
    airflow: Airflow, sent: list[tuple[str, str]], caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    described = organization({"on": ["completed"], "notifier": broken}, recorder("completed"))
    with caplog.at_level(logging.INFO):
        ran(airflow, described)
    assert len(sent) == 1
    complaint = next(each.getMessage() for each in caplog.records if broken in each.getMessage())
    assert "acme" in complaint
    assert "s3cr3t" not in complaint


def test_a_task_whose_worker_was_killed_is_told_though_nobody_renders_its_templates(
    airflow: Airflow, sent: list[tuple[str, str]]
) -> None:
    """Airflow's dag processor calls back then: with the task as the file makes it, and without an exception."""
    task: Any = build_dag(organization(recorder("failed"))).get_task("load_deals")
    assert task.additional_properties == "{{ params.properties }}"
    (callback,) = task.on_failure_callback
    callback({**airflow.context(), "task": task})
    assert sent[0][1].startswith("acme None UNEXPECTED The task failed")


def test_what_goes_to_webhooks_is_written_down_before_anybody_is_told(
    airflow: Airflow, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow ends a task's process 20 s after the task: a notifier that hangs must not cost the others' events."""
    address = json.dumps({"conn_type": "http", "host": server.url, "password": SECRET})
    monkeypatch.setenv("AIRFLOW_CONN_OPS_WEBHOOK", address)

    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("airflow_provider_hubspot_deals.webhooks.endpoint.Endpoint.send", ended)
    told = [recorder("completed"), *({"webhook": f"{name}_webhook", "on": "completed"} for name in ("crm", "ops"))]
    with pytest.raises(KeyboardInterrupt):
        ran(airflow, organization(*told))
    rows = airflow.query(LOG)
    assert [(row["webhook_conn_id"], row["attempt"], row["outcome"]) for row in rows] == [
        ("crm_webhook", 1, "sending"),
        ("ops_webhook", 1, "sending"),
    ]
    assert all(row["payload"] and row["next_attempt_at"] for row in rows)


def test_a_webhook_of_the_file_gets_the_same_facts(airflow: Airflow, server: ScriptedServer) -> None:
    ran(airflow, organization({"webhook": "crm_webhook", "on": "completed"}))
    assert Receiver(server).take(server.requests[0])
    assert server.requests[0].json()["data"]["organization"] == "acme"
    assert len(airflow.query(LOG)) == 1


def test_without_notifications_there_are_no_callbacks_and_no_deadline() -> None:
    dag = build_dag(organization())
    task: Any = dag.get_task("load_deals")
    assert (list(task.on_success_callback), list(task.on_failure_callback), dag.deadline) == ([], [], None)


def test_a_deadline_is_stored_with_the_dag_and_is_the_same_at_each_parse() -> None:
    described = organization(recorder("stale"), stale_after_minutes=90)
    dag = build_dag(described)
    (alert,) = cast("list[DeadlineAlert]", dag.deadline)
    assert alert.interval == timedelta(minutes=90)
    one, two = (json.dumps(DagSerialization.to_dict(each), sort_keys=True) for each in (dag, build_dag(described)))
    assert one == two
    hash(alert)


def missed(described: Organization, run_id: str, queued_at: datetime) -> None:
    """What Airflow does when a run's deadline has passed."""
    (alert,) = cast("list[DeadlineAlert]", build_dag(described).deadline)
    dag_run = {"dag_id": described.dag_id, "dag_run_id": run_id, "queued_at": queued_at.isoformat()}
    assert dag_run.keys() < DAGRunResponse.model_fields.keys()
    kwargs = json.loads(json.dumps(alert.callback.kwargs))
    callback = resolve_name(alert.callback.path)
    asyncio.run(callback(context={"dag_run": dag_run, "deadline": {"id": "…"}}, **kwargs))


def grow_old(airflow: Airflow, hours: int) -> None:
    airflow.query(f"UPDATE hubspot.sync_state SET last_sync_at = now() - interval '{hours} hours'")  # noqa: S608 - the test's own number


def test_data_older_than_its_goal_is_told_with_the_last_error(
    airflow: Airflow, simulator: SimulatorServer, sent: list[tuple[str, str]]
) -> None:
    described = organization(recorder("stale", text=FRESH), stale_after_minutes=120)
    ran(airflow, described)
    refuse(simulator)
    airflow.query("UPDATE hubspot.sync_state SET last_full_sync_at = NULL")
    queued_at = datetime.now(UTC)
    ran(airflow, described, "manual__2")
    grow_old(airflow, 5)
    missed(described, "manual__2", queued_at - timedelta(hours=6))
    assert sent == [("crm@example.com", "acme is 300 min old, last error AUTH_INVALID")]


def test_fresh_data_is_nothing_to_tell(airflow: Airflow, sent: list[tuple[str, str]]) -> None:
    described = organization(recorder("stale", text=FRESH), stale_after_minutes=120)
    ran(airflow, described)
    missed(described, "manual__0", datetime.now(UTC) - timedelta(hours=2))
    assert sent == []


def test_data_that_never_was_is_stale(airflow: Airflow, sent: list[tuple[str, str]]) -> None:
    described = organization(recorder("stale", text="{{ hubspot_job.last_completed_at }}"))
    missed(described, "manual__1", datetime.now(UTC) - timedelta(days=1))
    assert sent == [("crm@example.com", "None")]
    assert airflow.jobs() == []


def test_of_many_runs_that_failed_the_first_ones_deadline_tells(
    airflow: Airflow, simulator: SimulatorServer, sent: list[tuple[str, str]]
) -> None:
    described = organization(recorder("stale", text="{{ hubspot_job.run_id }} {{ hubspot_job.error_code }}"))
    refuse(simulator)
    queued = {}
    for run_id in ("manual__1", "manual__2", "manual__3"):
        queued[run_id] = datetime.now(UTC)
        ran(airflow, described, run_id)
    for run_id, moment in queued.items():
        missed(described, run_id, moment)
    assert sent == [("crm@example.com", "manual__1 AUTH_INVALID")]


def test_a_window_that_was_read_meanwhile_silences_nobody(
    airflow: Airflow, simulator: SimulatorServer, sent: list[tuple[str, str]]
) -> None:
    """It makes nothing fresher, and Airflow has forgotten its deadline."""
    described = organization(recorder("stale", text="{{ hubspot_job.run_id }}"), stale_after_minutes=120)
    ran(airflow, described)
    grow_old(airflow, 5)
    airflow.query(
        "UPDATE hubspot.jobs SET mode = 'window', run_id = 'manual__0', created_at = now() - interval '4 hours'"
    )
    refuse(simulator)
    missed(described, "manual__2", datetime.now(UTC) - timedelta(hours=3))
    assert sent == [("crm@example.com", "manual__2")]


def test_a_webhook_is_told_once_that_the_data_is_stale(airflow: Airflow, server: ScriptedServer) -> None:
    described = organization({"webhook": "crm_webhook"}, stale_after_minutes=120)
    ran(airflow, described)
    grow_old(airflow, 3)
    for run_id in ("manual__2", "manual__3"):
        missed(described, run_id, datetime.now(UTC) - timedelta(hours=3))
    (request,) = server.requests
    assert Receiver(server).take(request)
    event = request.json()
    assert event["type"] == "hubspot_deals.data.stale"
    assert (event["data"]["age_minutes"], event["data"]["stale_after_minutes"]) == (180, 120)
    (row,) = airflow.query(LOG)
    assert (row["event_type"], row["outcome"]) == ("hubspot_deals.data.stale", "delivered")
