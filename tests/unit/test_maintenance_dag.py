"""The maintenance DAG: one per connection and schema, hourly, and under an id that no organization can take."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from airflow_provider_hubspot_deals import maintenance
from airflow_provider_hubspot_deals.dag_factory import build_dags
from airflow_provider_hubspot_deals.dag_factory.maintenance_dag import (
    EVENTS_MONTHS,
    build_maintenance_dag,
    maintenance_dag_id,
)
from airflow_provider_hubspot_deals.maintenance import MaintenanceReport
from airflow_provider_hubspot_deals.operators.maintenance import HubSpotDealsMaintenanceOperator
from airflow_provider_hubspot_deals.organizations import Store

if TYPE_CHECKING:
    from airflow.sdk import DAG

MAINTENANCE = "hubspot_deals_maintenance"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow-home"))
    return tmp_path / "organizations.toml"


def maintenance_dags(path: Path, *entries: str) -> dict[str, DAG]:
    path.write_text("".join(f"[[organizations]]\n{entry}\n" for entry in entries), encoding="utf-8")
    return {dag_id: dag for dag_id, dag in build_dags(path).items() if "maintenance" in dag.tags}


def task_of(dag: DAG) -> Any:
    (task,) = dag.tasks
    return task


def test_organizations_of_one_database_share_one(path: Path) -> None:
    (dag_id, dag), *others = maintenance_dags(path, 'slug = "a"', 'slug = "b"\nenabled = false').items()
    assert (dag_id, others) == (MAINTENANCE, [])
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert (task_of(dag).postgres_conn_id, task_of(dag).schema) == ("hubspot_deals_postgres", "hubspot")
    assert "hubspot.job_events" in (dag.doc_md or "")


def test_each_connection_and_schema_has_its_own(path: Path) -> None:
    dags = maintenance_dags(
        path, 'slug = "a"', 'slug = "b"\nschema = "crm"', 'slug = "c"\npostgres_conn_id = "other/db"'
    )
    other = maintenance_dag_id(Store("other/db", "hubspot"))
    assert list(dags) == [MAINTENANCE, f"{MAINTENANCE}.hubspot_deals_postgres.crm", other]
    assert other.startswith(f"{MAINTENANCE}.other_db-")
    assert other != maintenance_dag_id(Store("other_db", "hubspot"))
    assert (task_of(dags[other]).postgres_conn_id, task_of(dags[other]).schema) == ("other/db", "hubspot")


def test_two_files_have_two(path: Path) -> None:
    assert list(maintenance_dags(path.with_name("north-2.toml"), 'slug = "a"')) == [f"{MAINTENANCE}.north_2"]


def test_it_runs_hourly_at_a_minute_of_its_own() -> None:
    dags = [build_maintenance_dag(Store(f"db{number}", "hubspot"), f"m{number}") for number in range(20)]
    minutes = {getattr(dag.timetable, "expression", "") for dag in dags}
    assert len(minutes) > 10
    assert all(minute.endswith(" * * * *") for minute in minutes)


def test_a_slug_that_would_take_its_id_is_refused(path: Path) -> None:
    assert list(maintenance_dags(path, 'slug = "maintenance"', 'slug = "a"')) == [MAINTENANCE]
    assert "makes the DAG id" in str(build_dags(path)["hubspot_deals_configuration"].doc_md)


def test_a_starting_task_builds_it_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", MAINTENANCE)
    assert list(maintenance_dags(path, 'slug = "a"', 'slug = "b"')) == [MAINTENANCE]


def test_it_is_the_same_at_each_parse(path: Path) -> None:
    one, two = (
        json.dumps(DagSerialization.to_dict(maintenance_dags(path, 'slug = "a"')[MAINTENANCE])) for _ in range(2)
    )
    assert one == two


def test_the_form_refuses_months_that_no_run_could_keep() -> None:
    params = build_maintenance_dag(Store("db", "hubspot"), "m").params
    assert params["events_months"] == EVENTS_MONTHS == maintenance.EVENTS_MONTHS
    for value in (0, -1, "all", 1201):
        with pytest.raises(ParamValidationError):
            params.update({"events_months": value})


class FakeConnection:
    closed = autocommit = False

    def close(self) -> None:
        self.closed = True


def execute(monkeypatch: pytest.MonkeyPatch, report: MaintenanceReport, **arguments: Any) -> tuple[Any, dict[str, Any]]:
    """Run the operator over a maintenance that reports this; gives what was asked for and what was pushed."""
    asked: list[Any] = []
    pushed: dict[str, Any] = {}

    def run(connection: FakeConnection, schema: str, *, events_months: int) -> MaintenanceReport:
        asked.append((connection.autocommit, schema, events_months))
        return report

    monkeypatch.setattr(maintenance, "run_maintenance", run)
    opener = "airflow_provider_hubspot_deals.hooks.postgres.connection_opener"
    monkeypatch.setattr(opener, lambda _: FakeConnection)
    redeliver = "airflow_provider_hubspot_deals.webhooks.redelivering.redeliver"
    monkeypatch.setattr(redeliver, lambda _connect, schema, _endpoint_of: {"crm": 2}.get(schema, 0))
    task = HubSpotDealsMaintenanceOperator(task_id="maintain", **arguments)
    ti = SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}))
    context: Any = {"ti": ti}
    try:
        pushed["returned"] = task.execute(context)
    except AirflowFailException as error:
        pushed["failed"] = str(error)
    return asked, pushed


def test_the_report_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    report = MaintenanceReport(done={"archive_jobs": 3}, failures={}, findings=())
    asked, pushed = execute(monkeypatch, report, schema="crm", events_months=" 5 ")
    assert asked == [(True, "crm", 5)]
    done = {"archive_jobs": 3, "deliver_notifications": 2}
    assert pushed == {"returned": {"done": done, "failures": {}, "findings": []}}


def test_findings_and_failed_steps_fail_the_task_after_the_report_was_pushed(monkeypatch: pytest.MonkeyPatch) -> None:
    report = MaintenanceReport(done={"a": 1}, failures={"b": "in use"}, findings=("jobs has no policy",))
    _, pushed = execute(monkeypatch, report)
    assert pushed["failed"] == "b: in use · jobs has no policy"
    assert pushed["return_value"] == {**report.as_dict(), "done": {"a": 1, "deliver_notifications": 0}}


@pytest.mark.parametrize("months", ["", "0", "-1", "1.5", "many", "1201", "9" * 30, "٣"])
def test_months_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, months: str) -> None:
    asked, pushed = execute(monkeypatch, MaintenanceReport(done={}, failures={}, findings=()), events_months=months)
    assert asked == []
    assert "events_months must be" in pushed["failed"]
