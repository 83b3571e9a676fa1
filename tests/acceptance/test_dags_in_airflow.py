"""The DAGs and the operator in a real Airflow: parsed, triggered over REST, run by the scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

import psycopg
import pytest
from psycopg import sql

from airflow_provider_hubspot_deals.dag_factory.organization_dag import TASK_ID
from airflow_provider_hubspot_deals.organizations import parse_organization
from local_stack.demo.connections import hubspot_connection
from local_stack.exceptions import StackError
from local_stack.processes import wait_until
from tests.acceptance.conftest import DAG_TIMEOUT_S
from tests.integration.secrets import sinks
from tests.integration.secrets.canaries import PRIVATE_APP
from tests.integration.secrets.scanner import Scanner

if TYPE_CHECKING:
    from uuid import UUID

    from tests.acceptance.conftest import AirflowStack

HARBOR, HARBOR_PORTAL = "hubspot_deals_harbor", 9100001
TOLD_BY_AIRFLOW = (
    *("asset_event", "dag_run", "rendered_task_instance_fields", "serialized_dag"),
    *("task_instance", "task_instance_history", "task_reschedule", "trigger", "xcom"),
)
EXAMPLE_PORTAL = 9100004  # of the ten-line DAG alone: a portal belongs to one organization


@pytest.fixture(scope="module")
def harbor_run(airflow_stack: AirflowStack) -> str:
    """A full run of harbor; what the tests of this module look at. Whoever triggers it asks for more than they may."""
    foreign = {
        "organization": "lumen",
        "hubspot_conn_id": "hubspot_lumen",
        "schema": "elsewhere",
        "host": "evil.example",
    }
    return airflow_stack.run_dag(HARBOR, {"mode": "full", **foreign})


def stored_deals(stack: AirflowStack, organization_id: UUID) -> int:
    """Those of its real account that are not archived."""
    (row,) = stack.query(
        "SELECT count(*) AS n FROM hubspot.hubspot_deals"
        " WHERE _organization_id = %s AND _type = 'standard' AND NOT archived",
        organization_id,
    )
    number: int = row["n"]
    return number


def test_a_triggered_run_loads_the_deals_and_its_job_carries_its_id(
    airflow_stack: AirflowStack, harbor_run: str
) -> None:
    job = airflow_stack.job(harbor_run)
    assert (job["status"], job["mode"], job["dag_id"], job["trigger"]) == ("completed", "full", HARBOR, "manual")
    assert stored_deals(airflow_stack, job["organization_id"]) == airflow_stack.simulator.counts()[HARBOR_PORTAL].live


def test_the_task_returns_the_summary_of_the_job(airflow_stack: AirflowStack, harbor_run: str) -> None:
    summary: Any = airflow_stack.airflow.xcom(HARBOR, harbor_run, TASK_ID)
    assert summary["job_id"] == str(airflow_stack.job(harbor_run)["id"])


def test_the_assets_event_carries_the_summary(airflow_stack: AirflowStack, harbor_run: str) -> None:
    events = airflow_stack.airflow.get("/assets/events", source_run_id=harbor_run)["asset_events"]
    (event,) = [event for event in events if event["source_dag_id"] == HARBOR]
    assert event["uri"] == "x-hubspot-deals://harbor/standard"
    assert event["extra"]["status"] == "completed"


def test_the_link_to_hubspot_stands_at_the_task(airflow_stack: AirflowStack, harbor_run: str) -> None:
    path = f"/dags/{HARBOR}/dagRuns/{quote(harbor_run)}/taskInstances/{TASK_ID}/links"
    links = airflow_stack.airflow.get(path)["extra_links"]
    assert links["Deals in HubSpot"].endswith("/contacts/9100001/objects/0-3/views/all/board")
    assert links["Job"].startswith(f"/plugin/hubspot-deals/hubspot-deals/dags/{HARBOR}/runs/")


def test_e33_whoever_triggers_a_run_chooses_no_other_organization_connection_or_schema(
    airflow_stack: AirflowStack, harbor_run: str
) -> None:
    (harbor,) = [each for each in airflow_stack.organizations if each.dag_id == HARBOR]
    assert airflow_stack.job(harbor_run)["organization_id"] == harbor.id
    assert airflow_stack.query("SELECT nspname FROM pg_namespace WHERE nspname = 'elsewhere'") == []


def test_e34_f18_f19_no_secret_is_in_anything_that_airflow_keeps(airflow_stack: AirflowStack, harbor_run: str) -> None:
    (lumen,) = [each for each in airflow_stack.organizations if each.slug == "lumen"]
    right = hubspot_connection(lumen, airflow_stack.tokens, airflow_stack.simulator.url)
    airflow_stack.airflow.set_connections([{**right, "password": PRIVATE_APP}])
    try:
        failed_run, state = airflow_stack.finish_dag(lumen.dag_id)
    finally:
        airflow_stack.airflow.set_connections([right])

    kept = everything_kept(airflow_stack)
    assert (state, airflow_stack.job(failed_run)["error_code"]) == ("failed", "AUTH_INVALID")
    assert "Check the token" in kept["files"]
    assert str(airflow_stack.job(harbor_run)["id"]) in kept["xcom"]
    assert "params.mode" in kept["serialized_dag"]
    password = unquote(urlsplit(airflow_stack.deals_url).password or "")
    tokens = {f"token of {portal_id}": token for portal_id, token in airflow_stack.tokens.items()}
    scanner = Scanner({**tokens, "canary": PRIVATE_APP, "database password": password})
    finds = {where: scanner.finds(text) for where, text in kept.items()}
    assert {where: found for where, found in finds.items() if found} == {}


def everything_kept(stack: AirflowStack) -> dict[str, str]:
    """What tasks and services wrote to files, the tables of Airflow that tell of runs, and all of ours, as text."""
    files = [path for path in (stack.settings.home / "logs").rglob("*") if path.is_file()]
    files += [process.log for process in stack.services.processes]
    kept = {"files": "\n".join(path.read_text(errors="replace") for path in files)}
    with psycopg.connect(stack.settings.database_url) as metadata:
        for table in TOLD_BY_AIRFLOW:
            every_line = sql.SQL("SELECT line::text FROM {} AS line").format(sql.Identifier(table))
            rows = metadata.execute(every_line).fetchall()
            kept[table] = "\n".join(text for (text,) in rows)
    return {**kept, "our tables": sinks.database(stack.deals_url)}


@pytest.mark.parametrize(
    "conf",
    [{"mode": "everything"}, {"window_start": "soon"}, {"properties": "{{ 1 }}"}],
    ids=["mode", "time", "template"],
)
def test_e33_the_trigger_form_is_checked_over_rest_too(airflow_stack: AirflowStack, conf: dict[str, object]) -> None:
    with pytest.raises(StackError, match="400"):
        airflow_stack.airflow.trigger(HARBOR, conf)


def test_a_window_that_ends_before_it_starts_fails_at_once_with_a_sentence(airflow_stack: AirflowStack) -> None:
    conf: dict[str, object] = {
        "mode": "window",
        "window_start": "2026-02-01T00:00:00Z",
        "window_end": "2026-01-01T00:00:00Z",
    }
    run_id, state = airflow_stack.finish_dag(HARBOR, conf)
    assert state == "failed"
    assert "lies before window_start" in airflow_stack.logs(HARBOR, run_id)
    (task,) = airflow_stack.airflow.task_instances(HARBOR, run_id)
    assert task["try_number"] == 1


def test_a_dag_of_ten_lines_loads_deals(airflow_stack: AirflowStack) -> None:
    example = parse_organization({"slug": "example", "portal_id": EXAMPLE_PORTAL, "hubspot_conn_id": "hubspot_default"})
    connection = hubspot_connection(example, airflow_stack.tokens, airflow_stack.simulator.url)
    airflow_stack.airflow.set_connections([connection])
    airflow_stack.airflow.wait_for_dags(["ten_lines"])
    airflow_stack.run_dag("ten_lines")
    # Early in a day its schedule begins a run as well when it is unpaused, and one of the two may be skipped.
    wait_until(lambda: not airflow_stack.airflow.active_runs("ten_lines"), what="end of its runs", timeout_s=60)
    jobs = airflow_stack.query("SELECT status, organization_id FROM hubspot.jobs WHERE dag_id = 'ten_lines'")
    assert {(job["status"], job["organization_id"]) for job in jobs} == {("completed", example.id)}
    assert stored_deals(airflow_stack, example.id) == airflow_stack.simulator.counts()[EXAMPLE_PORTAL].live


def test_the_connection_test_answers_with_the_portal_or_with_what_is_wrong(airflow_stack: AirflowStack) -> None:
    (lumen,) = [each for each in airflow_stack.organizations if each.slug == "lumen"]
    connection = hubspot_connection(lumen, airflow_stack.tokens, airflow_stack.simulator.url)
    ok, message = airflow_stack.airflow.test_connection(connection)
    assert ok
    assert str(lumen.portal_id) in message
    ok, message = airflow_stack.airflow.test_connection({**connection, "password": "pat-na1-wrong-wrong"})
    assert not ok
    assert "Check the token" in message


def test_e30_a_mistake_in_the_file_becomes_a_dag_that_says_so_and_the_others_stay(airflow_stack: AirflowStack) -> None:
    text = '[[organizations]]\nslug = "fine"\nschedule = "none"\n\n[[organizations]]\nslug = "broken"\nscheduel = "x"\n'
    (airflow_stack.dags_folder / "more.toml").write_text(text, encoding="utf-8")
    source = (
        "from pathlib import Path\n"
        "from airflow_provider_hubspot_deals.dag_factory import build_dags\n"
        "globals().update(build_dags(Path(__file__).with_name('more.toml')))\n"
    )
    airflow_stack.add_dag("more.py", source, "hubspot_deals_fine", "hubspot_deals_broken")
    run_id = scheduled_run(airflow_stack, "hubspot_deals_broken")  # nobody switches it on or triggers it
    assert airflow_stack.airflow.wait_for_run("hubspot_deals_broken", run_id) == "failed"
    assert "did you mean 'schedule'" in airflow_stack.logs("hubspot_deals_broken", run_id)
    details = airflow_stack.airflow.get("/dags/hubspot_deals_broken/details")
    assert "configuration-error" in {tag["name"] for tag in details["tags"]}
    assert not airflow_stack.airflow.get("/importErrors")["import_errors"]


def scheduled_run(stack: AirflowStack, dag_id: str) -> str:
    """Wait for a run that Airflow began by itself; gives its id."""
    path = f"/dags/{dag_id}/dagRuns"
    wait_until(
        lambda: bool(stack.airflow.get(path)["total_entries"]), what=f"a run of {dag_id}", timeout_s=DAG_TIMEOUT_S
    )
    (run,) = stack.airflow.get(path)["dag_runs"]
    assert run["run_type"] == "scheduled"
    run_id: str = run["dag_run_id"]
    return run_id
