"""`airflow hubspot-deals …` as a process of its own: found by Airflow, stopped by Ctrl-C, on a terminal."""

from __future__ import annotations

import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

import pytest

from airflow_provider_hubspot_deals.cli import running
from hubspot_simulator import PortalSpec, SimulatorServer
from tests.docs.blocks import blocks_of
from tests.docs.shapes import differences
from tests.docs.shell import transcript
from tests.integration.cli.conftest import COMMAND, SANDBOX, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.cli.conftest import Console

MANY = PortalSpec(portal_id=1001, deals=3_000, archived=30)
SLOW_MS = 600.0  # the archived deals are committed seconds before the live ones
STOPPED, RESUMED = (
    next(transcript(block.text))[1]
    for block in blocks_of("docs/cli.md")
    if "::test_a_stopped_sync_leaves" in block.notes.get("run by", "")
)
_ON_THE_WAY = re.compile(r"^(acme: full: (?!completed).*|\^C)\n", re.MULTILINE)  # as many as there is time for


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer([MANY, SANDBOX], rate_limits=False) as server:
        yield server


@pytest.mark.airflow("`airflow hubspot-deals …`", from_="3.2")
def test_airflow_finds_the_commands_and_help_says_the_exit_codes(console: Console) -> None:
    answer = console.airflow("--help")
    assert answer.code == 0
    for word in ("check", "jobs", "maintenance", "migrate", "organizations", "quarantine", "sync", "exit codes", "130"):
        assert word in answer.out


def test_answers_for_scripts_are_json_alone(console: Console) -> None:
    answer = console.airflow("sync", "acme", "--type", "sandbox", "--output", "json")
    assert answer.code == 0
    assert answer.json["records_inserted"] == 7
    assert console.airflow("jobs", "list", "--output", "json").json[0]["status"] == "completed"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_sync_leaves_its_job_waiting_and_the_next_one_goes_on_with_it(
    console: Console, number: signal.Signals, code: int
) -> None:
    console.simulator.application.latency_ms = SLOW_MS
    process = console.start("sync", "acme")
    console.wait_until(lambda job: job["records_extracted"])
    process.send_signal(number)
    process.send_signal(number)  # an impatient person
    _, err = process.communicate(timeout=30)
    assert process.returncode == code, err
    assert differences(without_progress(STOPPED), without_progress(err)) == []
    (stopped,) = console.jobs()
    assert (stopped["status"], stopped["error_code"]) == ("pending", "KILLED")
    assert stopped["checkpoint"]

    console.simulator.application.latency_ms = 0.0
    answer = console("sync", "acme")
    assert answer.code == 0
    assert differences(without_progress(RESUMED), without_progress(answer.err + answer.out)) == []
    (job,) = console.jobs()
    assert (job["id"], job["status"], job["attempt"]) == (stopped["id"], "completed", 2)
    (deals,) = console.query("SELECT count(*) AS number FROM hubspot.hubspot_deals")
    assert deals["number"] == 3_030


def without_progress(said: str) -> str:
    return _ON_THE_WAY.sub("", said)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param("acme --mode full", id="full"),
        pytest.param("acme --mode incremental", id="incremental, which is a full one before any other run"),
        pytest.param("acme --type sandbox --additional-properties 'hs_*'", id="of a sandbox"),
        pytest.param("acme --mode window --window-start 2020-01-01T00:00:00+00:00", id="window"),
        pytest.param("acme --mode full --file '{}'", id="of a file of its own"),
    ],
)
def test_what_a_stopped_sync_says_to_type_goes_on_with_its_own_job(
    console: Console, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: str
) -> None:
    file = (tmp_path / "our files.toml").absolute()
    file.write_bytes(console.file.read_bytes())
    asked = asked.format(file)
    if "incremental" not in asked:
        console("sync", "acme")
    known = len(console.jobs())
    if "--file" in asked:
        monkeypatch.delenv("HUBSPOT_DEALS_ORGANIZATIONS")
    console.simulator.application.latency_ms = SLOW_MS
    process = console.start("sync", *shlex.split(asked))
    while len(console.jobs()) == known:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    stopped = console.jobs()[-1]
    assert (process.returncode, stopped["status"]) == (130, "pending"), err
    assert f"`airflow hubspot-deals sync {asked}`" in err

    console.simulator.application.latency_ms = 0.0
    assert console("sync", *shlex.split(asked)).code == 0
    job = console.jobs()[-1]
    assert (job["id"], job["status"], job["attempt"]) == (stopped["id"], "completed", 2)


def test_a_sync_that_begins_in_the_same_second_leaves_the_other_one_alone(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    console.simulator.application.latency_ms = SLOW_MS
    process = console.start("sync", "acme")
    first = console.wait_until(lambda job: job["records_extracted"])

    class SameSecond(datetime):
        @classmethod
        def now(cls, _zone: tzinfo | None = None) -> datetime:  # type: ignore[override]  # as it is called
            began = datetime.fromisoformat(first["run_id"].split()[1])
            return began.replace(microsecond=999_999 - began.microsecond)

    monkeypatch.setattr(running, "datetime", SameSecond)
    assert console("sync", "acme").code == 4
    console.simulator.application.latency_ms = 0.0
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def test_a_sync_that_was_cancelled_ends_at_its_next_batch(console: Console) -> None:
    console.simulator.application.latency_ms = SLOW_MS
    process = console.start("sync", "acme")
    job = console.wait_until(lambda job: job["records_extracted"])
    assert console("jobs", "cancel", str(job["id"])).code == 0
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "was cancelled" in err
    assert console.jobs()[0]["status"] == "cancelled"


def test_on_a_terminal_a_bar_grows(console: Console) -> None:
    console.simulator.application.latency_ms = SLOW_MS
    process, controller = on_a_terminal(console, "sync", "acme")
    shown = b""
    while not re.search(rb"\d+/\d+", shown):
        shown += os.read(controller, 4096)
    console.simulator.application.latency_ms = 0.0
    process.send_signal(signal.SIGINT)
    shown += rest_of(controller)
    assert process.wait(timeout=30) == 130
    assert "━".encode() in shown


@pytest.mark.parametrize("words", [(), ("--verbose",)])
def test_on_a_terminal_only_who_asks_for_the_log_sees_it(console: Console, words: tuple[str, ...]) -> None:
    process, controller = on_a_terminal(console, "sync", "acme", "--type", "sandbox", *words)
    shown = rest_of(controller)
    assert process.wait(timeout=30) == 0
    assert "━".encode() in shown
    assert (b"Deals of organization" in shown) == ("--verbose" in words)


def on_a_terminal(console: Console, *words: str) -> tuple[subprocess.Popen[str], int]:
    """Call a command, and give what reads its screen; its answer goes to a pipe."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, *words],
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
        env={**os.environ, **SETTINGS, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(terminal)
    console.processes.append(process)
    return process, controller


def rest_of(controller: int) -> bytes:
    shown = b""
    while True:
        try:
            shown += os.read(controller, 4096)
        except OSError:  # the other end is closed
            os.close(controller)
            return shown


def test_where_airflow_is_older_than_3_2_python_runs_the_same_commands(console: Console) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airflow_provider_hubspot_deals.cli", "organizations", "--output", "json"],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert '"hubspot_deals_acme"' in done.stdout
    assert console.airflow("organizations", "--output", "json").out == done.stdout
