"""`./run bench pipeline`: how fast deals get from HubSpot's pages into tables: ours, the peers and the floor."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.pipeline.contestants import FLOOR, OURS
from benchmarks.pipeline.peers import PEERS
from benchmarks.pipeline.postgres import load_server
from benchmarks.pipeline.rounds import Lab


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of this sub-command."""
    parser.add_argument("--n", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], metavar="N", help="deals")
    parser.add_argument("--latency-ms", type=float, nargs="+", default=[0, 100], metavar="MS", help="of each answer")
    parser.add_argument("--peers", nargs="*", choices=[*PEERS], default=[*PEERS], help="default: all of them")
    parser.add_argument("--runs", type=int, default=3, help="the figures are medians of so many (default: 3)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything; gives the figures for `--json`."""
    contestants = [OURS, FLOOR, *(PEERS[name] for name in options.peers)]
    for name in options.peers:
        PEERS[name].prepare()
    with tempfile.TemporaryDirectory(prefix="hubspot-deals-bench-") as folder, load_server() as server:
        lab = Lab(server, contestants, options.latency_ms, Path(folder))
        measured = [asdict(each) for deals in sorted(options.n) for each in lab.measure(deals, options.runs)]
        return {"postgres": server.version, "measurements": measured, "left_out": lab.failures}


def show(figures: dict[str, Any]) -> None:
    """."""
