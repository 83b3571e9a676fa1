"""Two hundred seeds of the fast layer; ``./run simulate --seeds N`` runs as many as you like."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from airflow_provider_hubspot_deals.kill_points import KillPoint
from local_stack.simulation import fast
from local_stack.simulation.fast import FaultNeverFiredError, Simulation
from local_stack.simulation.scenario import Blow, Kind, drawn
from local_stack.simulation.seeds import play_all

if TYPE_CHECKING:
    from local_stack.databases import DatabaseServer

SEEDS = range(1, 1 + int(os.environ.get("SIMULATION_SEEDS", "200")))


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

    assert {point for _, point in blows} == set(KillPoint)
    assert {kind for kind, _ in blows} == set(Kind)


def test_a_planned_blow_that_never_fell_fails_the_run(
    postgres_server: DatabaseServer, simulation_template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast, "EXTRA_RUNS_MAX", 0)
    name = "simulation_never_fired"
    url = postgres_server.create_database(name, template=simulation_template)
    never = Blow(run=0, point=KillPoint.COMPLETED, nth=1_000, kind=Kind.KILLED)

    with pytest.raises(FaultNeverFiredError, match="completed"):
        Simulation(replace(drawn(1), runs=1, blows=(never,), rules=()), url).run()
    postgres_server.drop_database(name)
