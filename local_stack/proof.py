"""`./run prove`: every proof of docs/reliability.md, one after the other; hours of them."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARSERS = "parsing or values or raw_json or recoverable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A command that ends with status 1 when anything is wrong.

    Attributes:
        words: after the interpreter.
        variables: of its environment, beside ours.
    """

    name: str
    words: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What came of it."""

    name: str
    passed: bool
    seconds: float


def proofs(*, seeds: int, minutes: float, mutants: int) -> Iterator[Proof]:
    """All of them, in the order of the page.

    Args:
        seeds: scenarios of the fast layer; a twentieth of them with worker processes, a tenth in a real Airflow.
        minutes: of the soak.
        mutants: of the write path, drawn anew each time; those of value parsing are all tried.
    """
    simulate, test = ("-m", "local_stack.simulation"), ("-m", "local_stack.checks")
    sequences = {"AIRFLOW_SEQUENCES": str(max(2, seeds // 10))}
    yield Proof(name="matrix", words=(*simulate, "--matrix"))
    yield Proof(name="seeds", words=(*simulate, "--seeds", str(seeds)))
    yield Proof(name="processes", words=(*simulate, "--processes", "--seeds", str(max(1, seeds // 20))))
    yield Proof(name="bugs", words=(*simulate, "--bugs"))
    yield Proof(name="sequences", words=(*test, "acceptance", "-k", "random_sequences"), variables=sequences)
    yield Proof(name="soak", words=("-m", "local_stack.soak", "--minutes", str(minutes)))
    yield Proof(name="values", words=(*test, "integration", "-k", "bad_value", "--thorough"))
    yield Proof(name="parsers", words=(*test, "unit", "-k", PARSERS, "--thorough"))
    yield Proof(name="secrets", words=(*test, "integration", "-k", "secret"))
    yield Proof(name="mutants of values", words=("-m", "tests.mutation", "value_parsing"))
    sample = ("--sample", str(mutants))
    yield Proof(name="mutants of the write path", words=("-m", "tests.mutation", "write_path", *sample))


def main(arguments: Sequence[str]) -> int:
    """0 when all that was asked for holds. All of it is run, whatever fails."""
    options = parse(arguments)
    chosen = proofs(seeds=options.seeds, minutes=options.minutes, mutants=options.mutants)
    proven = [prove(each) for each in chosen if not options.only or each.name in options.only]
    for each in proven:
        say(f"{each.name:28} {'holds' if each.passed else 'FAILED':8} {each.seconds:8,.0f} s")
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in proven], indent=2) + "\n")
    return 0 if proven and all(each.passed for each in proven) else 1


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    names = [each.name for each in proofs(seeds=1, minutes=1, mutants=1)]
    parser = argparse.ArgumentParser(prog="./run prove", description="Every proof of docs/reliability.md, in hours.")
    parser.add_argument("--seeds", type=int, default=500, help="scenarios of the fast layer (default: 500)")
    parser.add_argument("--minutes", type=float, default=60, help="of the soak (default: 60)")
    parser.add_argument("--mutants", type=int, default=150, help="a sample of the write path's (default: 150)")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"only these: {', '.join(names)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the verdicts there")
    return parser.parse_args(arguments)


def prove(proof: Proof) -> Proven:
    """Run one; what it prints is seen as it comes."""
    say(f"== {proof.name}: {' '.join(proof.words)}")
    started = time.monotonic()
    status = subprocess.call(  # noqa: S603 - our own modules
        [sys.executable, *proof.words], cwd=ROOT, env={**os.environ, **proof.variables}
    )
    return Proven(name=proof.name, passed=status == 0, seconds=round(time.monotonic() - started, 1))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
