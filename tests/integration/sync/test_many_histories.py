"""The history of more properties than one request may name."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hubspot_deals import sync
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.sync import companions
from tests.integration.sync.dimension_rows import events
from tests.integration.sync.test_property_history import requests_for_history, stored, truth

NAMES = ("amount", "dealname", "dealstage", "hs_next_step", "pipeline")


@pytest.fixture(autouse=True)
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companions, "HISTORY_PROPERTIES_MAX", 2)


def test_the_history_of_many_properties_is_read_in_parts(simulator_of: Any, database_url: str) -> None:
    acme = simulator_of(database_url, deals=60, archived=0)
    acme.portal.edit_deals(sorted(acme.portal.live_deals())[:9], {"amount": "7", "hs_next_step": "7"})

    acme.sync(history=NAMES)

    assert stored(acme) == truth(acme, *NAMES)
    assert requests_for_history(acme) == 2 * 3  # 60 deals, at most 50 a request, and five properties


def test_a_deal_whose_histories_are_all_too_large_is_told_once(simulator_of: Any, database_url: str) -> None:
    acme = simulator_of(database_url, deals=4, archived=0)
    giant, names = min(acme.portal.live_deals()), ("dealname", "description", "hs_next_step")
    for number in range(9):
        acme.portal.edit_deals([giant], dict.fromkeys(names, str(number) * 20_000))
    token, url = PrivateAppToken(acme.portal.spec.token), acme.simulator.base_url

    with HubSpotClient(token, base_url=url, allow_other_hosts=True, body_size_max=150_000) as client:
        sync.run(acme.request(history=names), client=client, connect=acme.connect)

    assert {change[0] for change in stored(acme)} == acme.portal.live_deals().keys() - {giant}
    assert events(acme, "history_unread") == [{"count": 1, "deals": [giant]}]
