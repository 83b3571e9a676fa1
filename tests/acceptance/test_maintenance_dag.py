"""The maintenance DAG in a real Airflow: triggered over REST, seen in the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from airflow_provider_hubspot_deals.dag_factory.maintenance_dag import TASK_ID
from local_stack.exceptions import StackError
from tests.integration.ended_jobs import an_ended_job
from tests.integration.tenant import Tenant

if TYPE_CHECKING:
    from tests.acceptance.conftest import AirflowStack

MAINTENANCE = "hubspot_deals_maintenance"


def test_a_triggered_maintenance_run_archives_old_jobs_and_returns_what_it_did(airflow_stack: AirflowStack) -> None:
    old = an_ended_job(Tenant(airflow_stack.deals_url, "retired"), "old", days_ago=91)

    run_id = airflow_stack.run_dag(MAINTENANCE, {"events_months": 24})

    report: Any = airflow_stack.airflow.xcom(MAINTENANCE, run_id, TASK_ID)
    assert (report["failures"], report["findings"]) == ({}, [])
    assert report["done"].keys() >= {"archive_jobs", "analyze_deals"}  # the run that unpausing starts may be faster
    assert airflow_stack.query("SELECT id FROM hubspot.jobs_archive WHERE id = %s", old.id) == [{"id": old.id}]
    assert [each["try_number"] for each in airflow_stack.airflow.task_instances(MAINTENANCE, run_id)] == [1]


def test_a_step_that_fails_fails_the_run_and_the_others_are_in_its_report(airflow_stack: AirflowStack) -> None:
    with psycopg.connect(airflow_stack.deals_url) as reader:
        reader.execute("SELECT hubspot.ensure_job_events_partition('2020-05-05')")
        reader.commit()
        reader.execute("SELECT count(*) FROM hubspot.job_events")
        run_id, state = airflow_stack.finish_dag(MAINTENANCE)

    report: Any = airflow_stack.airflow.xcom(MAINTENANCE, run_id, TASK_ID)
    assert state == "failed"
    assert list(report["failures"]) == ["drop_job_events"]
    assert "job_events is in use" in airflow_stack.logs(MAINTENANCE, run_id)
    assert "archive_jobs" in report["done"]


@pytest.mark.airflow("backfills of our DAGs are refused", from_="3.2")
def test_a_scheduled_dag_offers_no_backfill_and_refuses_one(airflow_stack: AirflowStack) -> None:
    assert not airflow_stack.airflow.get(f"/dags/{MAINTENANCE}/details")["is_backfillable"]
    months = {"dag_id": MAINTENANCE, "from_date": "2026-01-01T00:00:00Z", "to_date": "2026-03-31T00:00:00Z"}
    with pytest.raises(StackError, match="does not allow backfill runs"):
        airflow_stack.airflow.call("POST", "/backfills", json=months)
