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


def events_of(stack: AirflowStack, job_name: str) -> dict[str, Any]:
    """The newest event of each type; the listener sends them after the task."""
    deadline = monotonic() + WAIT_S
    while True:
        events = [json.loads(line) for line in stack.lineage().splitlines()]
        found = {event["eventType"]: event for event in events if event["job"]["name"] == job_name}
        if "COMPLETE" in found or monotonic() > deadline:
            return found
        sleep(0.2)


def test_a_run_tells_from_which_portal_into_which_table_and_how_many_rows(airflow_stack: AirflowStack) -> None:
    run_id = airflow_stack.run_dag(LUMEN, {"mode": "full"})
    job = airflow_stack.job(run_id)

    complete = events_of(airflow_stack, f"{LUMEN}.{TASK_ID}")["COMPLETE"]

    (portal,), (own, parent) = complete["inputs"], complete["outputs"]
    assert (portal["namespace"], portal["name"]) == ("hubspot://19100003", "deals")
    assert portal["inputFacets"]["inputStatistics"]["rowCount"] == job["records_extracted"]
    assert own["name"].endswith(f".hubspot.hubspot_deals_standard_{job['organization_id'].hex}")
    assert parent["name"].endswith(".hubspot.hubspot_deals")
    assert "amount" in {field["name"] for field in own["facets"]["schema"]["fields"]}


def test_no_secret_is_in_any_event(airflow_stack: AirflowStack) -> None:
    airflow_stack.run_dag(LUMEN)
    events_of(airflow_stack, f"{LUMEN}.{TASK_ID}")
    secrets = {f"token of {portal}": token for portal, token in airflow_stack.tokens.items()}
    password = json.loads(airflow_stack.settings.password_file.read_text())["admin"]
    assert Scanner({**secrets, "password": password}).finds(airflow_stack.lineage()) == []
