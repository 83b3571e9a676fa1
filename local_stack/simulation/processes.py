"""Seeds with real worker processes: two organizations side by side, each over a portal of its own.

Each run of the first one is hit somewhere, while a run of the second one is under way.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from local_stack.simulation import harms
from local_stack.simulation.cases import Case, NeverReachedError, matrix
from local_stack.simulation.planned import has_happened
from local_stack.simulation.played import Played
from local_stack.simulation.recovery import figures_of, lines_of
from local_stack.simulation.side_by_side import play_all

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from local_stack.simulation.neighbours import Neighbour
    from local_stack.simulation.play import Play
    from local_stack.simulation.stage import Stage

RUNS = ("full", "incremental", "incremental", "full")
EXTRA_RUNS_MAX = 24  # until every planned blow has fallen, and every fault of HubSpot has changed an answer


@dataclass(frozen=True, slots=True)
class SeedAlone:
    """As a part of what is played.

    Attributes:
        modes: of its runs that are hit.
    """

    number: int
    modes: tuple[str, ...]

    def __str__(self) -> str:
        return f"seed {self.number}"

    @property
    def again(self) -> str:
        """The plan, and the command."""
        plan = ", ".join(map(str, drawn_cases(self.number, self.modes)))
        return f"the plan: {plan}\n  again: ./run simulate --processes --seed {self.number}"

    def play(self, play: Play) -> None:
        """From the first run to the last check."""
        play.played.tally["seeds"] += 1
        _play_seed(play, self)


def play_processes(options: argparse.Namespace, figures: dict[str, Any], say: Callable[[str], None]) -> bool:
    """Whether the copy was right after every seed."""
    seeds = [SeedAlone(number, RUNS) for number in range(options.first, options.first + options.count)]
    played = Played()
    with closing(play_all(seeds, processes=options.workers)) as parts:
        for part in parts:
            played.add(part)
            for problem in part.problems:
                say(problem)
    failed = [seed.number for seed in seeds if str(seed) in played.failed]
    figures |= {"failed_seeds": failed, "tally": dict(sorted(played.tally.items())), **figures_of(played.costs)}
    figures |= {"harms": harms.counted(played.problems)}
    say("\n".join(["what a blow cost:", *lines_of(played.costs)]))
    said = ", ".join(f"{number:,} {name}" for name, number in sorted(played.tally.items()))
    say(f"{said}; {len(failed)} of {len(seeds)} seeds failed")
    say(f"of these: {harms.sentence(played.problems)}")
    return not failed


def drawn_cases(seed: int, modes: Sequence[str]) -> list[Case]:
    """One for each run."""
    chance = Random(f"{seed}/cases")  # noqa: S311 - a scenario, not a secret
    cases = matrix()
    return [chance.choice([case for case in cases if case.mode == mode]) for mode in modes]


def _play_seed(play: Play, seed: SeedAlone) -> None:
    tally = play.played.tally
    cases = drawn_cases(seed.number, seed.modes)
    waiting = [(case, case.place.of(play.census[case.mode][case.point])) for case in cases]
    with play.stage("full", seed.number) as stage:
        for _ in range(len(seed.modes) + EXTRA_RUNS_MAX):
            stage.people.a_run_begins()
            stage.people.edit_crowd(150)
            with _neighbour_of(stage).at_work(waiting[0][0].mode if waiting else "incremental"):
                if waiting:
                    _hit(play, stage, waiting)
                else:
                    play.finish(stage, "incremental", str(seed))
            tally["runs"] += 1
            stage.next_run()
            unfelt = [f"{rule.fault} on {rule.endpoint}" for rule in stage.rules if not has_happened(rule)]
            if not (waiting or unfelt):
                break
        else:
            raise NeverReachedError(
                f"planned, and never happened: {', '.join([*(str(case) for case, _ in waiting), *unfelt])}"
            )
        if not stage.blows_beside:
            raise NeverReachedError("no blow fell while the neighbour's job was running")
        tally["blows beside a running neighbour"] += stage.blows_beside
        tally["http faults"] += sum(rule.felt for rule in stage.rules)
        play.check_end(stage, str(seed))
        tally["changes"] += stage.people.changes + _neighbour_of(stage).people.changes
        tally["runs of the neighbour"] += _neighbour_of(stage).runs


def _hit(play: Play, stage: Stage, waiting: list[tuple[Case, int]]) -> None:
    """One run with the next of the blows; it waits on when the run did not get as far, which is less far by then."""
    case, nth = waiting.pop(0)
    try:
        play.run(stage, case, nth)
        play.played.tally[f"blow {case.blow}"] += 1
    except NeverReachedError as error:
        waiting.append((case, max(1, case.place.of(error.times))))


def _neighbour_of(stage: Stage) -> Neighbour:
    if stage.neighbour is None:
        raise NeverReachedError("a seed has a neighbour")
    return stage.neighbour
