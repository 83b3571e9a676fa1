"""Webhooks of a real Airflow: callbacks in the task's process, a deadline alert in the triggerer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from local_stack.processes import wait_until
from tests.acceptance.conftest import AirflowStack
from tests.unit.client.scripted_server import ScriptedServer, answer
from tests.unit.webhooks.receiver import SECRET, Receiver

DOCUMENT = Path(__file__).parents[2] / "docs" / "notifications.md"
WAIT_S = 90.0

# An organization whose HubSpot connection is missing.
FAILING_DAG = """
from airflow_provider_hubspot_deals.dag_factory import build_dag
from airflow_provider_hubspot_deals.organizations import parse_organization

organization = parse_organization({
    "slug": "teller",
    "hubspot_conn_id": "hubspot_nowhere",
    "schedule": "none",
    "notifications": [{"webhook": "crm_webhook"}],
})
dag = build_dag(organization)
"""
# Its data is stale as soon as a run is queued. It has a schedule, which starts no run before 29 February 2028.
STALE_DAG = f"""
from dataclasses import replace
{FAILING_DAG.replace("teller", "stale").replace('"none"', '"0 0 29 2 *"')}
dag = build_dag(replace(organization, stale_after_minutes=0))
dag.get_task("load_deals").stale_after_minutes = 5  # the least that there is
"""


@pytest.fixture
def server(airflow_stack: AirflowStack) -> Iterator[ScriptedServer]:
    with ScriptedServer([answer(204, b"")]) as started:
        connection = {"connection_id": "crm_webhook", "conn_type": "http", "host": started.url, "password": SECRET}
        airflow_stack.airflow.set_connections([connection])
        yield started


def arrived(server: ScriptedServer, *types: str) -> dict[str, Any]:
    """Type → event, when one of each has come; the signature of each is checked."""
    deadline = monotonic() + WAIT_S
    while True:
        receiver = Receiver(server)
        for request in server.requests.copy():
            receiver.take(request)
        found = {event["type"].removeprefix("hubspot_deals."): event for event in receiver.taken.values()}
        if found.keys() >= set(types):
            return found
        assert monotonic() < deadline, f"only {sorted(found)} arrived"
        sleep(0.2)


def test_the_dag_of_the_document_tells_a_webhook(airflow_stack: AirflowStack, server: ScriptedServer) -> None:
    source = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[1]
    source = source.replace('"@daily"', "None").replace(
        'organization="example",', 'organization="harbor", hubspot_conn_id="hubspot_harbor",'
    )
    airflow_stack.add_dag("told.py", source, "told")

    run_id = airflow_stack.run_dag("told")

    event = arrived(server, "job.completed")["job.completed"]
    job = airflow_stack.job(run_id)
    assert (event["data"]["organization"], event["data"]["job_id"]) == ("harbor", str(job["id"]))
    assert event["data"]["counts"]["records_extracted"] == job["records_extracted"]

    def deliveries() -> list[tuple[str, int | None]]:
        rows = airflow_stack.query("SELECT * FROM hubspot.notification_deliveries WHERE job_id = %s", job["id"])
        return [(row["outcome"], row["http_status"]) for row in rows]

    # The receiver has the event a moment before the sender has written down that it was delivered.
    wait_until(lambda: deliveries() != [("sending", None)], what="the delivery's outcome", timeout_s=WAIT_S)
    assert deliveries() == [("delivered", 204)]


def test_a_failure_is_told(airflow_stack: AirflowStack, server: ScriptedServer) -> None:
    airflow_stack.add_dag("teller.py", FAILING_DAG, "hubspot_deals_teller")

    run_id, state = airflow_stack.finish_dag("hubspot_deals_teller")

    failed = arrived(server, "job.failed")["job.failed"]["data"]
    assert state == "failed"
    assert (failed["organization"], failed["run_id"], failed["error_code"]) == ("teller", run_id, "CONFIGURATION")
    assert "'hubspot_nowhere'" in failed["error"]


@pytest.mark.airflow("*stale* notifications", from_="3.2")
def test_stale_data_is_told(
    airflow_stack: AirflowStack, server: ScriptedServer, start_triggerer: Callable[[], None]
) -> None:
    start_triggerer()
    airflow_stack.add_dag("stale.py", STALE_DAG, "hubspot_deals_stale")

    run_id = airflow_stack.begin_dag("hubspot_deals_stale")

    stale = arrived(server, "data.stale")["data.stale"]["data"]
    assert (stale["organization"], stale["run_id"], stale["last_completed_at"]) == ("stale", run_id, None)
    airflow_stack.airflow.wait_for_run("hubspot_deals_stale", run_id, timeout_s=WAIT_S)
