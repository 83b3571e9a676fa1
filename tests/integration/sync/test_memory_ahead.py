"""Pages that are read while a batch is written: as many as their bytes allow, not as many as there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from airflow_provider_hubspot_deals import kill_points
from airflow_provider_hubspot_deals.kill_points import KillPoint
from airflow_provider_hubspot_deals.sync import copying
from airflow_provider_hubspot_deals.sync.ahead import ReadAhead
from airflow_provider_hubspot_deals.sync.batches import ParsedPage
from local_stack.processes import wait_until
from tests.integration.sync.conftest import SimulatorOf

PAGES, TEXT = 12, "x" * 4_000
ROOM = 1_500_000  # bytes: three such pages


@pytest.fixture(autouse=True)
def nobody_listens_afterwards() -> Iterator[None]:
    yield
    kill_points.listen(None)


def test_e19_what_is_read_ahead_is_bounded_by_its_bytes(
    simulator_of: SimulatorOf, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[int] = []
    waiting: list[int] = []

    class Observed(ReadAhead[ParsedPage]):
        def _put(self, item: ParsedPage) -> bool:
            pages.append(item.weight)
            is_wanted = super()._put(item)
            waiting.append(sum(each.weight for each in self._made.copy()))
            return is_wanted

    def hold(point: KillPoint) -> None:
        if point == KillPoint.BATCH_WRITTEN and sum(pages) > ROOM:
            wait_until(lambda: max(waiting) + max(pages) > ROOM, what="what is read ahead", timeout_s=30)

    monkeypatch.setattr(copying, "ReadAhead", Observed)
    monkeypatch.setattr(copying, "AHEAD_WEIGHT_MAX", ROOM)
    acme = replace(simulator_of(database_url, deals=PAGES * 100, archived=0), side_by_side=4)
    acme.portal.edit_deals(acme.portal.live_deals(), {"description": TEXT})
    kill_points.listen(hold)

    acme.sync(mode="full", batch_rows=100)

    assert sum(pages) > PAGES * 100 * len(TEXT) > 3 * ROOM
    assert max(pages) < ROOM
    assert ROOM - max(pages) < max(waiting) <= ROOM
    assert acme.differences() == []
