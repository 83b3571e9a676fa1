"""A part of the matrix, with real processes; ``./run simulate --matrix`` plays all of it."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import psycopg
import pytest

from airflow_provider_hubspot_deals.kill_points import KillPoint
from local_stack.simulation.cases import Blow, Case, NeverReachedError, Place, matrix
from local_stack.simulation.command import parse
from local_stack.simulation.matrix import chosen
from local_stack.simulation.play import Play
from local_stack.simulation.played import Played
from local_stack.simulation.stage import Stage
from local_stack.throwaway import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY = int(os.environ.get("SIMULATION_MATRIX_EVERY", "26"))  # with 494 cases: each blow, both modes


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    with temporary_directory(in_memory=True) as folder, Play(folder) as prepared:
        yield prepared


@pytest.mark.parametrize("case", matrix()[::EVERY], ids=str)
def test_no_blow_costs_a_deal(case: Case, play: Play) -> None:
    play.case(case)


def test_the_matrix_has_every_point_blow_place_and_mode() -> None:
    cases = matrix()

    assert len(set(cases)) == len(cases)
    assert {case.point for case in cases} == set(KillPoint)
    assert {case.blow for case in cases} == set(Blow)
    assert {case.place for case in cases} == set(Place)


def test_the_part_of_every_test_run_has_each_blow_in_both_modes() -> None:
    cases = matrix()[::31]

    assert {case.blow for case in cases} == set(Blow)
    assert {case.mode for case in cases} == {"full", "incremental"}


def test_the_parts_are_all_of_it_together() -> None:
    parts = [chosen(parse(["--matrix", "--part", f"{number}/4"])) for number in (1, 2, 3, 4)]

    assert sorted(str(case) for part in parts for case in part) == sorted(map(str, matrix()))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("part", ["0/4", "5/4", "4", "a/b", "1/0", "-1/4"])
def test_what_is_no_part_is_refused(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--matrix", f"--part={part}"])
    assert part in capsys.readouterr().err


def test_what_several_processes_played_is_told_together() -> None:
    played = Played(felt=Counter({"old_records on list": 0, "close on list": 2}), tally=Counter(killed=1))
    played.add(Played(failed=["a"], problems=["a FAILED"], felt=Counter({"close on list": 3}), tally=Counter(killed=2)))

    assert (played.failed, played.problems, played.tally) == (["a"], ["a FAILED"], {"killed": 3})
    assert dict(played.felt) == {"old_records on list": 0, "close on list": 5}


def test_a_case_whose_blow_hits_nobody_does_not_pass(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stage, "end_sessions", lambda *_: 0)
    case = Case(mode="full", point=KillPoint.CLAIMED, place=Place.FIRST, blow=Blow.DISCONNECTED)

    with pytest.raises(NeverReachedError, match="no session to end"):
        play.case(case)


def test_a_case_whose_worker_never_gets_there_does_not_pass(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(play.census["full"], KillPoint.CLAIMED, 1_000)
    case = Case(mode="full", point=KillPoint.CLAIMED, place=Place.LAST, blow=Blow.KILLED)

    with pytest.raises(NeverReachedError, match="did not reach it 999 times"):
        play.case(case)


def test_an_incremental_case_has_changed_deals_to_search_for(play: Play) -> None:
    with play.stage("incremental") as stage:
        play.finish(stage, "incremental", "undisturbed")
        with psycopg.connect(stage.database_url) as connection:
            found = connection.execute(
                "SELECT sum(received) FROM hubspot.job_batches WHERE phase = 'changed'"
            ).fetchone()

    assert found is not None
    assert found[0] > 200


def test_places_are_counted_from_the_first_to_the_last_time() -> None:
    assert [place.of(5) for place in Place] == [1, 3, 5]
    assert [place.of(1) for place in Place] == [1, 1, 1]


def test_what_workers_log_goes_to_a_file(play: Play) -> None:
    """A pipe that nobody reads takes the logs of some eighty cases; whoever writes on stands still."""
    play.case(Case(mode="full", point=KillPoint.CLAIMED, place=Place.FIRST, blow=Blow.KILLED))

    assert "Deals of organization" in play.workers.log.read_text()
