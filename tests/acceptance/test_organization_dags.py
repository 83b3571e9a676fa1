"""The generated DAGs in a real Airflow: triggered over REST, seen in jobs and deals."""

from __future__ import annotations

import pytest

from airflow_provider_hubspot_deals.organizations.organization import Organization
from local_stack.demo.connections import hubspot_connection
from tests.acceptance.conftest import AirflowStack

HARBOR, SANDBOX, LUMEN = "hubspot_deals_harbor", "hubspot_deals_harbor_sandbox", "hubspot_deals_lumen"
COUNT = "SELECT count(*) AS n FROM hubspot.hubspot_deals WHERE _organization_id = %s AND _type = %s AND archived = %s"


def organization_of(stack: AirflowStack, dag_id: str) -> Organization:
    return next(each for each in stack.organizations if each.dag_id == dag_id)


@pytest.mark.parametrize("dag_id", [HARBOR, SANDBOX, LUMEN], ids=["a portal", "its sandbox", "an EU portal"])
def test_a_triggered_dag_copies_what_its_portal_holds(airflow_stack: AirflowStack, dag_id: str) -> None:
    organization = organization_of(airflow_stack, dag_id)

    run_id = airflow_stack.run_dag(organization.dag_id)

    assert organization.portal_id is not None
    held = airflow_stack.simulator.counts()[organization.portal_id]
    stored = [
        airflow_stack.query(COUNT, organization.id, organization.type, archived)[0]["n"] for archived in (False, True)
    ]
    job = airflow_stack.job(run_id)
    assert stored == [held.live, held.archived]
    assert (job["status"], job["dag_id"], job["trigger"]) == ("completed", organization.dag_id, "manual")
    assert job["organization_id"] == organization.id


def test_the_trigger_form_decides_the_mode_and_airflow_gets_the_summary(airflow_stack: AirflowStack) -> None:
    run_id = airflow_stack.run_dag(SANDBOX, {"mode": "full"})

    job = airflow_stack.job(run_id)
    (task,) = airflow_stack.airflow.task_instances(SANDBOX, run_id)
    summary = airflow_stack.airflow.xcom(SANDBOX, run_id, task["task_id"])
    assert job["mode"] == "full"
    assert isinstance(summary, dict)
    assert (summary["job_id"], summary["records_extracted"]) == (str(job["id"]), job["records_extracted"])


def test_the_token_of_another_portal_fails_without_a_retry_and_without_a_write(airflow_stack: AirflowStack) -> None:
    organization = organization_of(airflow_stack, LUMEN)
    airflow_stack.run_dag(organization.dag_id)
    before = airflow_stack.query(COUNT, organization.id, organization.type, False)
    swapped = {19100003: airflow_stack.tokens[9100001]}
    airflow_stack.airflow.set_connections([hubspot_connection(organization, swapped, airflow_stack.simulator.url)])
    try:
        run_id, state = airflow_stack.finish_dag(organization.dag_id)
    finally:
        right = hubspot_connection(organization, airflow_stack.tokens, airflow_stack.simulator.url)
        airflow_stack.airflow.set_connections([right])

    (task,) = airflow_stack.airflow.task_instances(organization.dag_id, run_id)
    logs = airflow_stack.logs(organization.dag_id, run_id)
    assert (state, task["try_number"]) == ("failed", 1)
    assert airflow_stack.job(run_id)["error_code"] == "WRONG_PORTAL"
    assert airflow_stack.query(COUNT, organization.id, organization.type, False) == before
    assert airflow_stack.tokens[9100001] not in logs


def test_a_missing_connection_is_named_and_not_retried(airflow_stack: AirflowStack) -> None:
    source = (airflow_stack.dags_folder / "examples" / "ten_lines.py").read_text()
    source = source.replace('"ten_lines"', '"no_connection"').replace("hubspot_default", "hubspot_nowhere")
    airflow_stack.add_dag("no_connection.py", source, "no_connection")

    run_id, state = airflow_stack.finish_dag("no_connection")

    assert state == "failed"
    assert "'hubspot_nowhere'" in airflow_stack.logs("no_connection", run_id)


def test_a_second_run_rewrites_only_what_people_changed(airflow_stack: AirflowStack) -> None:
    harbor = organization_of(airflow_stack, HARBOR)
    airflow_stack.run_dag(harbor.dag_id)
    rows = "SELECT hubspot_deal_id, xmin::text AS version FROM hubspot.hubspot_deals WHERE _organization_id = %s"
    rows += " AND _type = 'standard'"
    before = {row["hubspot_deal_id"]: row["version"] for row in airflow_stack.query(rows, harbor.id)}
    airflow_stack.simulator.mutate(9100001, edit=5, archive=2, merge=1)

    run_id = airflow_stack.run_dag(harbor.dag_id)

    after = {row["hubspot_deal_id"]: row["version"] for row in airflow_stack.query(rows, harbor.id)}
    rewritten = {deal_id for deal_id, version in after.items() if before.get(deal_id) != version}
    job = airflow_stack.job(run_id)
    assert job["mode"] == "incremental"
    assert len(rewritten) == 5 + 2 + 3  # a merge touches both deals and makes a third
    assert job["records_inserted"] + job["records_updated"] == 5 + 2 + 1
