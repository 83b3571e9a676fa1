"""Lineage events of a real Airflow, as its own listener sends them."""

from __future__ import annotations

import json
from time import monotonic, sleep
from typing import Any

from airflow_provider_hubspot_deals.dag_factory.organization_dag import TASK_ID
from tests.acceptance.conftest import AirflowStack
from tests.integration.secrets.scanner import Scanner

LUMEN = "hubspot_deals_lumen"
WAIT_S = 30.0


def complete_event(stack: AirflowStack, run_id: str) -> dict[str, Any]:
    """That of the DAG run's task; the listener sends it after the task, and others may have run the same DAG before."""
    deadline = monotonic() + WAIT_S
    while monotonic() < deadline:
        sent: list[dict[str, Any]] = [json.loads(line) for line in stack.lineage().splitlines()]
        events = [event for event in sent if event["job"]["name"] == f"{LUMEN}.{TASK_ID}"]
        runs = {event["run"]["runId"] for event in events if run_id in json.dumps(event["run"]["facets"])}
        for event in events:
            if event["eventType"] == "COMPLETE" and event["run"]["runId"] in runs:
                return event
        sleep(0.2)
    raise AssertionError(f"no COMPLETE event of {run_id} within {WAIT_S:.0f} s")


def test_a_run_tells_from_which_portal_into_which_table_and_how_many_rows(airflow_stack: AirflowStack) -> None:
    run_id = airflow_stack.run_dag(LUMEN, {"mode": "full"})
    job = airflow_stack.job(run_id)

    complete = complete_event(airflow_stack, run_id)

    (portal,), (own, parent) = complete["inputs"], complete["outputs"]
    assert (portal["namespace"], portal["name"]) == ("hubspot://19100003", "deals")
    assert portal["inputFacets"]["inputStatistics"]["rowCount"] == job["records_extracted"]
    assert own["name"].endswith(f".hubspot.hubspot_deals_standard_{job['organization_id'].hex}")
    assert parent["name"].endswith(".hubspot.hubspot_deals")
    assert "amount" in {field["name"] for field in own["facets"]["schema"]["fields"]}


def test_no_secret_is_in_any_event(airflow_stack: AirflowStack) -> None:
    complete_event(airflow_stack, airflow_stack.run_dag(LUMEN))
    secrets = {f"token of {portal}": token for portal, token in airflow_stack.tokens.items()}
    password = json.loads(airflow_stack.settings.password_file.read_text())["admin"]
    assert Scanner({**secrets, "password": password}).finds(airflow_stack.lineage()) == []
