"""Seeds with real worker processes: two organizations side by side, each over a portal of its own.

Each run of the first one is hit somewhere, while a run of the second one is under way.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

from local_stack.simulation.cases import Case, matrix
from local_stack.simulation.planned import has_happened
from local_stack.simulation.play import NeverReachedError, Play
from local_stack.simulation.recovery import figures_of, lines_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from local_stack.simulation.neighbours import Neighbour
    from local_stack.simulation.stage import Stage

RUNS = ("full", "incremental", "incremental", "full")
EXTRA_RUNS_MAX = 6  # until every planned blow has fallen


def play_processes(options: argparse.Namespace, figures: dict[str, Any], say: Callable[[str], None]) -> bool:
    """Whether the copy was right after every seed."""
    failed: list[int] = []
    tally: Counter[str] = Counter()
    with Play() as play:
        for seed in range(options.first, options.first + options.count):
            try:
                tally.update(_play_seed(play, seed))
            except Exception as error:  # noqa: BLE001 - whatever goes wrong, the other seeds are played
                failed.append(seed)
                say(f"seed {seed} FAILED: {type(error).__name__}: {error}")
                say(f"  the plan: {', '.join(map(str, drawn_cases(seed)))}")
                say(f"  again: ./run simulate --processes --seed {seed}")
            tally["seeds"] += 1
        tally.update(play.tally)
    figures |= {"failed_seeds": failed, "tally": dict(sorted(tally.items())), **figures_of(play.costs)}
    say("\n".join(["what a blow cost:", *lines_of(play.costs)]))
    said = ", ".join(f"{number:,} {name}" for name, number in sorted(tally.items()))
    say(f"{said}; {len(failed)} of {tally['seeds']} seeds failed")
    return not failed


def drawn_cases(seed: int) -> list[Case]:
    """One for each run."""
    chance = Random(f"{seed}/cases")  # noqa: S311 - a scenario, not a secret
    cases = matrix()
    return [chance.choice([case for case in cases if case.mode == mode]) for mode in RUNS]


def _play_seed(play: Play, seed: int) -> Counter[str]:
    tally: Counter[str] = Counter()
    waiting = drawn_cases(seed)
    with play.stage("full", seed) as stage:
        for _ in range(len(RUNS) + EXTRA_RUNS_MAX):
            stage.people.a_run_begins()
            stage.people.edit_crowd(150)
            with _neighbour_of(stage).at_work(waiting[0].mode if waiting else "incremental"):
                if waiting:
                    _hit(play, stage, waiting, tally)
                else:
                    play.finish(stage, "incremental", f"seed {seed}")
            tally["runs"] += 1
            stage.next_run()
            unfelt = [f"{rule.fault} on {rule.endpoint}" for rule in stage.rules if not has_happened(rule)]
            if not (waiting or unfelt):
                break
        else:
            raise NeverReachedError(f"planned, and never happened: {', '.join([*map(str, waiting), *unfelt])}")
        if not stage.blows_beside:
            raise NeverReachedError("no blow fell while the neighbour's job was running")
        tally["blows beside a running neighbour"] += stage.blows_beside
        tally["http faults"] += sum(rule.felt for rule in stage.rules)
        play.check_end(stage, f"seed {seed}")
        tally["changes"] += stage.people.changes + _neighbour_of(stage).people.changes
        tally["runs of the neighbour"] += _neighbour_of(stage).runs
    return tally


def _hit(play: Play, stage: Stage, waiting: list[Case], tally: Counter[str]) -> None:
    """One run with the next of the blows; it waits on when the run did not get as far."""
    case = waiting.pop(0)
    try:
        play.run(stage, case, case.place.of(play.census[case.mode][case.point]))
        tally[f"blow {case.blow}"] += 1
    except NeverReachedError:
        waiting.append(case)


def _neighbour_of(stage: Stage) -> Neighbour:
    if stage.neighbour is None:
        raise NeverReachedError("a seed has a neighbour")
    return stage.neighbour
