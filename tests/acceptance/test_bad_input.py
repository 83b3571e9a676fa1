"""What people send and do that nobody asked for, in a real Airflow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from airflow_provider_hubspot_deals.organizations import Organization, parse_organization
from local_stack.demo.connections import hubspot_connection
from local_stack.exceptions import StackError
from local_stack.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.acceptance.conftest import AirflowStack

LUMEN = "hubspot_deals_lumen"
TEMPLATE = "{{ conn.hubspot_harbor.password }}"
STOLEN = "'; DROP TABLE hubspot.jobs; --"
LEAVING_PORTAL = 9100008
FOUND_WITHIN_S = 120.0
SLOW_MS = 5_000  # for each answer: a run takes a dozen


@pytest.mark.parametrize(
    "conf",
    [
        pytest.param({"mode": TEMPLATE}, id="a template for the mode"),
        pytest.param({"mode": None}, id="no mode"),
        pytest.param({"mode": ["full"]}, id="a list for the mode"),
        pytest.param({"properties": TEMPLATE}, id="a template for properties"),
        pytest.param({"properties": STOLEN}, id="SQL for properties"),
        pytest.param({"properties": "dealname\n../../etc/passwd"}, id="a path for properties"),
        pytest.param({"window_start": STOLEN}, id="SQL for a time"),
        pytest.param({"window_end": {"now": 1}}, id="an object for a time"),
        pytest.param({"window_start": "0001-01-01T00:00:00+14:00"}, id="a time before the year 1, in UTC"),
        pytest.param({"window_end": "9999-12-31T23:59:59-14:00"}, id="a time after the year 9999, in UTC"),
        pytest.param({"window_start": "2026-01-01T00:00:00Z" + TEMPLATE}, id="a template behind a time"),
    ],
)
def test_e33_hostile_values_of_the_form_are_refused_before_a_run_begins(
    airflow_stack: AirflowStack, conf: dict[str, object]
) -> None:
    before = airflow_stack.airflow.get(f"/dags/{LUMEN}/dagRuns")["total_entries"]
    with pytest.raises(StackError, match="400"):
        airflow_stack.airflow.trigger(LUMEN, conf)
    assert airflow_stack.airflow.get(f"/dags/{LUMEN}/dagRuns")["total_entries"] == before


@pytest.mark.parametrize("value", [TEMPLATE, STOLEN, "harbor"], ids=["a template", "SQL", "another organization"])
def test_e33_whatever_is_sent_under_other_names_changes_nothing(airflow_stack: AirflowStack, value: str) -> None:
    """Airflow takes unknown keys without a word; the run is the one that the organizations file says."""
    harbor, lumen = (
        next(each for each in airflow_stack.organizations if each.slug == slug) for slug in ("harbor", "lumen")
    )
    names = ("organization", "type", "hubspot_conn_id", "postgres_conn_id", "schema", "portal_id", "associations")
    foreign: dict[str, object] = {**dict.fromkeys((*names, "history", "host", "__class__", ""), value)}
    foreign["organization_id"] = str(harbor.id)

    run_id = airflow_stack.run_dag(LUMEN, foreign)

    job = airflow_stack.job(run_id)
    assert (job["organization_id"], job["type"], job["status"]) == (lumen.id, "hubspot_deals", "completed")
    assert airflow_stack.query("SELECT 1 AS n FROM hubspot.jobs LIMIT 1") == [{"n": 1}]
    (task,) = airflow_stack.airflow.task_instances(LUMEN, run_id)
    path = f"/dags/{LUMEN}/dagRuns/{quote(run_id)}/taskInstances/{task['task_id']}"
    rendered = json.dumps(airflow_stack.airflow.get(path)["rendered_fields"])
    assert value not in rendered
    logs = airflow_stack.logs(LUMEN, run_id)
    assert airflow_stack.tokens[9100001] not in rendered + logs
    assert "keys that the DAG does not know; they change nothing" in logs


@pytest.fixture
def leaving(airflow_stack: AirflowStack) -> Iterator[Organization]:
    """An organization of a file of its own, at a HubSpot that takes its time."""
    organization = parse_organization({"slug": "leaving", "portal_id": LEAVING_PORTAL})
    connection = hubspot_connection(organization, airflow_stack.tokens, airflow_stack.simulator.url)
    airflow_stack.airflow.set_connections([connection])
    write_organizations(airflow_stack, "leaving", "staying")
    source = (
        "from pathlib import Path\n"
        "from airflow_provider_hubspot_deals.dag_factory import build_dags\n"
        "globals().update(build_dags(Path(__file__).with_name('leaving.toml')))\n"
    )
    airflow_stack.add_dag("leaving.py", source, organization.dag_id, "hubspot_deals_staying")
    yield organization
    airflow_stack.simulator.slow_down(0)


def write_organizations(stack: AirflowStack, *slugs: str) -> None:
    entries = "".join(f'[[organizations]]\nslug = "{slug}"\n' for slug in slugs)
    (stack.dags_folder / "leaving.toml").write_text(f'[defaults]\nschedule = "none"\n{entries}', encoding="utf-8")


def is_gone(stack: AirflowStack, dag_id: str) -> bool:
    return dag_id not in stack.airflow.dag_ids()


@pytest.mark.timeout(400)
def test_an_organization_that_leaves_the_file_ends_the_run_that_it_has(
    airflow_stack: AirflowStack, leaving: Organization
) -> None:
    airflow_stack.simulator.slow_down(SLOW_MS)
    airflow_stack.airflow.unpause(leaving.dag_id)
    run_id = airflow_stack.airflow.trigger(leaving.dag_id)
    running = "SELECT id FROM hubspot.jobs WHERE run_id = %s AND status = 'running'"
    wait_until(lambda: bool(airflow_stack.query(running, run_id)), what="the job", timeout_s=FOUND_WITHIN_S)

    write_organizations(airflow_stack, "staying")
    airflow_stack.touch_dag("leaving.py")
    wait_until(lambda: is_gone(airflow_stack, leaving.dag_id), what="the DAG to go", timeout_s=FOUND_WITHIN_S)
    was_running: Any = airflow_stack.query(running, run_id)
    airflow_stack.simulator.slow_down(0)
    ended = "SELECT status FROM hubspot.jobs WHERE run_id = %s AND end_time IS NOT NULL"
    wait_until(lambda: bool(airflow_stack.query(ended, run_id)), what="its end", timeout_s=FOUND_WITHIN_S)

    assert was_running
    assert airflow_stack.query(ended, run_id) == [{"status": "completed"}]
    count = "SELECT count(*) AS n FROM hubspot.hubspot_deals WHERE _organization_id = %s AND NOT archived"
    assert airflow_stack.query(count, leaving.id) == [{"n": airflow_stack.simulator.counts()[LEAVING_PORTAL].live}]
    assert not is_gone(airflow_stack, "hubspot_deals_staying")
    assert not airflow_stack.airflow.get("/importErrors")["import_errors"]
