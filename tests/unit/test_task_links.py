"""The buttons of a task."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator
from airflow_provider_hubspot_deals.transfers.links import JobLink, page_url

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


def job_link(**changes: Any) -> str:
    columns = {"dag_id": "acme", "run_id": "manual__2026-11-21T08:00:00+00:00", "task_id": "load", "map_index": -1}
    operator = HubSpotDealsToPostgresOperator(task_id="load", organization="acme")
    return JobLink().get_link(operator, ti_key=cast("TaskInstanceKey", SimpleNamespace(**{**columns, **changes})))


def test_the_job_is_asked_for_by_the_task_that_made_it() -> None:
    frame = "/plugin/hubspot-deals/hubspot-deals"
    assert job_link() == f"{frame}/dags/acme/runs/manual__2026-11-21T08%3A00%3A00%2B00%3A00/tasks/load/-1"
    assert job_link(map_index=None) == job_link()
    assert job_link(task_id="a/b", map_index=3).endswith("/tasks/a%2Fb/3")


def test_an_airflow_below_a_path_has_its_page_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/team/")
    assert page_url() == "/team/plugin/hubspot-deals"
    assert job_link().startswith("/team/plugin/hubspot-deals/hubspot-deals/dags/acme/")
