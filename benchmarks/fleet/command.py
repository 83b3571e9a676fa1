"""`./run bench fleet`: what a real Airflow takes for a fleet of organizations: DAG files, task starts, CPU, memory."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.fleet import entries, results, standing, task_starts
from benchmarks.fleet.stack import FleetStack
from benchmarks.report import machine, say
from benchmarks.server import BenchServer, bench_server

FOLDER = Path(__file__).parents[1]
DEALS = 20
PARALLELISM = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of this sub-command."""
    parser.add_argument("--organizations", type=int, nargs="+", default=[100, 1000], metavar="N")
    parser.add_argument("--per-file", type=int, default=250, metavar="N", help="organizations of a DAG file (250)")
    parser.add_argument("--starts", type=int, default=8, metavar="N", help="runs of one organization, timed (8)")
    parser.add_argument("--minutes", type=float, default=3.0, metavar="M", help="of each observation (3)")
    parser.add_argument(
        "--reparse-s",
        type=int,
        nargs="+",
        default=[30, 300],
        metavar="S",
        help="[dag_processor] min_file_process_interval, each observed without runs; with the last also with runs",
    )
    parser.add_argument("--results", type=Path, default=FOLDER, metavar="FOLDER", help="for fleet.md (benchmarks)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure every size; gives the figures for `--json`."""
    facts = {"machine": machine(), "versions": versions()}
    sizes = {}
    for organizations in sorted(options.organizations):
        with tempfile.TemporaryDirectory(prefix="hubspot-deals-fleet-") as folder, bench_server() as server:
            sizes[organizations] = measured(organizations, options, server, Path(folder))
    text = results.page({**facts, "sizes": sizes})
    (options.results / "fleet.md").write_text(text)
    return {**facts, "sizes": {str(size): figures for size, figures in sizes.items()}, "page": text}


def measured(organizations: int, options: argparse.Namespace, server: BenchServer, folder: Path) -> dict[str, Any]:
    """One fleet from its first start on."""
    files = entries.write(folder, organizations, per_file=options.per_file, deals=DEALS, schedule="@hourly")
    say(f"{organizations} organizations: starting Airflow")
    with FleetStack(files, server, folder, {"AIRFLOW__CORE__PARALLELISM": str(PARALLELISM)}) as stack:
        stored_s = stack.start_dag_processor()
        say(f"{organizations} DAGs stored after {stored_s:.1f} s; timing {options.starts} runs")
        stack.metadata.pretend_that_all_ran()
        starts = timed_starts(stack, options.starts)
        say(f"triggered to began: {task_starts.summary(starts)['began']} s; observing")
        windows = {reparse: observed(stack, reparse, options.minutes) for reparse in options.reparse_s}
        say("the same with the fleet's runs")
        stack.metadata.pretend_that_all_ran()
        stack.metadata.set_paused(paused=False)
        hourly = standing.observe(stack, options.minutes * 60)
        stack.metadata.set_paused(paused=True)
        return {
            "dag_files": stack.metadata.parsed(),
            "serialized_characters": stack.metadata.serialized_characters(),
            "stored_s": round(stored_s, 1),
            "starts": [asdict(each) for each in starts],
            "start": task_starts.summary(starts),
            "standing": {str(reparse): asdict(window) for reparse, window in windows.items()},
            "hourly": asdict(hourly),
            "hour": standing.hour_of(windows[options.reparse_s[-1]], hourly, organizations),
        }


def timed_starts(stack: FleetStack, runs: int) -> list[task_starts.TaskStart]:
    """Of one organization, by hand; the others are paused."""
    dag_id = stack.organizations[0].dag_id
    stack.airflow.unpause(dag_id)
    try:
        return task_starts.measure(stack, dag_id, runs)
    finally:
        stack.metadata.set_paused(paused=True)


def observed(stack: FleetStack, reparse_s: int, minutes: float) -> standing.Window:
    """All paused, with so many seconds between two parses of a DAG file, after the first."""
    stack.restart_dag_processor(reparse_s)
    return standing.observe(stack, minutes * 60)


def versions() -> str:
    """Of what was measured."""
    ours, airflow = version("airflow-provider-hubspot-deals"), version("apache-airflow")
    return f"this provider {ours}, Airflow {airflow}, Python {platform.python_version()}"


def show(figures: dict[str, Any]) -> None:
    """The page."""
    sys.stdout.write(figures.pop("page"))
