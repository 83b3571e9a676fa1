"""Every DAG of dags/examples in a real Airflow: it does what its first line says."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from runpy import run_path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

from airflow_provider_hubspot_deals.organizations import parse_organization
from local_stack.demo.connections import hubspot_connection
from local_stack.processes import wait_until
from tests.acceptance.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.acceptance.conftest import AirflowStack

NORTHWIND, PORTAL, SANDBOX_PORTAL = "hubspot_deals_northwind", 9100005, 9100006
EXAMPLE_PORTAL = 9100004
WATCHED_PORTAL = 9100007
RUN_TIMEOUT_S = 120.0
OF_TYPE = """
    SELECT count(*) AS n FROM hubspot.hubspot_deals JOIN hubspot.organizations ON id = _organization_id
    WHERE slug = 'northwind' AND _type = %s AND NOT archived
"""
A_LIVE_DEAL = """
    SELECT hubspot_deal_id FROM hubspot.hubspot_deals JOIN hubspot.organizations ON id = _organization_id
    WHERE slug = 'northwind' AND _type = 'standard' AND NOT archived ORDER BY 1 LIMIT 1
"""


@pytest.fixture(scope="module", autouse=True)
def known_examples(airflow_stack: AirflowStack) -> None:
    example = parse_organization({"slug": "example", "portal_id": EXAMPLE_PORTAL, "hubspot_conn_id": "hubspot_default"})
    connection = hubspot_connection(example, airflow_stack.tokens, airflow_stack.simulator.url)
    airflow_stack.airflow.set_connections([connection])
    airflow_stack.airflow.wait_for_dags(example_names())


def example_names() -> list[str]:
    """Files are called as the one DAG that they hold."""
    return sorted(file.stem for file in (ROOT / "dags" / "examples").glob("*.py"))


def statement_of(dag_id: str, task_id: str) -> str:
    """The SQL of a task, which its file calls by its id; Airflow keeps its rows in a form of its own."""
    task = run_path(str(ROOT / "dags" / "examples" / f"{dag_id}.py"))[task_id]
    assert isinstance(task, SQLExecuteQueryOperator)
    assert isinstance(task.sql, str)
    return task.sql


def states(stack: AirflowStack, dag_id: str, run_id: str) -> dict[str, str]:
    """By task."""
    return {task["task_id"]: task["state"] for task in stack.airflow.task_instances(dag_id, run_id)}


def wait_for_next_run(stack: AirflowStack, dag_id: str, known: set[str], run_type: str) -> str:
    """A run that was not there before, once it is over."""

    def new() -> list[str]:
        runs = stack.airflow.get(f"/dags/{dag_id}/dagRuns", run_type=run_type)["dag_runs"]
        return [run["dag_run_id"] for run in runs if run["dag_run_id"] not in known]

    wait_until(lambda: bool(new()), what=f"a {run_type} run of {dag_id}", timeout_s=RUN_TIMEOUT_S)
    (run_id,) = new()
    assert stack.airflow.wait_for_run(dag_id, run_id, timeout_s=RUN_TIMEOUT_S) == "success"
    return run_id


def test_every_example_has_a_test() -> None:
    # ten_lines has its own in test_dags_in_airflow.py.
    assert example_names() == [
        "backfill_once",
        "dbt_after_load",
        "notify_on_failure",
        "report_after_load",
        "sandbox_beside_production",
        "ten_lines",
        "wait_for_changes",
    ]


def test_the_report_follows_a_load_and_is_left_out_when_nothing_changed(airflow_stack: AirflowStack) -> None:
    dag_id = "report_after_load"
    airflow_stack.airflow.unpause(dag_id)
    airflow_stack.run_dag(NORTHWIND, {"mode": "full"})
    first = wait_for_next_run(airflow_stack, dag_id, set(), "asset_triggered")
    assert states(airflow_stack, dag_id, first) == {"something_changed": "success", "report": "success"}
    rows = airflow_stack.query(statement_of(dag_id, "report"))
    assert sum(row["count"] for row in rows) == airflow_stack.simulator.counts()[PORTAL].live

    airflow_stack.run_dag(NORTHWIND)
    second = wait_for_next_run(airflow_stack, dag_id, {first}, "asset_triggered")
    assert states(airflow_stack, dag_id, second) == {"something_changed": "success", "report": "skipped"}

    (deal,) = airflow_stack.query(A_LIVE_DEAL)
    airflow_stack.simulator.purge(PORTAL, deal["hubspot_deal_id"])  # its row is marked, and nothing of it is read
    airflow_stack.run_dag(NORTHWIND, {"mode": "full"})
    third = wait_for_next_run(airflow_stack, dag_id, {first, second}, "asset_triggered")
    assert states(airflow_stack, dag_id, third) == {"something_changed": "success", "report": "success"}


def test_dbt_is_called_for_or_the_command_is_shown(airflow_stack: AirflowStack) -> None:
    run_id = airflow_stack.run_dag("dbt_after_load")
    asked = "dbt build --select source:hubspot+ source:hubspot_reporting+"
    assert asked in airflow_stack.logs("dbt_after_load", run_id)


def test_a_backfill_reads_its_months_one_after_the_other(airflow_stack: AirflowStack) -> None:
    airflow_stack.airflow.unpause(NORTHWIND)
    airflow_stack.run_dag("backfill_once", {"first_day": "2025-01-10", "last_day": "2025-03-31"})
    jobs = airflow_stack.query(
        "SELECT mode, status, config, start_time, end_time FROM hubspot.jobs WHERE dag_id = %s AND mode = 'window'"
        " ORDER BY start_time",
        NORTHWIND,
    )
    assert [(job["mode"], job["status"]) for job in jobs] == [("window", "completed")] * 3
    windows = sorted((job["config"]["window_start"], job["config"]["window_end"]) for job in jobs)
    days = [(start[:10], end[:10]) for start, end in windows]
    assert days == [("2025-01-10", "2025-02-01"), ("2025-02-01", "2025-03-01"), ("2025-03-01", "2025-04-01")]
    assert all(earlier["end_time"] <= later["start_time"] for earlier, later in pairwise(jobs))


def test_sandbox_and_production_are_loaded_side_by_side_and_compared(airflow_stack: AirflowStack) -> None:
    run_id = airflow_stack.run_dag("sandbox_beside_production")
    held = airflow_stack.simulator.counts()
    for type_, portal_id in (("standard", PORTAL), ("sandbox", SANDBOX_PORTAL)):
        assert airflow_stack.query(OF_TYPE, type_) == [{"n": held[portal_id].live}]
    assert states(airflow_stack, "sandbox_beside_production", run_id)["compare"] == "success"
    different = airflow_stack.query(statement_of("sandbox_beside_production", "compare"))
    assert len(different) == 3  # the properties that only the sandbox has
    assert all(row["in_sandbox"] and not row["in_production"] for row in different)


@contextmanager
def receiver() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Port of a server that keeps the JSON that it is sent."""
    received: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, received
        server.shutdown()


