"""Tasks in processes of their own, fresh interpreters as Airflow's workers are, over one simulated HubSpot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hubspot_simulator import PortalSpec, SimulatorServer
from tests.integration.sync.conftest import Organization, invariants
from tests.integration.transfers.conftest import ACME, Airflow, airflow, connect

__all__ = ["Worker", "WorkerOf", "airflow", "connect", "invariants"]

ROOT = Path(__file__).resolve().parents[3]
GRANTED = PortalSpec(portal_id=1004, deals=230, app="oauth", access_token_lifetime_s=2)


class Worker:
    """A process that does one thing after the other."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.workers.program"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def begin(self, do: str, **order: Any) -> None:
        """Let it do something, and do not wait."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self._process.stdin.flush()

    def outcome(self) -> dict[str, Any]:
        """How that ended; empty when the process is gone."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        return json.loads(line) if line else {}

    def do(self, what: str, **order: Any) -> dict[str, Any]:
        """Let it do something, and wait."""
        self.begin(what, **order)
        return self.outcome()

    def close(self) -> None:
        """Nothing is left of it."""
        self._process.kill()
        self._process.communicate()


WorkerOf = Callable[..., Worker]


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer([ACME, GRANTED], rate_limits=False) as server:
        yield server


@pytest.fixture
def acme(simulator: SimulatorServer, airflow: Airflow) -> Organization:
    """What its runs left in the database; to be loaded under this organization's id."""
    return Organization(simulator=simulator, portal=simulator.portal(1001), database_url=airflow.database_url)


@pytest.fixture
def worker() -> Iterator[WorkerOf]:
    """Start one; keyword arguments are variables of its environment."""
    with ExitStack() as started:

        def start(**environment: str) -> Worker:
            made = Worker(environment)
            started.callback(made.close)
            return made

        yield start
