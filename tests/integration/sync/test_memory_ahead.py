"""Pages that are read while a batch is written: as many as their bytes allow, not as many as there are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from airflow_provider_hubspot_deals import kill_points
from airflow_provider_hubspot_deals.kill_points import KillPoint
from airflow_provider_hubspot_deals.sync import batches, copying
from airflow_provider_hubspot_deals.sync.batches import ParsedPage
from airflow_provider_hubspot_deals.sync.reading_ahead import ReadAhead
from local_stack.processes import wait_until
from tests.integration.sync.conftest import SimulatorOf

PAGES, TEXT = 60, "x" * 1_500
BATCH = 8_000_000  # bytes: about twenty such pages
QUIET_S = 0.5
DEALS_MAX = 50_000  # in a batch: what bounds it here is its bytes


def nothing_more(pages: list[int]) -> bool:
    """Whether no page came for a while."""
    before = len(pages)
    time.sleep(QUIET_S)
    return len(pages) == before


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
            pages.append(item.size)
            is_wanted = super()._put(item)
            waiting.append(sum(each.size for each, _ in self._made.copy()))
            return is_wanted

    def hold(point: KillPoint) -> None:
        if point == KillPoint.BATCH_WRITTEN and BATCH < sum(pages) < 2 * BATCH:
            wait_until(lambda: max(waiting) > 2 * max(pages), what="what is read ahead", timeout_s=30)
            wait_until(lambda: nothing_more(pages), what="the end of reading ahead", timeout_s=30)

    monkeypatch.setattr(copying, "ReadAhead", Observed)
    monkeypatch.setattr(batches, "BATCH_SIZE_MAX", BATCH)
    acme = replace(simulator_of(database_url, deals=PAGES * 100, archived=0), side_by_side=2)
    acme.portal.edit_deals(acme.portal.live_deals(), {"description": TEXT})
    kill_points.listen(hold)

    acme.sync(mode="full", batch_rows=DEALS_MAX)

    assert sum(pages) > 2 * BATCH
    assert 2 * max(pages) < max(waiting) <= BATCH // 2
    assert acme.differences() == []
