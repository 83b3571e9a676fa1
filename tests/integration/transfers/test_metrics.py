"""What a run sends to a real UDP socket where StatsD would listen."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from airflow.configuration import conf
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics import stats_utils

from airflow_provider_hubspot_deals import kill_points
from airflow_provider_hubspot_deals.exceptions import JobAlreadyRunning
from airflow_provider_hubspot_deals.kill_points import KillPoint
from airflow_provider_hubspot_deals.transfers.outcomes import TaskKilled
from hubspot_simulator import FaultRule, SimulatorServer
from tests.integration.transfers.conftest import ACME, Airflow


class Ears:
    """Everything that arrived at a UDP port."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening

    def heard(self) -> dict[str, str]:
        """Metric → ``value|kind``, of what was sent so far; each of ours once."""
        lines: dict[str, str] = {}
        self._listening.settimeout(0.2)
        while True:
            try:
                metric, _, value = self._listening.recv(65_536).decode().partition(":")
            except TimeoutError:
                return lines
            name = metric.removeprefix("airflow.")
            assert name not in lines or not name.startswith("hubspot_deals"), f"{name} was sent twice"
            lines[name] = value


@pytest.fixture
def ears(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Ears]:
    """Airflow's StatsD client, made as a worker makes it, and whoever listens to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_HOST", "127.0.0.1")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_PORT", str(listening.getsockname()[1]))
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED", str(getattr(request, "param", False)))
        legacy = conf.getboolean("metrics", "legacy_names_on")
        stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=legacy)
        yield Ears(listening)
        monkeypatch.undo()
        stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=legacy)


def test_a_run_tells_deals_calls_lag_and_duration_by_organization(airflow: Airflow, ears: Ears) -> None:
    summary = airflow.task(search_lag_minutes=60).execute(airflow.context())
    heard = ears.heard()
    for prefix in ("hubspot_deals", "hubspot_deals.acme.standard"):
        assert heard[f"{prefix}.runs.completed"] == "1|c"
        assert heard[f"{prefix}.deals_read"] == f"{summary['records_extracted']}|c"
        assert heard[f"{prefix}.deals_inserted"] == f"{summary['records_inserted']}|c"
        assert heard[f"{prefix}.api_calls"] == f"{summary['api_calls']}|c"
        assert heard[f"{prefix}.live_deals"] == f"{ACME.deals}|g"
        lag, kind = heard[f"{prefix}.lag_seconds"].split("|")
        assert (3_600 <= int(lag) < 3_720, kind) == (True, "g")
        duration, kind = heard[f"{prefix}.duration"].split("|")
        assert float(duration) == pytest.approx(summary["seconds"] * 1000, abs=1)
        assert kind == "ms"
    assert "hubspot_deals.deals_quarantined" not in heard


@pytest.mark.parametrize("ears", [True], indirect=True, ids=["InfluxDB"])
def test_where_tags_are_known_the_organization_is_one(airflow: Airflow, ears: Ears) -> None:
    airflow.task(type="sandbox").execute(airflow.context())
    assert "hubspot_deals.runs.completed,organization=acme,type=sandbox" in ears.heard()


@pytest.mark.parametrize("ears", [True], indirect=True, ids=["InfluxDB"])
def test_a_failure_is_counted_with_its_code(airflow: Airflow, ears: Ears, simulator: SimulatorServer) -> None:
    simulator.add_fault(FaultRule(fault="status", endpoint="list", times=None, status=401))
    with pytest.raises(AirflowFailException):
        airflow.task().execute(airflow.context())
    heard = ears.heard()
    assert "hubspot_deals.runs.failed,organization=acme,type=standard,error_code=AUTH_INVALID" in heard
    assert not any("runs.completed" in metric for metric in heard)


@pytest.mark.parametrize("ears", [True], indirect=True, ids=["InfluxDB"])
def test_a_run_that_airflow_stops_is_counted_with_the_code_of_its_job(
    airflow: Airflow, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = airflow.task()

    def stop(point: KillPoint) -> None:
        if point is KillPoint.BATCH_WRITTEN:
            task.on_kill()

    monkeypatch.setattr(kill_points, "_listener", stop)
    with pytest.raises(TaskKilled):
        task.execute(airflow.context())
    (job,) = airflow.jobs()
    assert job["error_code"] == "KILLED"
    assert "hubspot_deals.runs.failed,organization=acme,type=standard,error_code=KILLED" in ears.heard()


def test_a_run_that_cannot_begin_is_counted_with_its_code(airflow: Airflow, ears: Ears) -> None:
    for connection in ("hubspot_conn_id", "postgres_conn_id"):
        with pytest.raises(AirflowFailException):
            airflow.task(**{connection: "nobody"}).execute(airflow.context())
        assert ears.heard()["hubspot_deals.acme.standard.runs.failed"] == "1|c", connection


def test_a_deferral_is_no_failure(airflow: Airflow, ears: Ears, simulator: SimulatorServer) -> None:
    simulator.add_fault(FaultRule(fault="status", endpoint="list", nth=2, status=429, policy="DAILY"))
    with pytest.raises(TaskDeferred):
        airflow.task(batch_rows=100).execute(airflow.context())
    heard = ears.heard()
    assert heard["hubspot_deals.acme.standard.runs.deferred"] == "1|c"
    assert "hubspot_deals.acme.standard.runs.failed" not in heard


def test_a_run_beside_another_is_skipped_and_no_failure(
    airflow: Airflow, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise JobAlreadyRunning("Another run is active.")

    monkeypatch.setattr("airflow_provider_hubspot_deals.sync.run", refuse)
    with pytest.raises(AirflowSkipException):
        airflow.task().execute(airflow.context())
    assert set(ears.heard()) >= {"hubspot_deals.runs.skipped", "hubspot_deals.acme.standard.runs.skipped"}


def test_a_retry_after_a_run_that_was_over_counts_nothing_twice(airflow: Airflow, ears: Ears) -> None:
    airflow.task().execute(airflow.context())
    ears.heard()
    airflow.task().execute(airflow.context(try_number=2))
    assert set(ears.heard()) <= {"hubspot_deals.lag_seconds", "hubspot_deals.acme.standard.lag_seconds"}


def test_metrics_that_cannot_be_sent_cost_no_run(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    for kind in ("incr", "gauge", "timing"):
        monkeypatch.setattr(f"airflow.providers.common.compat.sdk.Stats.{kind}", refuse)
    assert airflow.task().execute(airflow.context())["status"] == "completed"
