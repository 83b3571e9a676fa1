"""What a person enters in the trigger form, from the DAG's templates to the rows of PostgreSQL."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_hubspot_deals.dag_factory import build_dag
from airflow_provider_hubspot_deals.organizations import parse_organization
from airflow_provider_hubspot_deals.plugin.job_page import read_job
from hubspot_simulator import SimulatorServer
from tests.integration.transfers.conftest import Airflow

AUTO: dict[str, str] = {}
FULL = {"mode": "full"}
INCREMENTAL = {"mode": "incremental"}
ALL_OF_THE_PAST = {"mode": "window", "window_start": "2020-01-01"}
MONTHS = {"window_start": "2020-01-01T02:00:00+02:00", "window_end": "2020-03-01T00:00:00Z"}
STORED = """
    SELECT hubspot_deal_id, raw_properties, custom_properties FROM hubspot.hubspot_deals ORDER BY hubspot_deal_id
"""
STATE = "SELECT selection, watermark, last_sync_at, last_full_sync_at FROM hubspot.sync_state"


def run(airflow: Airflow, run_id: str, entered: dict[str, str] = AUTO, properties: Any = "all") -> Any:
    """A run of the organization's DAG with this in its form."""
    settings = {"slug": "acme", "hubspot_conn_id": "hubspot_default", "properties": properties}
    dag = build_dag(parse_organization({**settings, "search_lag_minutes": 0}))
    dag.params.update(entered)
    task: Any = dag.get_task("load_deals")
    task.render_template_fields({"params": dag.params.validate()})
    context = airflow.context(run_id)
    context["outlet_events"] = {outlet: SimpleNamespace(extra={}) for outlet in task.outlets}
    return task.execute(context)


def names(airflow: Airflow) -> set[str]:
    """Of the properties that any deal has."""
    return {name for row in airflow.query(STORED) for name in row["raw_properties"]}


def modes(airflow: Airflow) -> list[str]:
    return [job["mode"] for job in airflow.jobs()]


@pytest.mark.parametrize("when", [AUTO, FULL, ALL_OF_THE_PAST], ids=["auto", "full", "window"])
@pytest.mark.parametrize("entered", ["dealname", "!hs_*", "hs_tc?", "all"])
@pytest.mark.parametrize("properties", ["all", ["seats", "hs_*"]], ids=["of all", "of some"])
def test_nothing_in_the_form_takes_a_stored_value_away(
    airflow: Airflow, simulator: SimulatorServer, properties: Any, entered: str, when: dict[str, str]
) -> None:
    run(airflow, "scheduled__1", properties=properties)
    before = airflow.query(STORED)
    simulator.portal(1001).edit_deal(before[0]["hubspot_deal_id"], {"dealname": "edited"})

    summary = run(airflow, "manual__1", {**when, "properties": entered}, properties)

    after = airflow.query(STORED)
    assert summary["records_extracted"] > 0
    for was, is_ in zip(before, after, strict=True):
        assert was["raw_properties"].keys() <= is_["raw_properties"].keys()
        assert was["custom_properties"].items() <= is_["custom_properties"].items()


def test_what_the_form_adds_is_read_once_and_makes_no_later_run_a_full_one(
    airflow: Airflow, simulator: SimulatorServer
) -> None:
    own = ["seats"]
    run(airflow, "scheduled__1", properties=own)
    assert "competitor" not in names(airflow)
    narrow, state = names(airflow), airflow.query(STATE)[0]

    run(airflow, "manual__1", {"mode": "full", "properties": "competitor"}, own)
    assert names(airflow) == {*narrow, "competitor"}
    edited = next(row for row in airflow.query(STORED) if "competitor" in row["raw_properties"])["hubspot_deal_id"]
    simulator.portal(1001).edit_deal(edited, {"dealname": "edited"})
    run(airflow, "scheduled__2", properties=own)
    run(airflow, "scheduled__3", properties=own)

    assert modes(airflow) == ["full", "full", "incremental", "incremental"]
    assert airflow.query(STATE)[0]["selection"] == state["selection"]
    with_it = {row["hubspot_deal_id"] for row in airflow.query(STORED) if "competitor" in row["raw_properties"]}
    assert with_it
    assert edited not in with_it  # as the form's help says
    run(airflow, "manual__2", {"mode": "full"}, own)
    assert names(airflow) == narrow


def test_a_misspelt_name_in_the_form_fails_the_run_and_changes_nothing(
    airflow: Airflow, simulator: SimulatorServer
) -> None:
    run(airflow, "scheduled__1")
    rows, state = airflow.query(STORED), airflow.query(STATE)
    simulator.portal(1001).edit_deal(rows[0]["hubspot_deal_id"], {"dealname": "edited"})
    expected = r"was to read saets, my_notes, no_such_\* besides .*; did you mean seats, num_notes. No deal was read"

    with pytest.raises(AirflowFailException, match=expected):
        run(airflow, "manual__1", {"properties": "dealname, saets, my_notes, no_such_*, hs_*, !nothing"})

    assert (airflow.query(STORED), airflow.query(STATE)) == (rows, state)
    assert [(job["status"], job["error_code"]) for job in airflow.jobs()[1:]] == [("failed", "CONFIGURATION")]
    assert json.dumps(airflow.jobs()[1]["config"]["additional_properties"]).count("saets") == 1
    run(airflow, "scheduled__2")
    assert modes(airflow) == ["full", "incremental", "incremental"]


def test_a_misspelt_name_in_the_organizations_file_is_an_event_and_the_rest_loads(airflow: Airflow) -> None:
    run(airflow, "manual__1", {"properties": "competitor"}, ["saets"])
    told = airflow.query("SELECT details FROM hubspot.job_events WHERE kind = 'properties_unknown'")
    assert told == [{"details": {"properties": ["saets"], "history": []}}]
    assert "competitor" in names(airflow)


def test_a_narrower_choice_in_the_organizations_file_reads_everything_anew(airflow: Airflow) -> None:
    run(airflow, "scheduled__1")
    assert {"seats", "competitor"} <= names(airflow)
    run(airflow, "scheduled__2", properties=["seats"])
    run(airflow, "scheduled__3", properties=["seats"])
    assert modes(airflow) == ["full", "full", "incremental"]
    assert "seats" in names(airflow)
    assert "competitor" not in names(airflow)


@pytest.mark.parametrize("added", [{}, {"properties": "competitor, hs_*,!hs_tcv"}, {"properties": "all"}], ids=repr)
@pytest.mark.parametrize("when", [AUTO, FULL, INCREMENTAL, ALL_OF_THE_PAST, {"mode": "window", **MONTHS}], ids=repr)
def test_run_again_on_the_page_of_a_job_enters_what_was_entered(
    airflow: Airflow, when: dict[str, str], added: dict[str, str]
) -> None:
    own = ["seats"]
    run(airflow, "scheduled__1", properties=own)
    run(airflow, "manual__1", {**when, **added}, own)
    run(airflow, "manual__2", again(airflow), own)
    first, second = (
        {name: job["config"][name] for name in ("mode", "window_start", "window_end", "additional_properties")}
        for job in airflow.jobs()[1:]
    )
    assert bool(first["additional_properties"]) == bool(added)
    assert second == first


def again(airflow: Airflow) -> dict[str, str]:
    """What the button of the newest job gives to Airflow."""
    job = airflow.jobs()[-1]
    with psycopg.connect(airflow.database_url) as connection:
        page = read_job(connection, "hubspot", job["dag_id"], job["id"])
    assert page is not None
    return dict(page.conf)
