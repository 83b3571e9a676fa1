"""`./run bench partitions`: what a growing number of organizations, each with a table of its own, costs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from statistics import median
from typing import Any

import psycopg

from airflow_provider_hubspot_deals import migrations
from benchmarks import organizations
from benchmarks.cases import KNOWN, Subject, cases
from benchmarks.measuring import Case, Figure, at_setting, measure
from benchmarks.readers import make_readers
from benchmarks.report import machine, say, table
from benchmarks.server import MAX_LOCKS, BenchServer, bench_server

SETTINGS_TRIED = (128, 256, 512, 1024, 2048, 4096)
SETTINGS_SHARED = (64, 256, 1024)
SESSIONS_MAX = 8  # each may take hundreds of MB
GROWTH_TIMED = 20  # the last organizations of each size, committed
TOUCH_ALL = "SELECT count(*) FROM hubspot.hubspot_deals"
MEMORY = "SELECT round(sum(total_bytes) / 1024.0 / 1024.0, 1)::float8 FROM pg_backend_memory_contexts"
RELATIONS = "SELECT count(*) FROM pg_class"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of this sub-command."""
    parser.add_argument("--organizations", type=int, nargs="+", default=[10, 100, 1000, 5000], metavar="N")
    parser.add_argument("--repetitions", type=int, default=20, help="of each statement (default: 20)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Grow one database from size to size and measure at each; gives the figures for `--json`."""
    with bench_server() as server:
        migrations.upgrade(server.owner_url)
        sizes = sorted(options.organizations)
        measured, readers = {}, None
        for size, smaller in zip(sizes, [0, *sizes], strict=False):
            growth = grow(server, smaller, size)
            subject = a_subject(server)
            readers = readers or make_readers(server, subject.id)
            say(f"{size} organizations made in {growth['seconds']} s; measuring")
            todo = {case.name: case for case in cases(server, subject, readers, size)}
            measured[str(size)] = {"growth": growth, **measure_all(server, todo, options.repetitions), **machine()}
    return {"sizes": measured}


def grow(server: BenchServer, smaller: int, size: int) -> dict[str, float]:
    """Make the organizations up to ``size``; gives what the last of them cost, in ms."""
    started, times = time.perf_counter(), []
    with server.connect() as connection:
        for number in range(smaller + 1, size + 1):
            began = time.perf_counter()
            job = organizations.claim(connection, number, "first")
            times.append((time.perf_counter() - began) * 1_000)
            organizations.fill(connection, job)
    last = sorted(times[-GROWTH_TIMED:])
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "median_ms": round(median(last), 2),
        "max_ms": round(last[-1], 2),
    }


def measure_all(server: BenchServer, todo: dict[str, Case], repetitions: int) -> dict[str, Any]:
    """Every statement at default settings, then those that failed with a larger lock table, then the rest."""
    figures = {name: measure(case, repetitions) for name, case in todo.items()}
    figures |= dict(with_more_locks(server, todo, figures, repetitions))
    return {
        "statements": {name: {"title": todo[name].title, **asdict(figures[name])} for name in todo},
        "at_once": {str(setting): sessions_at_once(server, setting) for setting in SETTINGS_SHARED},
        "catalog": catalog(server),
        "recovery": recovery(server),
    }


def a_subject(server: BenchServer) -> Subject:
    """The organization that the statements are about, with an active job."""
    with server.connect() as connection:
        job = organizations.claim(connection, KNOWN, "active")
    return Subject(id=job.organization_id, leaf=job.leaf, job=job.id, active_job=job.id)


def with_more_locks(
    server: BenchServer, todo: dict[str, Case], figures: dict[str, Figure], repetitions: int
) -> Iterator[tuple[str, Figure]]:
    """What did not run, measured again at the first setting at which it does."""
    failed = {name for name, figure in figures.items() if figure.error}
    for setting in SETTINGS_TRIED:
        if not failed:
            break
        server.restart(**{MAX_LOCKS: str(setting)})
        for name in sorted(failed):
            figure = measure(todo[name], repetitions)
            if not figure.error:
                failed.discard(name)
                yield name, at_setting(figure, setting, figures[name].error)
    server.restart()


def sessions_at_once(server: BenchServer, setting: int) -> int:
    """How many sessions can have read every organization in transactions that are open at the same time."""
    server.restart(**{MAX_LOCKS: str(setting)})
    with ExitStack() as sessions:
        for opened in range(SESSIONS_MAX):
            connection = sessions.enter_context(server.connect())
            sessions.enter_context(connection.transaction(force_rollback=True))
            try:
                connection.execute(TOUCH_ALL)
            except psycopg.errors.OutOfMemory:
                return opened
    return SESSIONS_MAX


def catalog(server: BenchServer) -> dict[str, float]:
    """Relations, files, and the memory of one session before and after it has touched every leaf."""
    server.restart(**{MAX_LOCKS: str(SETTINGS_TRIED[-1])})
    with server.connect(server.superuser_url) as connection:
        fresh = number(connection.execute(MEMORY).fetchone())
        connection.execute(TOUCH_ALL)
        touched = number(connection.execute(MEMORY).fetchone())
        relations = number(connection.execute(RELATIONS).fetchone())
    return {
        "relations": int(relations),
        "files": server.files(),
        "session_mb": fresh,
        "session_that_touched_all_mb": touched,
    }


def recovery(server: BenchServer) -> dict[str, float]:
    """Seconds from a killed server to the next connection, by the way in which it makes its files safe."""
    found = {}
    for method in ("fsync", "syncfs"):
        with server.connect() as connection:
            connection.execute("UPDATE hubspot.organizations SET name = %s", [method])  # something to recover
        seconds = server.crash_and_recover(recovery_init_sync_method=method)
        found[f"{method}_s"] = round(seconds, 1)
    server.restart()
    return found


def number(row: Sequence[Any] | None) -> float:
    """The only value of a row."""
    if row is None:
        raise LookupError("no row")
    return float(row[0])


def show(figures: dict[str, Any]) -> None:
    """The tables of docs/database.md."""
    sizes = figures["sizes"]
    titles = {name: figure["title"] for size in sizes.values() for name, figure in size["statements"].items()}
    rows = [[title, *(cell(size["statements"].get(name)) for size in sizes.values())] for name, title in titles.items()]
    table(["median ms (first ms) · locks · setting needed", *sizes], rows)
    facts = [
        ["new organization, committed (ms)", *(size["growth"]["median_ms"] for size in sizes.values())],
        *facts_of(sizes, "catalog", "{}"),
        *facts_of(sizes, "recovery", "recovery, {}"),
        *facts_of(
            sizes, "at_once", f"sessions of {SESSIONS_MAX} that read every organization at once, {MAX_LOCKS} {{}}"
        ),
    ]
    table(["", *sizes], facts)


def facts_of(sizes: dict[str, Any], group: str, title: str) -> Iterator[list[object]]:
    """One row for each figure of a group."""
    (first, *_) = sizes.values()
    for name in first[group]:
        yield [title.format(name), *(size[group][name] for size in sizes.values())]


def cell(figure: dict[str, Any] | None) -> str:
    """One statement at one size."""
    if figure is None or figure["median_ms"] is None:
        return "fails" if figure else ""
    locks = "" if figure["locks"] is None else f" · {figure['locks']}"
    needs = f" · **{figure['max_locks_per_transaction']}**" if figure["error"] else ""
    return f"{figure['median_ms']} ({figure['first_ms']}){locks}{needs}"
