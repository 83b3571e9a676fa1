"""A portal that takes fewer deals in one request than HubSpot documents."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.integration.sync.conftest import Organization
from tests.integration.sync.test_associations import stored, true_rows

LOWER = {
    "routes.deals.LIST_LIMIT_MAX": 40,
    "routes.deals.BATCH_MAX": 30,
    "routes.deals.HISTORY_MAX": 20,
    "routes.associations.INPUTS_MAX": 200,
    "search_query.LIMIT_MAX": 60,
}
WITH: dict[str, Any] = {"associations": ("contacts",), "history": ("dealstage",), "requests_in_flight": 1}


def test_what_is_refused_for_its_number_is_asked_for_in_parts_from_then_on(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, limit in LOWER.items():
        monkeypatch.setattr(f"hubspot_simulator.{name}", limit)

    acme.sync(**WITH)
    acme.portal.edit_deals(sorted(acme.portal.live_deals())[:150], {"hs_next_step": "Edited"})
    acme.simulator.clock.shift(60)
    acme.sync(**WITH, mode="incremental")

    assert acme.differences() == []
    assert stored(acme) == set(true_rows(acme, "contacts"))
    refused = Counter(seen.endpoint for seen in acme.simulator.requests if seen.status == 400)
    assert refused == {"list": 2, "search": 2, "batch_read": 3, "associations": 1}  # once for each run and kind
