"""The command behind `./run bench`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import filters, partitions
from benchmarks.fleet import celery_command as celery
from benchmarks.fleet import command as fleet
from benchmarks.pipeline import command as pipeline
from benchmarks.pipeline.contestants import OURS
from benchmarks.report import machine, write_figures

EXIT_TERMINATED = 143
DEFAULT, HELP = "pipeline", ("-h", "--help")
COMMANDS = {"pipeline": pipeline, "partitions": partitions, "filters": filters, "fleet": fleet, "celery": celery}


def main(arguments: Sequence[str]) -> int:
    """Measure, print tables, write the figures; 1 when ours did not load what it should."""
    options = parse(arguments if arguments and arguments[0] in (*COMMANDS, *HELP) else [DEFAULT, *arguments])
    figures = {"machine": machine(), **options.command.run(options)}
    options.command.show(figures)
    if options.json:
        write_figures(options.json, figures)
    return 1 if OURS.name in figures.get("left_out", ()) else 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="./run bench", description="Measure, on a PostgreSQL server of its own.")
    commands = parser.add_subparsers(required=True, metavar="|".join(COMMANDS))
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, description=module.__doc__, help=(module.__doc__ or "").partition(": ")[2])
        command.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
        module.add_arguments(command)
        command.set_defaults(command=module)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))  # the server is stopped and removed
    sys.exit(main(sys.argv[1:]))
