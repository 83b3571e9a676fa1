"""A portal of many deals takes time, and no more memory than one of few."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubspot_simulator import PortalSpec, SimulatorServer
from tests.integration.transfers.conftest import Airflow
from tests.integration.workers.conftest import WorkerOf

FEW = PortalSpec(portal_id=1001, deals=2_000)
MANY = PortalSpec(portal_id=1002, deals=40_000)
BATCH_ROWS = 1_000  # so that both portals fill what may be read and not yet committed


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer([FEW, MANY], rate_limits=False) as server:
        yield server


def peak_mib(airflow: Airflow, worker: WorkerOf, portal: PortalSpec) -> float:
    """The most that a new worker ever held while it loaded the portal."""
    connection = json.loads(os.environ["AIRFLOW_CONN_HUBSPOT_DEFAULT"]) | {"password": portal.token}
    process = worker(AIRFLOW_CONN_HUBSPOT_DEFAULT=json.dumps(connection))
    name = f"portal-{portal.portal_id}"
    ended = process.do("load", run_id=name, organization=name, mode="full", batch_rows=BATCH_ROWS)
    assert ended["ended"] == "completed", ended
    (job,) = airflow.query(f"SELECT records_inserted FROM hubspot.jobs WHERE run_id = '{name}'")  # noqa: S608 - our own
    assert job["records_inserted"] >= portal.deals
    status = Path(f"/proc/{process.pid}/status").read_text()
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) / 1024


def test_g02_twenty_times_the_deals_take_hardly_more_memory(airflow: Airflow, worker: WorkerOf) -> None:
    few, many = (peak_mib(airflow, worker, portal) for portal in (FEW, MANY))
    assert many <= 1.1 * few, f"{many:.0f} MiB for {MANY.deals} deals, {few:.0f} for {FEW.deals}"
