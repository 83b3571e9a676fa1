"""The command: which layer to run, what is printed, and the figures that ``--json`` keeps."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import airflow_provider_hubspot_deals
from local_stack.exceptions import StackError
from local_stack.simulation import harms
from local_stack.simulation.seeds import Verdict, play_all, template_database
from local_stack.throwaway import throwaway_server


def main(arguments: list[str]) -> int:
    """0 when every invariant held, and every planned fault fired."""
    options = parse(arguments)
    started = time.monotonic()
    figures: dict[str, Any] = {}
    try:
        is_right = _run(options, figures)
    except StackError as error:
        say(f"cannot begin: {error}")
        return 2
    figures |= {"passed": is_right, "seconds": round(time.monotonic() - started, 1)}
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if is_right else 1


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="./run simulate", description=__doc__, allow_abbrev=False)
    parser.add_argument("--seeds", type=int, metavar="N", help="this many scenarios in one process (default: 25)")
    parser.add_argument("--seed", type=int, metavar="K", help="only this one; the first one with --seeds or --bugs")
    parser.add_argument("--processes", action="store_true", help="the seeds with real worker processes")
    parser.add_argument("--matrix", action="store_true", help="real processes, hit at each kill point in every way")
    parser.add_argument("--only", metavar="TEXT", default="", help="with --matrix: cases whose name contains this")
    parser.add_argument("--every", type=int, metavar="N", default=1, help="with --matrix: every N-th case alone")
    parser.add_argument("--part", metavar="K/N", type=_part, default=(1, 1), help="with --matrix: the K-th of N parts")
    parser.add_argument("--bugs", action="store_true", help="plant each known bug; each must be caught")
    parser.add_argument("--bug", metavar="NAME", nargs="+", help="only these bugs")
    processes = "processes (default: one a core; one more with --processes and --matrix, which wait now and then)"
    parser.add_argument("--workers", type=int, metavar="N", help=processes)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--until-caught", action="store_true", help="stop at the first failure")
    parser.add_argument("--before", type=int, help=argparse.SUPPRESS)  # a seed to play before the others
    parser.add_argument("--template", help=argparse.SUPPRESS)  # a prepared database on the server of DATABASE_URL
    parser.add_argument("--package", type=Path, help=argparse.SUPPRESS)  # where the provider must come from
    options = parser.parse_args(arguments)
    options.first = options.seed if options.seed is not None else 1
    options.count = options.seeds or (25 if options.seed is None else 1)
    options.workers = options.workers or (os.cpu_count() or 1) + (options.processes or options.matrix)
    if not (options.bugs or options.bug or options.matrix):
        options.workers = min(options.workers, options.count)
    return options


def _part(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r} is none; the second of four parts is 2/4")
    return int(part), int(parts)


def _run(options: argparse.Namespace, figures: dict[str, Any]) -> bool:
    if options.package and options.package != Path(airflow_provider_hubspot_deals.__file__).parent:
        raise StackError(f"the provider comes from {airflow_provider_hubspot_deals.__file__}")
    if options.bugs or options.bug:
        from local_stack.simulation.bugs import hunt

        return hunt(options, figures, say)
    if options.processes:
        from local_stack.simulation.processes import play_processes

        return play_processes(options, figures, say)
    if options.matrix:
        from local_stack.simulation.matrix import play_matrix

        return play_matrix(options, figures, say)
    return _play_seeds(options, figures)


def _play_seeds(options: argparse.Namespace, figures: dict[str, Any]) -> bool:
    seeds = [] if options.before is None else [options.before]
    seeds += range(options.first, options.first + options.count)
    tally: Counter[str] = Counter()
    failed: dict[int, str] = {}
    with throwaway_server() as server, _template(options, server) as template:
        for verdict in play_all(server, template, seeds, workers=options.workers):
            tally.update(verdict.tally)
            tally["seeds"] += 1
            if verdict.problem:
                failed[verdict.seed] = verdict.problem
                _tell(verdict)
                if options.until_caught:
                    break
    tally, blows = in_parts(tally)
    figures |= {"failed_seeds": [*failed], "problems": [_in_short(problem) for problem in failed.values()]}
    figures |= {"harms": harms.counted(failed.values()), "tally": dict(sorted(tally.items()))}
    figures |= {"blows": dict(sorted(blows.items()))}
    said = ", ".join(f"{number:,} {name}" for name, number in sorted(tally.items()))
    say(f"{said}; {len(failed)} of {tally['seeds']} seeds failed")
    say(f"of these: {harms.sentence(failed.values())}")
    if blows:
        say(f"blows fell in {len(blows)} ways (kind and kill point), each {min(blows.values())} times or more")
    return not failed


def in_parts(tally: Counter[str]) -> tuple[Counter[str], Counter[str]]:
    """The counts with blows by kind, and the blows by kind and kill point."""
    rest, blows = Counter[str](), Counter[str]()
    for name, number in tally.items():
        kind, _, point = name.partition(" at ")
        if point:
            blows[name] += number
        rest[f"blows: {kind}" if point else name] += number
    return rest, +blows


def _template(options: argparse.Namespace, server: Any) -> Any:  # noqa: ANN401 - a context manager either way
    from contextlib import nullcontext

    return nullcontext(options.template) if options.template else template_database(server)


def _in_short(problem: str) -> str:
    """What broke, without the rows."""
    lines = [line.strip() for line in problem.splitlines() if line.strip()]
    return lines[-1] if problem.startswith("Traceback") else " ".join(lines[:2])


def _tell(verdict: Verdict) -> None:
    say(f"seed {verdict.seed} FAILED: {verdict.problem}\n  the plan:\n{verdict.plan}")
    say(f"  again: ./run simulate --seed {verdict.seed}")


def say(text: str) -> None:
    """To stdout at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
