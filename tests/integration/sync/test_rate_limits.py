"""Whole runs against HubSpot's published limits, and with others who draw on the same budgets."""

from __future__ import annotations

import time
from typing import Any

import pytest

from hubspot_simulator.rate_limits import Bucket
from tests.integration.sync.conftest import Organization, SimulatorOf

BURST = 100  # requests in 10 s of the smallest plan
GENERAL = {"list", "batch_read", "metadata"}
BESIDE: dict[str, Any] = {"history": ("dealstage",), "associations": ("contacts", "companies")}


@pytest.fixture
def starter(simulator_of: SimulatorOf, database_url: str) -> Organization:
    """Its first load takes more requests than the plan allows in ten seconds."""
    organization = simulator_of(database_url, deals=3_600, archived=20, tier="starter")
    organization.side_by_side = 8
    return organization


def refused(organization: Organization) -> int:
    return sum(seen.status == 429 for seen in organization.simulator.requests)


def test_a_load_that_uses_up_the_published_limits_earns_no_429(starter: Organization) -> None:
    summary = starter.sync(**BESIDE)

    assert sum(seen.endpoint in GENERAL for seen in starter.simulator.requests) > BURST
    assert (refused(starter), summary.counts["rate_limit_hits"]) == (0, 0)
    assert starter.differences() == []


def test_a_load_beside_others_who_use_up_half_the_limit_backs_off_and_is_complete(starter: Organization) -> None:
    limiter, begun, asked = starter.simulator.account(1001).app.limiter, time.monotonic(), 0

    def others_ask_five_times_a_second(_endpoint: str, _portal_id: int | None) -> None:
        nonlocal asked
        while asked < (time.monotonic() - begun) * BURST / 10 / 2:
            limiter.exceeded_by(Bucket.GENERAL)
            asked += 1

    starter.simulator.on_request(others_ask_five_times_a_second)

    summary = starter.sync(**BESIDE)

    assert starter.differences() == []
    assert summary.counts["rate_limit_hits"] == refused(starter)
    assert starter.jobs()[0]["attempt"] == 1
    assert refused(starter) < 0.2 * len(starter.simulator.requests)
