"""A hundred and twenty seeds of the fast layer; ``./run simulate --seeds N`` runs as many as you like."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from airflow_provider_hubspot_deals import kill_points, sync
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from airflow_provider_hubspot_deals.kill_points import KillPoint
from local_stack.simulation import fast
from local_stack.simulation.attempts import Attempt
from local_stack.simulation.bad_deals import Bad, BadDeals
from local_stack.simulation.checking import InvariantBrokenError
from local_stack.simulation.fast import Simulation
from local_stack.simulation.planned import FaultNeverFiredError
from local_stack.simulation.scenario import BESIDE, NOT_TO_BE_CANCELLED, Blow, Kind, Scenario, drawn
from local_stack.simulation.seeds import play_all
from local_stack.simulation.truth import Beside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_stack.databases import DatabaseServer

SEEDS = range(1, 1 + int(os.environ.get("SIMULATION_SEEDS", "120")))


@pytest.mark.timeout(1_800)
def test_the_copy_is_right_whatever_people_do_and_wherever_attempts_die(
    postgres_server: DatabaseServer, simulation_template: str
) -> None:
    # In processes of their own: a scenario changes pages, hearts and loggers for its whole process.
    verdicts = list(play_all(postgres_server, simulation_template, SEEDS, workers=2))

    assert [verdict.seed for verdict in verdicts] == list(SEEDS)
    failed = [
        f"{verdict.problem}\n{verdict.plan}\nagain: ./run simulate --seed {verdict.seed}"
        for verdict in verdicts
        if verdict.problem
    ]
    assert not failed, "\n\n".join(failed)


def test_a_seed_draws_the_same_plan_again_and_another_seed_another_one() -> None:
    assert str(drawn(7)) == str(drawn(7))
    assert str(drawn(7)) != str(drawn(8))


def test_seeds_draw_every_blow_at_every_kill_point() -> None:
    blows = Counter((blow.kind, blow.point) for seed in range(500) for blow in drawn(seed).blows)

    never = {(Kind.CANCELLED, point) for point in NOT_TO_BE_CANCELLED}
    assert set(blows) == {(kind, point) for kind in Kind for point in KillPoint} - never
    assert {blow.point for seed in range(500) for blow in drawn(seed).blows if blow.is_cut_off} == {
        point for point in KillPoint if point != KillPoint.COMPLETED
    }


def test_a_third_of_all_seeds_or_so_has_an_outage() -> None:
    with_outage = [seed for seed in range(500) if drawn(seed).outage]

    assert 100 < len(with_outage) < 200
    assert "outage: " in str(drawn(with_outage[0]))


def test_seeds_draw_everything_that_is_bad_and_everything_that_is_kept_beside_deals() -> None:
    scenarios = [drawn(seed) for seed in range(500)]

    assert {bad for scenario in scenarios for bad in scenario.bad} == set(Bad)
    assert 150 < sum(not scenario.bad for scenario in scenarios) < 250
    assert {scenario.beside for scenario in scenarios} == {Beside(), *BESIDE}


@pytest.fixture
def database_of_one(postgres_server: DatabaseServer, simulation_template: str) -> Iterator[str]:
    name = "simulation_of_one"
    yield postgres_server.create_database(name, template=simulation_template)
    postgres_server.drop_database(name)


def quiet(*, blows: tuple[Blow, ...] = ()) -> Scenario:
    """Nothing happens but the blows."""
    return replace(drawn(1), runs=1, blows=blows, rules=(), outage=None, bad=())


def test_a_planned_blow_that_never_fell_fails_the_run(database_of_one: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "EXTRA_RUNS_MAX", 0)
    never = Blow(run=0, point=KillPoint.COMPLETED, nth=1_000, kind=Kind.KILLED)

    with pytest.raises(FaultNeverFiredError, match="completed"):
        Simulation(quiet(blows=(never,)), database_of_one).run()


def test_a_bad_record_that_never_came_to_quarantine_fails_the_run(
    database_of_one: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast, "EXTRA_RUNS_MAX", 0)
    monkeypatch.setattr(BadDeals, "write_each", lambda _: None)
    monkeypatch.setattr(BadDeals, "write_now_and_then", lambda _: None)

    with pytest.raises(FaultNeverFiredError, match="BAD_VERSION in the copy"):
        Simulation(replace(quiet(), bad=(Bad.VERSION,)), database_of_one).run()


def test_every_kind_of_bad_deal_comes_to_a_quiet_run(database_of_one: str) -> None:
    simulation = Simulation(replace(quiet(), runs=3, bad=(Bad.VERSION, Bad.UNWANTED, Bad.VALUE)), database_of_one)

    simulation.run()

    assert simulation.tally["bad records"] > 1


def test_a_cancellation_that_found_no_job_never_fell(database_of_one: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "EXTRA_RUNS_MAX", 0)
    late = Blow(run=0, point=KillPoint.COMPLETED, nth=1, kind=Kind.CANCELLED)

    with pytest.raises(FaultNeverFiredError, match="cancelled"):
        Simulation(quiet(blows=(late,)), database_of_one).run()


CUT_OFF = Blow(run=0, point=KillPoint.BATCH_COMMITTED, nth=2, kind=Kind.TAKEN_OVER, is_cut_off=True)


def test_an_attempt_that_was_cut_off_comes_back_while_another_one_has_the_job(
    database_of_one: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[tuple[bool, str]] = []
    execute = Attempt.execute

    def executed(self: Attempt) -> str:
        ends.append((self.is_successor, execute(self)))
        return self.outcome

    monkeypatch.setattr(Attempt, "execute", executed)

    Simulation(quiet(blows=(CUT_OFF,)), database_of_one).run()

    assert ends[:2] == [(False, "superseded"), (True, "completed")]


def test_a_cut_off_that_cuts_nothing_fails_the_run(database_of_one: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Attempt, "disconnect", lambda _: 0)

    with pytest.raises(FaultNeverFiredError, match="no session"):
        Simulation(quiet(blows=(CUT_OFF,)), database_of_one).run()


def test_an_attempt_that_ends_though_nothing_happened_to_it_fails_the_run(
    database_of_one: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gives_up(*_: object, **__: object) -> None:
        raise DatabaseUnavailableError("PostgreSQL looked tired.")

    monkeypatch.setattr(sync, "run", gives_up)

    with pytest.raises(InvariantBrokenError, match="ended for nothing: failed"):
        Simulation(quiet(), database_of_one).run()


def test_batches_that_nobody_checked_fail_the_run(database_of_one: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kill_points, "listen", lambda _: None)

    with pytest.raises(FaultNeverFiredError, match="0 batches were checked"):
        Simulation(quiet(), database_of_one).run()
