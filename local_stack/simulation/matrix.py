"""The matrix: which cases are played, by how many processes, and what is said of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local_stack.simulation.cases import Case, matrix
from local_stack.simulation.play import Play
from local_stack.simulation.recovery import Cost, figures_of, lines_of
from local_stack.tether import tie_to_parent

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence


@dataclass
class Played:
    """What became of some cases.

    Attributes:
        felt: how often each fault of HubSpot's changed an answer.
    """

    failed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    felt: Counter[str] = field(default_factory=Counter)

    def add(self, other: Played) -> None:
        """Take in what another process has played."""
        self.failed += other.failed
        self.problems += other.problems
        self.costs += other.costs
        for name, number in other.felt.items():
            self.felt[name] += number  # unlike update, keeps those that are 0
        self.tally.update(other.tally)


def play_matrix(options: argparse.Namespace, figures: dict[str, Any], say: Callable[[str], None]) -> bool:
    """Whether every case of the matrix, or of the part that is wanted, went well."""
    cases = chosen(options)
    played = Played()
    for part in _played_by(min(options.workers, len(cases)), cases):
        played.add(part)
        for problem in part.problems:
            say(problem)
    # Some are felt in few cases: a replica is seldom behind where search is not.
    is_whole = len(cases) == len(matrix())
    unfelt = sorted(fault for fault, times in played.felt.items() if is_whole and not times)
    figures |= {"cases": len(cases), "failed_cases": played.failed, "unfelt_faults": unfelt}
    figures |= {"tally": dict(sorted(played.tally.items())), **figures_of(played.costs)}
    say("\n".join(["what a blow cost:", *lines_of(played.costs)]))
    said = ", ".join(f"{number:,} {name}" for name, number in sorted(played.tally.items()))
    say(f"{len(cases)} of {len(matrix())} cases ({said}); {len(played.failed)} failed")
    if unfelt:
        say(f"planned, and never felt: {', '.join(unfelt)}")
    return bool(cases) and not played.failed and not unfelt


def chosen(options: argparse.Namespace) -> list[Case]:
    """The cases that the command line wants; the parts of one number are all of them together."""
    part, parts = options.part
    return [case for case in matrix() if options.only in str(case)][:: options.every][part - 1 :: parts]


def play_cases(cases: Sequence[Case]) -> Played:
    """One after the other, over a PostgreSQL and a HubSpot of their own."""
    played = Played()
    with Play() as play:
        for case in cases:
            try:
                play.case(case)
            except Exception as error:  # noqa: BLE001 - whatever goes wrong, the other cases are played
                played.failed.append(str(case))
                again = f"again: ./run simulate --matrix --only {case}"
                played.problems.append(f"{case} FAILED: {type(error).__name__}: {error}\n  {again}")
            played.tally[case.blow] += 1
        played.tally.update(play.tally)
        played.costs, played.felt = play.costs, play.felt
    return played


def _played_by(processes: int, cases: Sequence[Case]) -> Iterable[Played]:
    if processes <= 1:
        return map(play_cases, [cases])
    spawn, tied = multiprocessing.get_context("spawn"), (os.getpid(), int(signal.SIGTERM))  # nobody outlives us
    with ProcessPoolExecutor(processes, mp_context=spawn, initializer=tie_to_parent, initargs=tied) as pool:
        return list(pool.map(play_cases, [cases[number::processes] for number in range(processes)]))
