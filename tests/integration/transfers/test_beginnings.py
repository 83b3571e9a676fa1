"""A run that cannot begin is a job all the same: whoever looks at the jobs alone must see that it failed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_hubspot_deals.exceptions import SecretsUnavailableError
from airflow_provider_hubspot_deals.sync import outcome
from airflow_provider_hubspot_deals.transfers.outcomes import TaskKilled
from hubspot_simulator import FaultRule, SimulatorServer
from tests.integration.transfers.conftest import WAIT_S, Airflow

LAST_TRY = 4  # of that context's


def test_a_run_whose_hubspot_connection_is_gone_is_a_failed_job(airflow: Airflow) -> None:
    airflow.task().execute(airflow.context())
    with pytest.raises(AirflowFailException):
        airflow.task(hubspot_conn_id="nobody").execute(airflow.context("manual__2"))

    job = airflow.jobs()[-1]
    assert (job["status"], job["error_code"], job["run_id"]) == ("failed", "CONFIGURATION", "manual__2")
    assert "no connection 'nobody'" in job["error_message"]
    assert (job["api_calls"], job["records_extracted"]) == (0, 0)
    (last,) = airflow.query(
        "SELECT job_id, kind FROM hubspot.job_events ORDER BY occurred_at DESC, sequence DESC LIMIT 1"
    )
    assert last == {"job_id": job["id"], "kind": "failed"}

    airflow.task().execute(airflow.context("manual__3"))
    assert airflow.jobs()[-1]["status"] == "completed"


def test_one_whose_connection_cannot_be_looked_up_for_now_waits_for_its_next_try_if_there_is_one(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_connection = BaseHook.get_connection

    def denied(conn_id: str) -> Any:
        if conn_id == "hubspot_default":
            raise PermissionError
        return get_connection(conn_id)

    with monkeypatch.context() as vault:
        vault.setattr("airflow.providers.common.compat.sdk.BaseHook.get_connection", denied)
        with pytest.raises(SecretsUnavailableError):
            airflow.task().execute(airflow.context())
    (job,) = airflow.jobs()
    assert (job["status"], job["error_code"]) == ("pending", "SECRETS_UNAVAILABLE")

    airflow.task().execute(airflow.context(try_number=2))
    assert [(job["status"], job["attempt"]) for job in airflow.jobs()] == [("completed", 2)]

    with monkeypatch.context() as vault:
        vault.setattr("airflow.providers.common.compat.sdk.BaseHook.get_connection", denied)
        with pytest.raises(SecretsUnavailableError):
            airflow.task().execute(airflow.context("manual__2", try_number=LAST_TRY))
    assert [(job["status"], job["error_code"]) for job in airflow.jobs()][1:] == [("failed", "SECRETS_UNAVAILABLE")]


def test_a_job_that_somebody_queued_is_the_one_that_fails(airflow: Airflow) -> None:
    airflow.task().execute(airflow.context())
    airflow.query(
        "INSERT INTO hubspot.jobs (organization_id, type, scan_id)"
        " SELECT id, 'hubspot_deals', 'by hand' FROM hubspot.organizations"
    )
    with pytest.raises(AirflowFailException):
        airflow.task(hubspot_conn_id="nobody").execute(airflow.context("manual__2"))
    assert [(job["status"], job["run_id"]) for job in airflow.jobs()] == [
        ("completed", "manual__1"),
        ("failed", "manual__2"),
    ]


def test_it_is_the_first_that_is_seen_of_a_new_organization(airflow: Airflow) -> None:
    with pytest.raises(AirflowFailException):
        airflow.task(hubspot_conn_id="nobody").execute(airflow.context())
    assert [job["status"] for job in airflow.jobs()] == ["failed"]
    assert airflow.query("SELECT slug FROM hubspot.organizations") == [{"slug": "acme"}]


def test_where_there_are_no_tables_it_fails_for_what_kept_it(
    connect: Callable[[str], Airflow], empty_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    airflow = connect(empty_database_url)
    with pytest.raises(AirflowFailException, match="no connection 'nobody'"):
        airflow.task(hubspot_conn_id="nobody").execute(airflow.context())
    assert "could not be noted as a job" in caplog.text


def test_beside_a_run_that_works_it_makes_no_job_and_takes_none(airflow: Airflow, simulator: SimulatorServer) -> None:
    simulator.add_fault(FaultRule(fault="delay", endpoint="list", nth=3, seconds=2))
    with ThreadPoolExecutor() as pool:
        working = pool.submit(airflow.task(batch_rows=100).execute, airflow.context())
        airflow.wait_until_running()
        with pytest.raises(AirflowFailException, match="no connection 'nobody'"):
            airflow.task(hubspot_conn_id="nobody").execute(airflow.context("manual__2"))
        working.result(WAIT_S)
    assert [(job["status"], job["attempt"]) for job in airflow.jobs()] == [("completed", 1)]


def test_one_that_is_stopped_while_it_notes_why_leaves_no_job_that_seems_to_run(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise TaskKilled

    with monkeypatch.context() as patched:
        patched.setattr(outcome, "_record", stopped)
        with pytest.raises(TaskKilled):
            airflow.task(hubspot_conn_id="nobody").execute(airflow.context())
    assert airflow.jobs() == []
