"""Two organizations side by side, in real worker processes; ``./run simulate --processes`` plays more seeds."""

from __future__ import annotations

import random
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import kill_points
from airflow_provider_hubspot_deals.kill_points import KillPoint
from local_stack.processes import wait_until
from local_stack.simulation import matrix, processes, worker
from local_stack.simulation.cases import Blow, Case, NeverReachedError, Place
from local_stack.simulation.checking import InvariantBrokenError
from local_stack.simulation.command import parse
from local_stack.simulation.neighbours import Neighbour
from local_stack.simulation.play import Play
from local_stack.simulation.played import Played
from local_stack.simulation.processes import SeedAlone, play_processes
from local_stack.simulation.stage import NEXT_DOOR_ID, ORGANIZATION_ID
from local_stack.simulation.workers import Workers
from local_stack.throwaway import temporary_directory

CLAIMED = Case(mode="full", point=KillPoint.CLAIMED, place=Place.LAST, blow=Blow.KILLED)
# One deal of the first organization into the table of the second one.
MOVE = """
    UPDATE hubspot.hubspot_deals SET _organization_id = %(new)s, _tenant_id = %(new)s
    WHERE _organization_id = %(old)s AND hubspot_deal_id = (
        SELECT min(hubspot_deal_id) FROM hubspot.hubspot_deals WHERE _organization_id = %(old)s)
"""


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    with temporary_directory(in_memory=True) as folder, Play(folder) as prepared:
        yield prepared


def test_two_organizations_side_by_side_are_both_right_whatever_strikes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "RUNS", ("full", "incremental"))
    figures: dict[str, Any] = {}
    said: list[str] = []

    assert play_processes(parse(["--processes", "--seed", "1"]), figures, said.append), said
    blows = sum(number for name, number in figures["tally"].items() if name.startswith("blow "))
    assert blows == figures["tally"]["blows beside a running neighbour"] == len(processes.RUNS)
    assert figures["tally"]["runs of the neighbour"] >= len(processes.RUNS) + 2  # and two when people have gone home


@pytest.mark.parametrize(("module", "command"), [(processes, "play_processes"), (matrix, "play_matrix")])
def test_what_has_failed_is_told_by_its_harm(monkeypatch: pytest.MonkeyPatch, module: Any, command: str) -> None:
    def play_all(*_: object, **__: object) -> Iterator[Played]:
        played = Played()
        played.fail("seed 1", "InvariantBrokenError: after batch 2: 1 broken\n  i1: 5", "again: …")
        yield played

    monkeypatch.setattr(module, "play_all", play_all)
    figures: dict[str, Any] = {}
    said: list[str] = []

    assert not getattr(module, command)(parse(["--seed", "1"]), figures, said.append)
    assert figures["harms"]["lost"] == 1
    assert "of these: 1 lost, 0 doubled, 0 stale, 0 in another organization, 0 stuck, 0 otherwise wrong" in said


def test_a_row_of_the_neighbour_is_told(play: Play) -> None:
    with play.stage("full", seed=1) as stage:
        play.finish(stage, "full", "the first")
        assert isinstance(stage.neighbour, Neighbour)
        stage.neighbour.run("full")
        stage.auditor.check("both are loaded")
        with psycopg.connect(stage.database_url, autocommit=True) as connection:
            connection.execute(MOVE, {"new": NEXT_DOOR_ID, "old": ORGANIZATION_ID})

        with pytest.raises(InvariantBrokenError, match="i13: a deal is of the organization whose portal has it"):
            stage.auditor.check("afterwards")


def test_a_blow_that_no_run_gets_to_falls_at_the_last_time_of_a_later_one(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later runs have fewer batches than the one in which all was counted, and now and then more."""
    monkeypatch.setitem(play.census["full"], CLAIMED.point, 1_000)
    monkeypatch.setattr(processes, "drawn_cases", lambda *_: [CLAIMED])

    SeedAlone(1, ("full",)).play(play)

    played = play.take()
    assert (played.tally["runs"], played.tally["blow killed"]) == (2, 1)


def test_no_attempt_outlives_its_workers_not_even_one_that_is_frozen(play: Play, tmp_path: Path) -> None:
    with play.stage("full") as stage, Workers(tmp_path) as workers:
        attempt = workers.start(stage.name(1), stage.order("full", 1), see_batch=lambda _: None)
        attempt.freeze()

        workers.__exit__()

        wait_until(lambda: attempt.next_word() == {}, what="its end", timeout_s=5)


def test_what_no_run_gets_to_fails_its_seed(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise NeverReachedError("as if")

    monkeypatch.setattr(processes, "EXTRA_RUNS_MAX", 0)
    monkeypatch.setattr(processes, "drawn_cases", lambda *_: [CLAIMED])
    monkeypatch.setattr(play, "run", never)

    with pytest.raises(NeverReachedError, match="planned, and never happened: full/claimed/last/killed"):
        SeedAlone(1, ("full",)).play(play)


def test_each_seed_begins_at_the_same_time_whatever_was_played_before(play: Play) -> None:
    began = []
    for _ in range(2):
        with play.stage("full", seed=1) as stage:
            portal = stage.people.portal
            with portal.lock:
                first = portal.store.get(portal.create_deal({"dealname": "First"}))
            assert first is not None
            began.append(first.modified_ms)
            stage.everybody_goes_home()  # two minutes later

    assert 0 <= began[1] - began[0] < 60_000
    assert [at_ms % 1000 for at_ms in began] == [0, 0]


def test_one_seed_decides_what_each_attempt_is_told(play: Play) -> None:
    told = []
    for seed in (7, 7, 8):
        with play.stage("full", seed=seed) as stage:
            told.append([stage.order("full", 1)["seed"], stage.order("full", 2)["seed"]])
            told[-1].append(stage.next_run().order("full", 1)["seed"])

    assert told[0] == told[1]
    assert len({*told[0], *told[2]}) == 6


class Dice:
    """In place of the operator: what the provider would draw."""

    def __init__(self, **_: object) -> None:
        """Takes what an operator takes."""

    def on_kill(self) -> None:
        """Nothing runs."""

    def execute(self, _context: object) -> None:
        raise ValueError(f"{random.random()}")  # noqa: S311 - a scenario


def test_an_attempt_draws_what_its_order_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "HubSpotDealsToPostgresOperator", Dice)

    drawn = [last_word_of_an_attempt(tmp_path / f"{number}.sock", seed) for number, seed in enumerate("aab")]

    assert drawn[0] == drawn[1] != drawn[2]


def last_word_of_an_attempt(address: Path, seed: str) -> str:
    order = {"name": "run-1/1", "harness": str(address), "seed": seed, "environment": {}, "arguments": {}, "try": {}}
    words: list[str] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen()
        hearing = Thread(target=lambda: words.extend(listener.accept()[0].makefile()), daemon=True)
        hearing.start()
        at_term = signal.getsignal(signal.SIGTERM)
        try:
            worker.Attempt(order).run()
        finally:
            signal.signal(signal.SIGTERM, at_term)
            kill_points.listen(None)
        hearing.join(10)
    return words[-1]
