"""The matrix: which cases are played, by how many processes, and what is said of them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local_stack.simulation import harms
from local_stack.simulation.cases import Case, matrix
from local_stack.simulation.played import Played
from local_stack.simulation.recovery import figures_of, lines_of
from local_stack.simulation.side_by_side import play_all

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from local_stack.simulation.play import Play


@dataclass(frozen=True, slots=True)
class CaseAlone:
    """As a part of what is played."""

    case: Case

    def __str__(self) -> str:
        return str(self.case)

    @property
    def again(self) -> str:
        """The command."""
        return f"again: ./run simulate --matrix --only {self.case}"

    def play(self, play: Play) -> None:
        """See ``Play.case``."""
        play.played.tally[self.case.blow] += 1
        play.case(self.case)


def play_matrix(options: argparse.Namespace, figures: dict[str, Any], say: Callable[[str], None]) -> bool:
    """Whether every case of the matrix, or of the part that is wanted, went well."""
    cases = chosen(options)
    played = Played()
    with closing(play_all([CaseAlone(case) for case in cases], processes=options.workers)) as parts:
        for part in parts:
            played.add(part)
            for problem in part.problems:
                say(problem)
    # Some are felt in few cases: a replica is seldom behind where search is not.
    is_whole = len(cases) == len(matrix())
    unfelt = sorted(fault for fault, times in played.felt.items() if is_whole and not times)
    figures |= {"cases": len(cases), "failed_cases": played.failed, "unfelt_faults": unfelt}
    figures |= {"harms": harms.counted(played.problems)}
    figures |= {"tally": dict(sorted(played.tally.items())), **figures_of(played.costs)}
    say("\n".join(["what a blow cost:", *lines_of(played.costs)]))
    said = ", ".join(f"{number:,} {name}" for name, number in sorted(played.tally.items()))
    say(f"{len(cases)} of {len(matrix())} cases ({said}); {len(played.failed)} failed")
    say(f"of these: {harms.sentence(played.problems)}")
    if unfelt:
        say(f"planned, and never felt: {', '.join(unfelt)}")
    return bool(cases) and not played.failed and not unfelt


def chosen(options: argparse.Namespace) -> list[Case]:
    """The cases that the command line wants; the parts of one number are all of them together."""
    part, parts = options.part
    return [case for case in matrix() if options.only in str(case)][:: options.every][part - 1 :: parts]
