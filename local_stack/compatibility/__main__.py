"""The command behind `./run compatibility`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from local_stack.compatibility.combination import ROOT, Combination, declared
from local_stack.compatibility.table import record
from local_stack.compatibility.trial import Outcome, try_out
from local_stack.exceptions import StackError

COMMAND = "./run compatibility"
PAGE = ROOT / "docs" / "compatibility.md"


def main(words: Sequence[str]) -> int:
    """Try each combination; 0 when every test passed in all of them."""
    options, arguments = parse(words)
    outcomes = []
    broken = False
    for combination in wanted(options):
        try:
            outcomes.append(tried(combination, options, arguments))
        except StackError as error:
            broken = True
            say(str(error))
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in outcomes], indent=2) + "\n")
    return 1 if broken or any(each.failed for each in outcomes) else 0


def parse(words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Our own arguments, and those for pytest."""
    parser = argparse.ArgumentParser(
        prog=COMMAND, description="The tests of all that meets Airflow, against the wheel in other environments."
    )
    parser.add_argument("--airflow", metavar="VERSION", help="not the lowest and the newest, but this one")
    parser.add_argument(
        "--python", metavar="VERSION|PATH", help="with --airflow: which Python; the lowest if not given"
    )
    parser.add_argument("--interpreter", metavar="PATH", help="where that Python is, if uv cannot find it")
    parser.add_argument("--lowest", action="store_true", help="with --airflow: the lowest of our other dependencies")
    parser.add_argument("--record", action="store_true", help=f"write the outcome into docs/{PAGE.name}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcomes there")
    return parser.parse_known_args(words)


def wanted(options: argparse.Namespace) -> tuple[Combination, ...]:
    """What was asked for: the ends of what pyproject.toml declares, unless an Airflow is named."""
    if not options.airflow:
        return declared()
    python = options.python or declared()[0].python
    return (Combination(airflow=options.airflow, python=python, lowest=options.lowest),)


def tried(combination: Combination, options: argparse.Namespace, arguments: list[str]) -> Outcome:
    """Try one, in a folder that is gone afterwards."""
    say(f"{combination.name}: installing")
    with tempfile.TemporaryDirectory(prefix="hubspot-deals-compatibility-", ignore_cleanup_errors=True) as folder:
        outcome = try_out(combination, Path(folder), python=options.interpreter, arguments=arguments)
    constraints = "with Airflow's constraints" if outcome.constrained else "Airflow's constraints could not be reached"
    say(
        f"Airflow {outcome.airflow}, Python {outcome.python}, PostgreSQL {outcome.postgres} ({constraints}): "
        f"{outcome.passed} passed, {outcome.failed} failed, {outcome.skipped} skipped in {outcome.seconds:.0f} s"
    )
    for name in outcome.failures:
        say(f"  failed: {name}")
    for name_and_reason in outcome.skips:
        say(f"  skipped: {name_and_reason}")
    if options.record:
        record(PAGE, outcome, datetime.now(UTC).date().isoformat())
    return outcome


def say(text: str) -> None:
    """To stdout at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
