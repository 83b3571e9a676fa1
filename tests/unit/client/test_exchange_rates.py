"""Exchange rates of a portal that has kept more of them than a page holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from hubspot_simulator.currencies import kept_rates
from hubspot_simulator.server import SimulatorServer
from hubspot_simulator.specification import PortalSpec

PORTAL = PortalSpec(portal_id=1001, deals=0, currency="EUR", additional_currencies=("USD",))


@pytest.mark.parametrize("api_version", ["v3", "2026-09"])
@pytest.mark.parametrize("count", [99, 100, 101, 250])
def test_every_rate_is_read_however_many_pages_it_takes(api_version: str, count: int) -> None:
    with SimulatorServer([PORTAL], rate_limits=False) as simulator:
        rate = kept_rates("EUR", ("USD",))[0]
        rates = [replace(rate, rate_id=str(number), effective_ms=number * 86_400_000) for number in range(1, count + 1)]
        simulator.portal(PORTAL.portal_id).define_exchange_rates(tuple(rates))
        with HubSpotClient(
            PrivateAppToken(PORTAL.token),
            base_url=simulator.base_url,
            allow_other_hosts=True,
            api_version=api_version,
        ) as client:
            assert client.exchange_rates() == [each.as_json() for each in rates]
        assert len(simulator.requests) == -(-count // 100)
