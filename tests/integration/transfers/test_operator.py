"""The operator between a simulated HubSpot and a real PostgreSQL: what it hands over, what its errors tell Airflow."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import BaseHook
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from airflow.sdk.types import TaskInstanceKey

from airflow_provider_hubspot_deals.client.rate_limits import IN_FLIGHT_MAX
from airflow_provider_hubspot_deals.dag_factory import deals_asset
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError, RetriableError, SecretsUnavailableError
from airflow_provider_hubspot_deals.transfers.links import DealsBoardLink
from hubspot_simulator import FaultRule, SimulatorServer
from hubspot_simulator.rate_limits import Limits
from tests.integration.guests import a_guest
from tests.integration.transfers.conftest import ACME, WAIT_S, Airflow

if TYPE_CHECKING:
    from collections.abc import Callable


def test_f29_deals_arrive_and_the_summary_is_small_json(airflow: Airflow) -> None:
    summary = airflow.task().execute(airflow.context())
    assert len(json.dumps(summary)) < 2000
    (count,) = airflow.query("SELECT count(*) FROM hubspot.hubspot_deals WHERE NOT archived")
    assert count["count"] == ACME.deals
    (job,) = airflow.jobs()
    assert (job["status"], job["mode"], job["run_id"]) == ("completed", "full", "manual__1")
    assert (job["dag_id"], job["task_id"], job["trigger"]) == ("acme_deals", "load_deals", "manual")


def test_each_declared_asset_gets_the_summary(airflow: Airflow) -> None:
    asset, context = deals_asset("acme"), airflow.context()
    summary = airflow.task(outlets=[asset]).execute(context)
    assert context["outlet_events"][asset].extra == summary


def test_the_link_leads_to_the_portals_own_domain(airflow: Airflow) -> None:
    task = airflow.task()
    (link,) = [each for each in task.operator_extra_links if isinstance(each, DealsBoardLink)]
    key = TaskInstanceKey("acme_deals", "load_deals", "manual__1")
    assert link.get_link(task, ti_key=key) == ""
    task.execute(airflow.context())
    assert link.get_link(task, ti_key=key) == "https://app.hubspot.com/contacts/1001/objects/0-3/views/all/board"


def test_arguments_may_be_the_strings_of_templates(airflow: Airflow) -> None:
    airflow.task(
        mode="full",
        window_start="None",
        window_end="",
        properties="dealname, amount",
        portal_id=str(ACME.portal_id),
        organization_id="None",
        full_refresh_every_days="3",
        overlap_minutes="5",
        allow_negative_amounts="True",
        sensitive_properties="false",
        associations="contacts, companies",
        history="dealstage,hs_forecast_*",
    ).execute(airflow.context())
    (job,) = airflow.jobs()
    assert job["config"]["properties"] == ["dealname", "amount"]
    assert job["config"]["portal_id"] == ACME.portal_id
    assert job["config"]["full_refresh_every"] == timedelta(days=3).total_seconds()
    assert job["config"]["allow_negative_amounts"] is True
    assert job["config"]["sensitive_properties"] is False
    assert job["config"]["associations"] == ["contacts", "companies"]
    assert job["config"]["history"] == ["dealstage", "hs_forecast_*"]
    assert airflow.query("SELECT 1 FROM hubspot.deal_associations WHERE to_object_type = 'companies'")
    assert airflow.query("SELECT 1 FROM hubspot.deal_property_history WHERE property = 'hs_forecast_amount'")


def test_f31_periods_given_to_the_operator_reach_the_table_and_those_left_out_stay(airflow: Airflow) -> None:
    periods = "SELECT retention_days, archive_days, quarantine_days FROM hubspot.organizations"
    airflow.task(retention_days="30", archive_days=60, quarantine_days="").execute(airflow.context())
    assert airflow.query(periods) == [{"retention_days": 30, "archive_days": 60, "quarantine_days": 30}]
    airflow.query("UPDATE hubspot.organizations SET retention_days = 7")
    airflow.task(quarantine_days=5).execute(airflow.context("manual__2"))
    assert airflow.query(periods) == [{"retention_days": 7, "archive_days": 60, "quarantine_days": 5}]
    for wrong in ("0", -1, "36501", "a week"):
        with pytest.raises(AirflowFailException, match="retention_days"):
            airflow.task(retention_days=wrong).execute(airflow.context("manual__3"))


def test_the_name_and_the_freshness_goal_reach_the_tables_and_stay_when_they_are_left_out(airflow: Airflow) -> None:
    said = "SELECT owner.name, stale_after_minutes FROM hubspot.organizations AS owner, hubspot.sync_state"
    known = [{"name": "Acme {{ 7 * 7 }} GmbH", "stale_after_minutes": 90}]
    airflow.task(organization_name="Acme {{ 7 * 7 }} GmbH", stale_after_minutes="90").execute(airflow.context())
    assert airflow.query(said) == known
    airflow.task(stale_after_minutes="").execute(airflow.context("manual__2"))
    assert airflow.query(said) == known
    with pytest.raises(AirflowFailException, match="stale_after_minutes"):
        airflow.task(stale_after_minutes=1).execute(airflow.context("manual__3"))


def test_a_window_reads_what_was_modified_in_it(airflow: Airflow, simulator: SimulatorServer) -> None:
    airflow.task().execute(airflow.context())
    start = datetime.now(UTC) - timedelta(seconds=1)
    deal_id = next(iter(simulator.portal(1001).live_deals()))
    simulator.portal(1001).edit_deal(deal_id, {"dealname": "edited"})
    window = {"window_start": start.isoformat(), "window_end": (start + timedelta(minutes=1)).isoformat()}
    airflow.task(mode="window", **window).execute(airflow.context("manual__2"))
    assert [job["mode"] for job in airflow.jobs()] == ["full", "window"]
    assert airflow.query("SELECT hubspot_deal_id FROM hubspot.hubspot_deals WHERE dealname = 'edited'")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param({"mode": "everything"}, "mode 'everything' is unknown", id="unknown mode"),
        pytest.param({"window_start": "2026-01-01T00:00:00Z"}, "need mode 'window'", id="window without its mode"),
        pytest.param({"mode": "window"}, "needs window_start", id="mode without its window"),
        pytest.param(
            {"mode": "window", "window_start": "2026-02-01", "window_end": "2026-01-01"},
            "before",
            id="end before start",
        ),
        pytest.param({"mode": "window", "window_start": "soon"}, "window_start must be a time", id="no time"),
        pytest.param(
            {"mode": "window", "window_end": "9999-12-31T23:59:59-14:00"},
            "window_end must be a time of the years 1970 to 9998",
            id="time that PostgreSQL holds and Python cannot read",
        ),
        pytest.param({"organization": ""}, "organization is missing", id="no organization"),
        pytest.param({"organization": "A B"}, "organization must be", id="organization no slug"),
        pytest.param({"organization_id": "7"}, "organization_id must be a UUID", id="id no UUID"),
        pytest.param({"schema": "x; DROP"}, "schema must be", id="schema no identifier"),
        pytest.param({"portal_id": "1e3"}, "portal_id must be", id="portal id no number"),
        pytest.param({"properties": "deal name"}, "properties must be", id="property with a space"),
        pytest.param({"associations": "Contacts"}, "associations must be", id="no object type"),
        pytest.param({"history": "deal name"}, "history must be", id="history with a space"),
        pytest.param({"batch_rows": 0}, "batch_rows must", id="empty batches"),
        pytest.param({"hubspot_conn_id": "nobody"}, "no connection 'nobody'", id="no HubSpot connection"),
        pytest.param({"postgres_conn_id": "nobody"}, "no connection 'nobody'", id="no PostgreSQL connection"),
        pytest.param({"portal_id": 77}, "portal 1001", id="another portal's token"),
    ],
)
def test_what_somebody_must_change_is_said_and_not_retried(
    airflow: Airflow, arguments: dict[str, Any], expected: str
) -> None:
    with pytest.raises(AirflowFailException, match=expected):
        airflow.task(**arguments).execute(airflow.context())
    assert airflow.query("SELECT * FROM hubspot.hubspot_deals") == []


def test_e29_a_secret_that_cannot_be_had_is_tried_again_later_and_costs_no_other_organization(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_connection = BaseHook.get_connection
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_OTHER", os.environ["AIRFLOW_CONN_HUBSPOT_DEFAULT"])

    def denied(conn_id: str) -> Any:
        if conn_id == "hubspot_default":
            raise PermissionError("vault token s.4f2e denied")
        return get_connection(conn_id)

    with monkeypatch.context() as vault:
        vault.setattr("airflow.providers.common.compat.sdk.BaseHook.get_connection", denied)
        with pytest.raises(SecretsUnavailableError, match=r"'hubspot_default'.*check its secrets backend") as caught:
            airflow.task().execute(airflow.context())
        airflow.task(organization="other", hubspot_conn_id="hubspot_other").execute(airflow.context("manual__2"))
    assert isinstance(caught.value, RetriableError)
    assert caught.value.code == "SECRETS_UNAVAILABLE"
    assert "s.4f2e" not in str(caught.value)
    waiting, other = airflow.jobs()
    assert (waiting["status"], waiting["error_code"]) == ("pending", "SECRETS_UNAVAILABLE")
    assert other["status"] == "completed"


def test_a_wrong_token_is_not_retried(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = json.loads(os.environ["AIRFLOW_CONN_HUBSPOT_DEFAULT"]) | {"password": "pat-na1-revoked-revoked"}
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_DEFAULT", json.dumps(connection))
    with pytest.raises(AirflowFailException, match=r"hubspot_default.*401") as caught:
        airflow.task().execute(airflow.context())
    assert "revoked-revoked" not in str(caught.value)


def test_a_missing_schema_names_the_command_that_makes_it(
    connect: Callable[[str], Airflow], empty_database_url: str
) -> None:
    airflow = connect(empty_database_url)
    with pytest.raises(AirflowFailException, match="migrations upgrade"):
        airflow.task().execute(airflow.context())


def test_the_operator_makes_the_schema_when_told_to(connect: Callable[[str], Airflow], empty_database_url: str) -> None:
    airflow = connect(empty_database_url)
    airflow.task(migrate=True).execute(airflow.context())
    assert airflow.query("SELECT * FROM hubspot.hubspot_deals LIMIT 1")


def test_a_missing_privilege_to_make_the_schema_is_said_and_not_retried(
    connect: Callable[[str], Airflow], empty_database_url: str
) -> None:
    with a_guest(empty_database_url) as url:
        airflow = connect(url)
        with pytest.raises(AirflowFailException, match="permission denied for database"):
            airflow.task(migrate=True, schema="crm").execute(airflow.context())


@pytest.mark.parametrize("migrate", [False, True])
def test_a_database_that_is_down_is_tried_again_later(connect: Callable[[str], Airflow], *, migrate: bool) -> None:
    airflow = connect("postgresql://nobody:secret@127.0.0.1:1/nowhere")
    with pytest.raises(DatabaseUnavailableError) as caught:
        airflow.task(migrate=migrate).execute(airflow.context())
    assert isinstance(caught.value, RetriableError)
    assert "secret" not in str(caught.value)


def test_a_database_cursor_chosen_in_the_connection_changes_nothing(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(os.environ["AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES"]) | {"extra": {"cursor": "dictcursor"}}
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES", json.dumps(connection))
    airflow.task().execute(airflow.context())
    assert airflow.jobs()[0]["status"] == "completed"


@pytest.mark.peer_pain(31)
def test_a05_a_spent_daily_limit_defers_the_task_and_the_job_goes_on_later(
    airflow: Airflow, simulator: SimulatorServer
) -> None:
    simulator.add_fault(FaultRule(fault="status", endpoint="list", nth=3, status=429, policy="DAILY"))
    task = airflow.task(batch_rows=100)
    with pytest.raises(TaskDeferred) as caught:
        task.execute(airflow.context())
    trigger = caught.value.trigger
    assert isinstance(trigger, DateTimeTrigger)
    assert trigger.moment > datetime.now(UTC) + timedelta(minutes=1)
    (job,) = airflow.jobs()
    assert (job["status"], job["resume_at"]) == ("pending", trigger.moment)
    asked = len(simulator.requests)

    getattr(task, caught.value.method_name)(airflow.context(), event=None)

    (job,) = airflow.jobs()
    assert (job["status"], job["attempt"]) == ("completed", 2)
    lists = [seen for seen in simulator.requests[asked:] if seen.endpoint == "list"]
    assert len(lists) <= 3  # the page of archived deals once more, and of the live ones those that were not committed


def test_the_reserve_of_the_day_defers_the_task_and_leaves_that_many_calls(
    airflow: Airflow, simulator: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubspot_simulator.routes.deals.LIST_LIMIT_MAX", 8)  # the whole run takes some 40 calls
    account = simulator.account(ACME.portal_id)
    account.set_limits(Limits(daily=100))
    task = airflow.task(batch_rows=100, daily_reserve_percent="80")
    with pytest.raises(TaskDeferred) as caught:
        task.execute(airflow.context())
    assert (airflow.jobs()[0]["status"], airflow.jobs()[0]["error_code"]) == ("pending", "DAILY_RESERVE")
    assert 79 - IN_FLIGHT_MAX < 100 - account.usage.calls_today <= 79  # some were under way when the 79 were told

    account.set_limits(Limits(daily=20_000))
    getattr(task, caught.value.method_name)(airflow.context(), event=None)
    assert [job["status"] for job in airflow.jobs()] == ["completed"]


def test_e22_a_second_run_of_an_organization_is_skipped(airflow: Airflow, simulator: SimulatorServer) -> None:
    simulator.add_fault(FaultRule(fault="delay", endpoint="list", nth=3, seconds=3))
    with ThreadPoolExecutor() as pool:
        first = pool.submit(airflow.task(batch_rows=100).execute, airflow.context("scheduled__1"))
        airflow.wait_until_running()
        (active,) = airflow.jobs()
        with pytest.raises(AirflowSkipException, match=f"active job already: {active['id']}, running"):
            airflow.task().execute(airflow.context("manual__2"))
        first.result(WAIT_S)
    assert [job["status"] for job in airflow.jobs()] == ["completed"]


def test_e25_a_job_that_somebody_cancels_fails_the_task_without_a_retry(
    airflow: Airflow, simulator: SimulatorServer
) -> None:
    simulator.add_fault(FaultRule(fault="delay", endpoint="list", nth=3, seconds=2))
    with ThreadPoolExecutor() as pool:
        run = pool.submit(airflow.task(batch_rows=100).execute, airflow.context())
        airflow.wait_until_running()
        airflow.query("UPDATE hubspot.jobs SET status = 'cancelled'")
        with pytest.raises(AirflowFailException, match="cancel"):
            run.result(WAIT_S)
    assert [job["status"] for job in airflow.jobs()] == ["cancelled"]


def test_a_task_that_is_over_is_not_stopped(airflow: Airflow) -> None:
    """After a timeout, Airflow calls it when nothing runs any more."""
    task = airflow.task()
    task.execute(airflow.context())
    task.on_kill()
