"""A part of the matrix, with real processes; ``./run simulate --matrix`` plays all of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from airflow_provider_hubspot_deals.kill_points import KillPoint
from local_stack.simulation.cases import Blow, Case, Place, matrix
from local_stack.simulation.matrix import Play

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY = int(os.environ.get("SIMULATION_MATRIX_EVERY", "31"))  # with 388 cases: each blow, both modes


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    with Play() as prepared:
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


def test_places_are_counted_from_the_first_to_the_last_time() -> None:
    assert [place.of(5) for place in Place] == [1, 3, 5]
    assert [place.of(1) for place in Place] == [1, 1, 1]
