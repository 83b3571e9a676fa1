"""A running simulator: one to read from for each module, one to change for each test that wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubspot_simulator import SimulatorServer
from tests.unit.simulator.api import PORTAL_ID, Api, small_portal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubspot_simulator.portal import Portal


@pytest.fixture(scope="module")
def library() -> Iterator[SimulatorServer]:
    """260 live deals and 130 archived ones that nobody changes, without rate limits."""
    with SimulatorServer([small_portal(deals=260, archived=130)], rate_limits=False) as simulator:
        yield simulator


@pytest.fixture
def reading(library: SimulatorServer) -> Api:
    return Api(library)


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    """40 live deals and 4 archived ones to change at will, without rate limits."""
    with SimulatorServer([small_portal()], rate_limits=False) as simulator:
        yield simulator


@pytest.fixture
def portal(simulator: SimulatorServer) -> Portal:
    return simulator.portal(PORTAL_ID)


@pytest.fixture
def api(simulator: SimulatorServer) -> Api:
    return Api(simulator)
