"""Pages that are shorter, emptier or in more pieces than one would think lose no deal and bring none twice."""

from __future__ import annotations

import pytest

from hubspot_simulator import FaultRule
from tests.integration.sync.conftest import SimulatorOf

PAGE_FAULTS = ("short_page", "empty_page", "duplicate_record", "number_cursor")
CUT_SHORT = ("invalid_json", "truncate")


@pytest.mark.peer_pain(6, 49)
@pytest.mark.parametrize("fault", [*PAGE_FAULTS, *CUT_SHORT])
@pytest.mark.parametrize("endpoint", ["list", "search"])
def test_one_odd_page_changes_nothing(simulator_of: SimulatorOf, database_url: str, endpoint: str, fault: str) -> None:
    acme = simulator_of(database_url, deals=330)
    acme.sync()
    acme.portal.edit_deals(sorted(acme.portal.live_deals())[:250], {"hs_next_step": "Edited"})
    acme.simulator.clock.shift(60)  # so that the window that moves the watermark holds them
    mode = "full" if endpoint == "list" else "incremental"
    rule = acme.simulator.add_fault(FaultRule(fault=fault, endpoint=endpoint, nth=2 if endpoint == "list" else 1))

    summary = acme.sync(mode=mode)

    assert rule.fired == 1
    assert acme.differences() == []
    assert (summary.counts["records_inserted"], summary.counts["records_updated"]) == (0, 250)
