"""Two organizations side by side, in real worker processes; ``./run simulate --processes`` plays more seeds."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from local_stack.simulation import processes
from local_stack.simulation.checking import InvariantBrokenError
from local_stack.simulation.command import parse
from local_stack.simulation.neighbours import Neighbour
from local_stack.simulation.play import Play
from local_stack.simulation.processes import play_processes
from local_stack.simulation.stage import NEXT_DOOR_ID, ORGANIZATION_ID

# One deal of the first organization into the table of the second one.
MOVE = """
    UPDATE hubspot.hubspot_deals SET _organization_id = %(new)s, _tenant_id = %(new)s
    WHERE _organization_id = %(old)s AND hubspot_deal_id = (
        SELECT min(hubspot_deal_id) FROM hubspot.hubspot_deals WHERE _organization_id = %(old)s)
"""


def test_two_organizations_side_by_side_are_both_right_whatever_strikes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "RUNS", ("full", "incremental"))
    figures: dict[str, Any] = {}
    said: list[str] = []

    assert play_processes(parse(["--processes", "--seed", "1"]), figures, said.append), said
    blows = sum(number for name, number in figures["tally"].items() if name.startswith("blow "))
    assert blows == figures["tally"]["blows beside a running neighbour"] == len(processes.RUNS)
    assert figures["tally"]["runs of the neighbour"] >= len(processes.RUNS) + 2  # and two when people have gone home


def test_a_row_of_the_neighbour_is_told() -> None:
    with Play() as play, play.stage("full", seed=1) as stage:
        play.finish(stage, "full", "the first")
        assert isinstance(stage.neighbour, Neighbour)
        stage.neighbour.run("full")
        stage.auditor.check("both are loaded")
        with psycopg.connect(stage.database_url, autocommit=True) as connection:
            connection.execute(MOVE, {"new": NEXT_DOOR_ID, "old": ORGANIZATION_ID})

        with pytest.raises(InvariantBrokenError, match="i13: a deal is of the organization whose portal has it"):
            stage.auditor.check("afterwards")
