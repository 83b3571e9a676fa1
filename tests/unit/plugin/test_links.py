"""Addresses hold together whatever stands in them."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hubspot_deals.plugin.links import Links, deals_board

LINKS = Links(ours="/af/hubspot-deals", airflow="/af")
JOB: dict[str, Any] = {
    "dag_id": "a/b",
    "run_id": "manual__2026-01-01T00:00:00+00:00",
    "task_id": "load",
    "map_index": -1,
    "try_number": 2,
}


def test_addresses_keep_the_path_that_airflow_is_served_below() -> None:
    assert LINKS.overview() == "/af/hubspot-deals/"
    assert LINKS.dag("x") == "/af/dags/x"
    assert LINKS.trigger("x") == "/af/api/v2/dags/x/dagRuns"
    assert LINKS.login() == "/af/api/v2/auth/login?next=%2Faf%2Fplugin%2Fhubspot-deals"


def test_what_is_odd_in_a_name_is_quoted() -> None:
    assert LINKS.run(JOB) == "/af/dags/a%2Fb/runs/manual__2026-01-01T00%3A00%3A00%2B00%3A00"
    assert LINKS.log(JOB) == f"{LINKS.run(JOB)}/tasks/load?try_number=2"
    assert LINKS.log({**JOB, "map_index": 0}) == f"{LINKS.run(JOB)}/tasks/load/mapped/0?try_number=2"
    assert LINKS.overview(q='"><script>', sort="deals") == "/af/hubspot-deals/?q=%22%3E%3Cscript%3E&sort=deals"


def test_a_job_that_no_dag_run_made_links_to_none() -> None:
    assert LINKS.run({**JOB, "run_id": None}) == ""
    assert LINKS.log({**JOB, "dag_id": None}) == ""


def test_the_second_store_stays_chosen() -> None:
    second = Links(ours="/hubspot-deals", airflow="", store=1)
    assert second.overview(q="a") == "/hubspot-deals/?q=a&store=1"
    assert second.job("x", 7) == "/hubspot-deals/dags/x/jobs/7?store=1"


@pytest.mark.parametrize(
    "host", [None, "", "javascript:alert(1)//", "evil.test/path", "a b.test", "user@evil.test", "localhost"]
)
def test_hubspot_is_linked_at_its_own_host_unless_it_names_another_sensibly(host: str | None) -> None:
    assert deals_board(7, host) == "https://app.hubspot.com/contacts/7/objects/0-3/views/all/board"


def test_a_portal_in_europe_is_linked_there() -> None:
    assert deals_board(7, "app-eu1.hubspot.com").startswith("https://app-eu1.hubspot.com/contacts/7/")
    assert deals_board(None, "app-eu1.hubspot.com") == ""
