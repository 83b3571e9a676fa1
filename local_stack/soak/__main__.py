"""The command behind `./run soak`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from local_stack.exceptions import StackError
from local_stack.soak.soaking import Soaked, prepared
from local_stack.soak.worker import PLANTS

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """0 when nothing grew, nothing was left behind and every copy is HubSpot's."""
    options = parse(arguments)
    try:
        with prepared(options.organizations, options.deals, options.plant) as soak:
            soaked = soak.run(options.minutes * 60)
    except StackError as error:
        say(str(error))
        return 1
    report(soaked)
    if options.json:
        options.json.write_text(json.dumps(figures(soaked), indent=2) + "\n")
    return 1 if soaked.complaints else 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="./run soak", description="Runs back to back; what only grows is a leak.")
    parser.add_argument("--minutes", type=float, required=True, help="how long")
    parser.add_argument("--organizations", type=int, default=100, help="default: 100")
    parser.add_argument("--deals", type=int, default=60, help="of each organization, at first (default: 60)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--plant", choices=PLANTS, help="leak this on purpose, to see that it is noticed")
    return parser.parse_args(arguments)


def report(soaked: Soaked) -> None:
    """For people."""
    runs = ", ".join(f"{count:,} {outcome}" for outcome, count in soaked.outcomes.most_common())
    say(f"{soaked.organizations} organizations, {soaked.seconds / 60:.1f} minutes: runs {runs};")
    say(f"{soaked.requests:,} requests, {sum(soaked.faults.values()):,} of them with a fault\n")
    say(f"{'':28} {'after warm-up':>14} {'at the end':>14} {'an hour':>14}")
    for trend in soaked.trends:
        verdict = "LEAK" if trend.is_leak else ""
        say(f"{trend.name:28} {trend.start:14,.2f} {trend.end:14,.2f} {trend.per_hour:+14,.2f} {verdict}")
    say("")
    say("\n".join(soaked.complaints) or "nothing grows, nothing is left behind, every copy is HubSpot's")


def figures(soaked: Soaked) -> dict[str, object]:
    """What `--json` promises."""
    return {
        "passed": not soaked.complaints,
        **vars(soaked),
        "trends": [asdict(trend) for trend in soaked.trends],
        "runs": sum(soaked.outcomes.values()),
        "complaints": soaked.complaints,
    }


def say(text: str) -> None:
    """To stdout at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
