"""A simulation may strike at any moment that has a name; a moment that no run comes by would prove nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_hubspot_deals import kill_points
from airflow_provider_hubspot_deals.kill_points import KillPoint
from tests.integration.sync.conftest import SimulatorOf


@pytest.fixture
def seen() -> Iterator[list[KillPoint]]:
    """What a run of this process comes by."""
    points: list[KillPoint] = []
    kill_points.listen(points.append)
    yield points
    kill_points.listen(None)


def test_a_run_comes_by_every_moment_at_which_a_simulation_may_strike_in_their_order(
    simulator_of: SimulatorOf, database_url: str, seen: list[KillPoint]
) -> None:
    simulator_of(database_url, deals=20, archived=5).sync(requests_in_flight=1)
    assert list(dict.fromkeys(seen)) == list(KillPoint)
