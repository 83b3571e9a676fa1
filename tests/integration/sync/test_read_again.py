"""What a worker that dies has read in vain: one batch, with what it read ahead and what it had asked for."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from airflow_provider_hubspot_deals import kill_points
from airflow_provider_hubspot_deals.kill_points import KillPoint
from tests.integration.sync.conftest import Organization, SimulatorOf
from tests.integration.sync.test_lifecycle import RETRY, RUN

DEALS, PAGES = 3_050, 31
BATCH_ROWS, BATCH_PAGES = 2_000, 20
QUIET_POLLS, POLL_S = 10, 0.05


class Killed(BaseException):
    """Nothing that the attempt would still do is done."""


def listed(organization: Organization) -> int:
    return sum(seen.endpoint == "list" for seen in organization.simulator.requests)


def listed_at_last(organization: Organization) -> int:
    """Once nobody asks any more."""
    seen = [listed(organization)]
    while len(seen) < QUIET_POLLS or len(set(seen[-QUIET_POLLS:])) > 1:
        time.sleep(POLL_S)
        seen.append(listed(organization))
    return seen[-1]


@pytest.fixture(autouse=True)
def nobody_listens_afterwards() -> Iterator[None]:
    yield
    kill_points.listen(None)


@pytest.mark.parametrize("readers", [1, 4])
def test_a_worker_that_dies_has_read_one_batch_in_vain_at_most(
    simulator_of: SimulatorOf, database_url: str, readers: int
) -> None:
    acme = simulator_of(database_url, deals=DEALS, archived=20)
    acme.side_by_side = readers
    times: Counter[KillPoint] = Counter()
    in_vain, committed = 0, 0

    def die_in_the_first_batch_of_live_deals(point: KillPoint) -> None:
        nonlocal in_vain, committed
        if threading.current_thread() is not threading.main_thread():
            return
        times[point] += 1
        if point == KillPoint.BATCH_COMMITTED:  # of the archived ones
            committed = listed(acme)
        if (point, times[point]) == (KillPoint.BATCH_WRITTEN, 2):
            in_vain = listed_at_last(acme) - committed
            raise Killed

    kill_points.listen(die_in_the_first_batch_of_live_deals)
    with pytest.raises(Killed):
        acme.sync(mode="full", batch_rows=BATCH_ROWS, origin=RUN)
    kill_points.listen(None)

    assert BATCH_PAGES // 2 < in_vain <= BATCH_PAGES  # more than what was being written: it did read ahead

    acme.sync(mode="full", batch_rows=BATCH_ROWS, origin=RETRY)
    assert acme.differences() == []
    assert listed(acme) - committed - in_vain <= PAGES + 2 * readers + 2  # seams of ranges, and the archived list