def test_somebody_is_told_when_a_load_has_failed(airflow_stack: AirflowStack) -> None:
    example = parse_organization({"slug": "example", "portal_id": EXAMPLE_PORTAL, "hubspot_conn_id": "hubspot_default"})
    right = hubspot_connection(example, airflow_stack.tokens, airflow_stack.simulator.url)
    wrong = "pat-na1-revoked-revoked-revoked"
    with receiver() as (port, received):
        alerts = {"connection_id": "alerts", "conn_type": "http", "host": "127.0.0.1", "port": port}
        airflow_stack.airflow.set_connections([{**right, "password": wrong}, alerts])
        try:
            run_id, state = airflow_stack.finish_dag("notify_on_failure")
        finally:
            airflow_stack.airflow.set_connections([right])
    told = [each for each in received if each["run"] == run_id]
    assert state == "failed"
    assert [each["dag"] for each in told] == ["notify_on_failure"]
    assert "Check the token" in told[0]["error"]
    assert wrong not in json.dumps(received)


@pytest.mark.timeout(400)
def test_a_change_in_hubspot_ends_the_waiting(airflow_stack: AirflowStack, start_triggerer: Callable[[], None]) -> None:
    dag_id = "wait_for_changes"
    airflow_stack.airflow.unpause(dag_id)
    run_id = airflow_stack.airflow.trigger(dag_id)
    is_waiting = lambda: states(airflow_stack, dag_id, run_id).get("changed") == "deferred"  # noqa: E731 - a condition
    wait_until(is_waiting, what="the sensor", timeout_s=RUN_TIMEOUT_S)
    airflow_stack.simulator.mutate(EXAMPLE_PORTAL, edit=2)
    start_triggerer()
    assert airflow_stack.airflow.wait_for_run(dag_id, run_id, timeout_s=RUN_TIMEOUT_S) == "success"
    seen: Any = airflow_stack.airflow.xcom(dag_id, run_id, "changed")
    assert (seen["hubspot_conn_id"], seen["changed"]) == ("hubspot_default", 2)
    assert airflow_stack.job(run_id)["status"] == "completed"


@pytest.mark.timeout(400)
def test_a_watched_organization_runs_when_somebody_changes_a_deal(
    airflow_stack: AirflowStack, start_triggerer: Callable[[], None]
) -> None:
    watched = parse_organization({"slug": "watched", "portal_id": WATCHED_PORTAL})
    airflow_stack.airflow.set_connections(
        [hubspot_connection(watched, airflow_stack.tokens, airflow_stack.simulator.url)]
    )
    settings = f'slug = "watched"\nportal_id = {WATCHED_PORTAL}\nschedule = "@yearly"\nwatch_every_seconds = 5\n'
    (airflow_stack.dags_folder / "watched.toml").write_text(f"[[organizations]]\n{settings}", encoding="utf-8")
    source = (
        "from pathlib import Path\n"
        "from airflow_provider_hubspot_deals.dag_factory import build_dags\n"
        "globals().update(build_dags(Path(__file__).with_name('watched.toml')))\n"
    )
    start_triggerer()
    airflow_stack.add_dag("watched.py", source, watched.dag_id)
    airflow_stack.airflow.unpause(watched.dag_id)
    airflow_stack.touch_dag("watched.py")  # what nobody unpaused watches nothing, as of when it was read
    airflow_stack.simulator.mutate(WATCHED_PORTAL, edit=3)
    try:
        run_id = wait_for_next_run(airflow_stack, watched.dag_id, set(), "asset_triggered")
    finally:
        airflow_stack.airflow.call(
            "PATCH", f"/dags/{watched.dag_id}", params={"update_mask": "is_paused"}, json={"is_paused": True}
        )
    events = airflow_stack.airflow.get(f"/dags/{watched.dag_id}/dagRuns/{run_id}/upstreamAssetEvents")["asset_events"]
    assert events[0]["extra"]["payload"]["changed"] == 3
    assert airflow_stack.job(run_id)["trigger"] == "asset_triggered"
    assert airflow_stack.tokens[WATCHED_PORTAL] not in json.dumps(events)
