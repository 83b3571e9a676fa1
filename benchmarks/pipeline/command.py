"""`./run bench pipeline`: how fast deals get from HubSpot's pages into tables: ours, the peers and the floor."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.pipeline import charts, kept, results
from benchmarks.pipeline.contestants import FLOOR, OURS, Contestant
from benchmarks.pipeline.figures import figures_of
from benchmarks.pipeline.peers import PEERS, PeerMissingError
from benchmarks.pipeline.postgres import load_server
from benchmarks.pipeline.rounds import Lab
from benchmarks.report import machine, say

FOLDER = Path(__file__).parents[1]
TITLES = {each.name: each.title for each in (OURS, FLOOR, *PEERS.values())}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of this sub-command."""
    parser.add_argument(
        "--n", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], metavar="N", help="deals of the portal"
    )
    parser.add_argument(
        "--latency-ms", type=float, nargs="+", default=[0, 100], metavar="MS", help="of each answer (default: 0 100)"
    )
    parser.add_argument("--peers", nargs="*", choices=[*PEERS], default=[*PEERS], help="default: all of them")
    parser.add_argument("--runs", type=int, default=3, help="figures are medians of so many (default: 3)")
    parser.add_argument(
        "--measured",
        type=Path,
        metavar="FILE",
        help="add each run to this file and count those that are in it already: hours of runs can be made in parts; "
        "notes on them, bullets in the file of the same name with the suffix .md, go into the page",
    )
    parser.add_argument(
        "--results", type=Path, default=FOLDER, metavar="FOLDER", help="for results.md and charts (default: benchmarks)"
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything; gives the figures for `--json`."""
    here, page = machine(), options.results / "results.md"
    left_out: dict[str, str] = {}
    peers = available(options.peers, left_out)
    with tempfile.TemporaryDirectory(prefix="hubspot-deals-bench-") as folder, load_server() as server:
        lab = Lab(server, [OURS, FLOOR, *peers], options.latency_ms, Path(folder), left_out)
        new = (each for deals in sorted(options.n) for each in lab.measure(deals, options.runs))
        measurements = list(new) if options.measured is None else kept.with_earlier(options.measured, new)
        peers = [peer for name, peer in PEERS.items() if any(each.contestant == name for each in measurements)]
        facts = {"machine": here, "postgres": server.version, "versions": versions(peers), "left_out": left_out}
    facts["notes"] = kept.notes_on(options.measured, page) if options.measured else ""
    figures = figures_of(measurements)
    text = results.page(figures, facts, TITLES)
    page.write_text(text)
    charts.draw(figures, options.results, TITLES)
    return {
        **facts,
        "figures": [asdict(each) for each in figures],
        "measurements": [asdict(each) for each in measurements],
        "page": text,
    }


def available(names: Sequence[str], left_out: dict[str, str]) -> list[Contestant]:
    """The peers that can run here; why the others cannot is noted."""
    found: list[Contestant] = []
    for name in names:
        try:
            PEERS[name].prepare()
        except PeerMissingError as error:
            left_out[name] = str(error)
            say(f"left out: {error}")
        else:
            found.append(PEERS[name])
    return found


def versions(peers: Sequence[Contestant]) -> dict[str, str]:
    """Contestant → packages with their versions."""
    airflow = version("apache-airflow")
    ours = f"{version('airflow-provider-hubspot-deals')}, Airflow {airflow}, Python {platform.python_version()}"
    return {OURS.title: ours} | {PEERS[each.name].title: PEERS[each.name].versions() for each in peers}


def show(figures: dict[str, Any]) -> None:
    """The page."""
    sys.stdout.write(figures.pop("page"))
