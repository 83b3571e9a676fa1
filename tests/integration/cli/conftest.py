"""The command line between a simulated HubSpot and a real PostgreSQL: in this process, or in one of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.rows import dict_row

from airflow_provider_hubspot_deals.cli.__main__ import main
from hubspot_simulator import PortalSpec, SimulatorServer
from tests.airflow_versions import lacking

ACME = PortalSpec(portal_id=1001, deals=230, archived=5)
SANDBOX = PortalSpec(portal_id=1002, deals=7)
COMPANIES_ONLY = PortalSpec(
    portal_id=1003,
    deals=1,
    scopes=(
        "crm.objects.deals.read",
        "crm.schemas.deals.read",
        "crm.objects.owners.read",
        "crm.objects.companies.read",
    ),
)
FILE = """\
[[organizations]]
slug = "acme"
search_lag_minutes = 0

[[organizations]]
slug = "acme"
type = "sandbox"
search_lag_minutes = 0
"""
WAIT_S = 60.0
# Where Airflow finds no commands of providers yet, the same ones have another name.
LACKING = lacking("`airflow hubspot-deals …`", from_="3.2")
COMMAND = [sys.executable, "-m", *(["airflow_provider_hubspot_deals.cli"] if LACKING else ["airflow", "hubspot-deals"])]
SETTINGS = {
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
    # An older Airflow speaks beside the commands: of having no key, and of its providers' old names.
    "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(b"of the tests" + bytes(20)).decode(),
    "PYTHONWARNINGS": "ignore::FutureWarning",
}


@dataclass(frozen=True)
class Answer:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Console:
    """Commands, and what they did to the database."""

    file: Path
    database_url: str
    simulator: SimulatorServer
    capture: pytest.CaptureFixture[str]
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def __call__(self, *words: str) -> Answer:
        """Call a command in this process: an `airflow` of its own takes seconds to start."""
        self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(words)
        printed = self.capture.readouterr()
        return Answer(int(ended.value.code or 0), printed.out, printed.err)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Call `airflow hubspot-deals …` in a process of its own."""
        process = subprocess.Popen(  # noqa: S603 - Airflow's own command
            [*COMMAND, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **SETTINGS},
        )
        self.processes.append(process)
        return process

    def airflow(self, *words: str) -> Answer:
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        return Answer(process.returncode, out, err)

    def query(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def jobs(self) -> list[dict[str, Any]]:
        return self.query("SELECT * FROM hubspot.jobs ORDER BY created_at")

    def wait_until(self, is_so: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Wait for the newest job to be so."""
        deadline = monotonic() + WAIT_S
        while True:
            job = (self.jobs() or [{}])[-1]
            if job and is_so(job):
                return job
            assert monotonic() < deadline, f"still {job.get('status')}"
            sleep(0.05)

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate(timeout=10)


def postgres_connection(url: str) -> str:
    parts = urlsplit(url)
    fields = {"conn_type": "postgres", "host": parts.hostname, "port": parts.port, "schema": parts.path[1:]}
    return json.dumps({**fields, "login": parts.username, "password": parts.password})


def hubspot_connection(simulator: SimulatorServer, token: str) -> str:
    extra = json.dumps({"allow_other_hosts": True})
    return json.dumps({"conn_type": "hubspot", "password": token, "host": simulator.base_url, "extra": extra})


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer([ACME, SANDBOX, COMPANIES_ONLY], rate_limits=False) as server:
        yield server


@pytest.fixture
def define(
    simulator: SimulatorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str], Console]]:
    consoles: list[Console] = []

    def console_of(url: str) -> Console:
        file = tmp_path / "organizations.toml"
        file.write_text(FILE, encoding="utf-8")
        monkeypatch.setenv("HUBSPOT_DEALS_ORGANIZATIONS", str(file))
        monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(tmp_path / "dags"))
        monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")  # as the commands do; to be put back
        monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_ACME", hubspot_connection(simulator, ACME.token))
        monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_ACME_SANDBOX", hubspot_connection(simulator, SANDBOX.token))
        monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES", postgres_connection(url))
        consoles.append(Console(file, url, simulator, capsys))
        return consoles[-1]

    yield console_of
    for console in consoles:
        console.end()


@pytest.fixture
def console(define: Callable[[str], Console], database_url: str) -> Console:
    """With our tables in the database."""
    return define(database_url)


@pytest.fixture
def empty_console(define: Callable[[str], Console], empty_database_url: str) -> Console:
    """With nothing in the database."""
    return define(empty_database_url)
