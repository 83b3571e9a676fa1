"""One run of one contestant: what it took on every side, and whether the rows are right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from benchmarks.pipeline.contestants import ORGANIZATION, Contestant, child_environment
from benchmarks.pipeline.portal import BenchPortal, Truth
from benchmarks.pipeline.postgres import LoadServer
from benchmarks.report import kind_of, machine
from local_stack.processes import ManagedProcess

TIMEOUT_S = 3_600.0


class WrongRowsError(Exception):
    """A table does not hold what HubSpot has."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Seconds, bytes and counts of one run, and where and when it was made."""

    machine: str
    date: str
    contestant: str
    deals: int
    latency_ms: float
    case: str
    run: int
    seconds: float
    client_cpu_s: float
    postgres_cpu_s: float
    simulator_cpu_s: float
    requests: int
    requests_by_endpoint: Mapping[str, int]
    answers_429: int
    idle_rss: int
    peak_rss: int
    rows: int
    rows_written: int  # of the table of deals: inserted, updated, deleted
    rows_updated: int
    table_bytes: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """Files of rows in COPY's text format, one a batch, and what they add up to."""

    folder: Path
    truth: Truth


@dataclass(frozen=True, kw_only=True)
class Track:
    """Where a contestant runs: portal, its latency, server, database, and a folder that it keeps from run to run."""

    contestant: Contestant
    portal: BenchPortal
    server: LoadServer
    latency_ms: float
    database_url: str
    folder: Path
    prepared: Prepared | None = None  # for the floor


def measure(track: Track, case: str, truth: Truth, *, run: int) -> Measurement:
    """Run the program and check its rows.

    Raises:
        WrongRowsError: the program ended well, but its table is not a copy.
        StackError: it ended badly; with the end of its output.
    """
    contestant, portal, server = track.contestant, track.portal, track.server
    before = server.written(track.database_url, contestant.table)
    server.settle()
    portal.forget_answers()
    simulator_cpu_s, postgres_cpu_s = portal.cpu_s(), server.cpu_s()
    figures = _run(track, case)
    written = server.written(track.database_url, contestant.table)
    postgres_cpu_s = server.cpu_s() - postgres_cpu_s
    simulator_cpu_s = portal.cpu_s() - simulator_cpu_s
    answers = portal.answers()
    found = facts(track)
    if found != truth:
        raise WrongRowsError(f"{contestant.name}, {case}: the table holds {found}, HubSpot has {truth}")
    size = server.size(track.database_url, contestant.table)
    server.tidy(track.database_url)
    here = machine()
    return Measurement(
        machine=kind_of(here),
        date=here["date"],
        contestant=contestant.name,
        deals=truth.deals,
        latency_ms=track.latency_ms,
        case=case,
        run=run,
        seconds=round(figures["ended_at"] - figures["began_at"], 4),
        client_cpu_s=round(figures["cpu_s"], 4),
        postgres_cpu_s=round(postgres_cpu_s, 3),
        simulator_cpu_s=round(simulator_cpu_s, 3),
        requests=answers.requests,
        requests_by_endpoint=answers.by_endpoint,
        answers_429=answers.too_many,
        idle_rss=figures["idle_rss"],
        peak_rss=figures["peak_rss"],
        rows=found.deals,
        rows_written=written.all - before.all,
        rows_updated=written.updated - before.updated,
        table_bytes=size,
    )


def facts(track: Track) -> Truth:
    """What the contestant's table holds.

    Raises:
        WrongRowsError: it is not there, or other than expected.
    """
    try:
        with psycopg.connect(track.database_url) as connection:
            row = connection.execute(track.contestant.facts).fetchone()
    except psycopg.ProgrammingError as error:
        raise WrongRowsError(f"{track.contestant.name}: {error}") from error
    return Truth(*row) if row else Truth(0, 0, 0)


def _run(track: Track, case: str) -> dict[str, Any]:
    contestant, portal = track.contestant, track.portal
    order, figures = track.folder / "order.json", track.folder / "figures.json"
    content = {
        "mode": contestant.modes[case],
        "run_id": str(uuid4()),
        "organization_id": ORGANIZATION,
        "hubspot_url": portal.url,
        "token": portal.token,
        "properties": portal.properties,
        "database_url": track.database_url,
        "folder": str(track.folder),
        "figures": str(figures),
        "batches": str(track.prepared.folder) if track.prepared else None,
    }
    order.write_text(json.dumps(content))
    figures.unlink(missing_ok=True)
    environment = child_environment(track.folder / "airflow", portal.url, portal.token, track.database_url)
    program = ManagedProcess(
        name=f"{contestant.name}, {case}",
        command=[*contestant.command, order],
        log=track.folder / f"{case}.log",
        env=environment | dict(contestant.environment),
        cwd=track.folder,
    )
    with program:
        program.wait_success(timeout_s=TIMEOUT_S)
    measured: dict[str, Any] = json.loads(figures.read_text())
    return measured
