"""The mutation testing itself: what is excused, what is drawn, what a sample says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutation.__main__ import Score
from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.killers_first import with_newest
from tests.mutation.python_mutants import Mutant, python_mutants
from tests.mutation.sampling import drawn, lower_bound
from tests.mutation.sql_mutants import sql_mutants
from tests.mutation.targets import TARGETS

MUTANTS = {
    name: [Mutant(line=line, change=f"{name} {line}", text="") for line in range(count)]
    for name, count in {"much": 300, "little": 30}.items()
}


@pytest.mark.parametrize(("target", "change"), EQUIVALENT)
def test_what_is_excused_is_one_mutant_and_no_other(target: str, change: str) -> None:
    path = TARGETS[target].path
    make = sql_mutants if path.suffix == ".sql" else python_mutants
    assert sum(mutant.change == change for mutant in make(path.read_text())) == 1


def test_a_seed_draws_the_same_mutants_again_and_another_one_others() -> None:
    assert drawn(MUTANTS, 33, seed=7) == drawn(MUTANTS, 33, seed=7)
    assert drawn(MUTANTS, 33, seed=7) != drawn(MUTANTS, 33, seed=8)


def test_a_sample_has_no_mutant_twice_and_all_of_them_when_there_are_no_more() -> None:
    sample = drawn(MUTANTS, 100, seed=7)
    assert len({mutant for chosen in sample.values() for mutant in chosen}) == 100
    assert drawn(MUTANTS, 1000, seed=7) == MUTANTS


def test_each_mutant_is_as_likely_as_any_other_whichever_target_has_it() -> None:
    """Of a thousand samples of 33 of 330, each mutant is in a hundred, give or take five standard deviations."""
    times = dict.fromkeys((mutant for mutants in MUTANTS.values() for mutant in mutants), 0)
    for seed in range(1000):
        for chosen in drawn(MUTANTS, 33, seed).values():
            for mutant in chosen:
                times[mutant] += 1
    assert 52 < min(times.values()) <= max(times.values()) < 148


@pytest.mark.parametrize(
    ("killed", "total", "bound"),
    [(0, 10, 0.0), (1, 10, 0.0179), (9, 10, 0.5958), (10, 10, 0.7225), (135, 150, 0.8416), (0, 0, 0.0)],
)
def test_the_lower_bound_is_wilsons(killed: int, total: int, bound: float) -> None:
    assert lower_bound(killed, total) == pytest.approx(bound, abs=5e-5)


def test_survivors_count_against_the_killed() -> None:
    score = Score(killed=3, survivors=["a"]) + Score(killed=4, survivors=["b", "c"])
    assert (score.total, str(score)) == (10, "7 of 10 killed, 70.0%")


def test_the_newest_killer_goes_first_and_each_is_named_once(tmp_path: Path) -> None:
    told_in = tmp_path / "killer"
    killers: list[str] = []
    for each in ("a", "b", "a"):
        told_in.write_text(each)
        killers = with_newest(killers, told_in)
    assert with_newest(killers, told_in) == ["a", "b"]
