"""Lineage events of a run: from which portal into which tables, with their columns and the rows that were written."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from hubspot_simulator import FaultRule, SimulatorServer
from tests.integration.secrets.sinks import Lineage
from tests.integration.transfers.conftest import ACME, Airflow

STORED = "SELECT 1 FROM hubspot.hubspot_deals"


@pytest.fixture
def lineage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lineage:
    return Lineage(tmp_path / "lineage.jsonl", monkeypatch)


def events_of(airflow: Airflow, lineage: Lineage, **arguments: Any) -> list[dict[str, Any]]:
    with DAG("acme_deals", schedule=None):
        task = airflow.task(**arguments)
    error = None
    try:
        task.execute(airflow.context())
    except Exception as raised:  # noqa: BLE001 - as Airflow catches it
        error = raised
    return [json.loads(line) for line in lineage.events(task, error).splitlines()]


def test_a_completed_run_tells_the_portal_the_tables_their_columns_and_the_rows(
    airflow: Airflow, lineage: Lineage
) -> None:
    _, complete = events_of(airflow, lineage)
    assert complete["eventType"] == "COMPLETE"
    (portal,) = complete["inputs"]
    (job,) = airflow.jobs()
    assert (portal["namespace"], portal["name"]) == ("hubspot://1001", "deals")
    assert portal["inputFacets"]["inputStatistics"]["rowCount"] == job["records_extracted"]
    (leaf,) = airflow.query("SELECT tableoid::regclass::text AS name FROM hubspot.hubspot_deals LIMIT 1")
    own, parent = complete["outputs"]
    (place,) = airflow.query("SELECT current_database() AS database, inet_server_port() AS port")
    assert own["namespace"] == f"postgres://127.0.0.1:{place['port']}"
    assert own["name"] == f"{place['database']}.{leaf['name']}"
    assert own["outputFacets"]["outputStatistics"]["rowCount"] == job["records_inserted"] == len(airflow.query(STORED))
    assert parent["name"] == f"{place['database']}.hubspot.hubspot_deals"
    assert "outputStatistics" not in parent["outputFacets"]


def test_the_columns_are_those_of_the_table(airflow: Airflow, lineage: Lineage) -> None:
    _, complete = events_of(airflow, lineage)
    catalog = airflow.query(
        "SELECT column_name AS name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'hubspot' AND table_name = 'hubspot_deals' ORDER BY ordinal_position"
    )
    for output in complete["outputs"]:
        fields = output["facets"]["schema"]["fields"]
        assert [field["name"] for field in fields] == [column["name"] for column in catalog]
        assert all(field["description"] for field in fields)
    (amount,) = [field for field in fields if field["name"] == "amount"]
    assert amount["type"] == "numeric(18,2)"


def test_each_typed_column_comes_from_the_property_of_its_name(airflow: Airflow, lineage: Lineage) -> None:
    _, complete = events_of(airflow, lineage)
    facet = complete["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert facet["amount"]["inputFields"] == [
        {"namespace": "hubspot://1001", "name": "deals", "field": "amount", "transformations": []}
    ]
    columns = {field["name"] for field in complete["outputs"][0]["facets"]["schema"]["fields"]}
    assert set(facet) <= columns


def test_a_second_run_tells_what_it_changed_and_not_what_there_is(
    airflow: Airflow, lineage: Lineage, simulator: SimulatorServer
) -> None:
    airflow.task().execute(airflow.context("manual__0"))
    deal_id = next(iter(simulator.portal(1001).live_deals()))
    simulator.portal(1001).edit_deal(deal_id, {"dealname": "edited"})
    _, complete = events_of(airflow, lineage)
    assert complete["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 1


def test_a_failed_run_tells_where_it_would_have_gone_and_no_counts(
    airflow: Airflow, lineage: Lineage, simulator: SimulatorServer
) -> None:
    simulator.add_fault(FaultRule(fault="status", endpoint="list", times=None, status=401))
    _, fail = events_of(airflow, lineage, portal_id=ACME.portal_id)
    assert fail["eventType"] == "FAIL"
    assert [each["namespace"] for each in fail["inputs"]] == ["hubspot://1001"]
    assert len(fail["outputs"]) == 2
    assert not any("outputStatistics" in each["outputFacets"] for each in fail["outputs"])
    assert "401" in fail["run"]["facets"]["errorMessage"]["message"]


def test_no_event_holds_a_value_of_a_deal(airflow: Airflow, lineage: Lineage) -> None:
    text = json.dumps(events_of(airflow, lineage))
    names = airflow.query("SELECT dealname FROM hubspot.hubspot_deals WHERE length(dealname) > 8")
    assert names
    assert not [row["dealname"] for row in names if json.dumps(row["dealname"])[1:-1] in text]


def test_a_run_does_without_lineage(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "airflow.providers.openlineage.conf", None)
    task = airflow.task()
    task.execute(airflow.context())
    assert task._route is None


def test_settings_of_lineage_that_nobody_can_read_cost_no_run(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", "{nothing that JSON has")
    assert airflow.task().execute(airflow.context())["status"] == "completed"
    assert "[openlineage]" in caplog.text
