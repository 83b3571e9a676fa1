"""The command behind `./run demo`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from local_stack.demo.loading import load_deals
from local_stack.demo.narrator import Narrator
from local_stack.demo.stack import ROOT, DemoStack
from local_stack.demo.visiting import MAINTENANCE_DAG_ID, visiting_card
from local_stack.exceptions import StackError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from local_stack.demo.report import OrganizationResult

WATCH_INTERVAL_S = 1.0
EXIT_INTERRUPTED = 130
PORT_MAX = 65_535


def main(arguments: Sequence[str]) -> int:
    """Bring everything up, load, report; stay until Ctrl-C unless `--once`."""
    options = parse(arguments)
    narrator = Narrator()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the first is ignored where a shell began us with &
        signal.signal(number, interrupt)
    try:
        return play(options, narrator)
    except StackError as error:
        narrator.warn(f"✗ {error}")
        return 1
    except KeyboardInterrupt:
        narrator.say("interrupted; nothing is left running")
        return EXIT_INTERRUPTED


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="./run demo", description="The whole path on this machine, to watch.")
    parser.add_argument("--once", action="store_true", help="leave when the deals are loaded; 0 when all is well")
    parser.add_argument("--fresh", action="store_true", help="forget earlier runs")
    parser.add_argument(
        "--port", type=port_number, default=8080, help="of the Airflow UI; 0 picks a free one (default: 8080)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    where = "where databases, state and logs live (default: .demo)"
    parser.add_argument("--directory", type=Path, default=ROOT / ".demo", metavar="DIR", help=where)
    return parser.parse_args(arguments)


def port_number(text: str) -> int:
    """A TCP port, or 0."""
    if not text.isdecimal() or int(text) > PORT_MAX:
        msg = f"must be a number from 0 to {PORT_MAX}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """Ctrl-C, SIGTERM and a closed terminal end the demo: everything is stopped first."""
    raise KeyboardInterrupt


def play(options: argparse.Namespace, narrator: Narrator) -> int:
    """The demo itself."""
    stack = DemoStack(options.directory.resolve(), port=options.port, fresh=options.fresh, narrator=narrator)
    with stack:
        results = load_deals(stack, narrator)
        succeeded = all(result.is_good for result in results)
        narrator.say(f"{'Done' if succeeded else 'Not well'} after {narrator.elapsed_s():.0f} s")
        if options.json:
            write_figures(options.json, narrator, results, succeeded=succeeded)
        if not options.once:
            stack.airflow.unpause(MAINTENANCE_DAG_ID)
            watch(stack, narrator)
        with narrator.step("Stopping"):
            stack.stop()
    return 0 if succeeded else 1


def watch(stack: DemoStack, narrator: Narrator) -> None:
    """Say where to look, and stay until Ctrl-C, which may come as soon as the first word is seen.

    Raises:
        StackError: a part of the stack ended by itself.
    """
    try:
        narrator.quote(visiting_card(stack))
        while not (gone := stack.died()):
            time.sleep(WATCH_INTERVAL_S)
    except KeyboardInterrupt:
        return
    msg = f"{', '.join(gone)} ended by itself; see {stack.logs}"
    raise StackError(msg)


def write_figures(path: Path, narrator: Narrator, results: Sequence[OrganizationResult], *, succeeded: bool) -> None:
    """What `--json` promises."""
    figures = {
        "succeeded": succeeded,
        "seconds": narrator.elapsed_s(),
        "steps": narrator.seconds,
        "organizations": [result.figures() for result in results],
    }
    path.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
