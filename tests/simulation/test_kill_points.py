"""The moments at which the simulation strikes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_hubspot_deals import kill_points
from airflow_provider_hubspot_deals.kill_points import KillPoint
from tests.integration.sync.conftest import Organization, SimulatorOf


@pytest.fixture(autouse=True)
def nobody_listens_afterwards() -> Iterator[None]:
    yield
    kill_points.listen(None)


@pytest.fixture
def acme(simulator_of: SimulatorOf, database_url: str) -> Organization:
    return simulator_of(database_url, deals=130, archived=15)


def test_a_run_reaches_every_kill_point_in_the_order_of_its_name(acme: Organization) -> None:
    reached: list[KillPoint] = []
    kill_points.listen(reached.append)

    acme.sync(batch_rows=100)

    assert list(dict.fromkeys(reached)) == list(KillPoint)


def test_nothing_happens_while_nobody_listens(acme: Organization) -> None:
    reached: list[KillPoint] = []
    kill_points.listen(reached.append)
    kill_points.listen(None)

    acme.sync()

    assert reached == []


@pytest.mark.parametrize("name", ["HUBSPOT_KILL_POINTS", "KILL_POINTS", "KILL_POINT"])
def test_no_environment_variable_switches_them_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "os.abort")

    kill_points.reached(KillPoint.CLAIMED)

    assert "environ" not in kill_points.reached.__globals__
