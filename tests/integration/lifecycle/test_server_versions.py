"""Each PostgreSQL that we support holds the same of the same portal, also values that only some would take."""

from __future__ import annotations

from decimal import Decimal

import pytest

from airflow_provider_hubspot_deals import migrations
from hubspot_simulator import SimulatorServer
from local_stack.exceptions import StackError
from local_stack.postgres import EmbeddedPostgres
from local_stack.postgres_binaries import find_binaries
from local_stack.throwaway import temporary_directory
from tests.integration.invariants import violations
from tests.integration.lifecycle.conftest import SMALL
from tests.integration.sync.conftest import Organization

# PostgreSQL 16 and later would take the first four for numbers.
AMOUNTS = {**dict.fromkeys(("0x10", "0b1", "0o7", "1_000", "١٢", "NaN")), "1e3": "1000", "12.50": "12.50"}


@pytest.mark.parametrize("major", [15, 16, 17, 18])
def test_d27_c11_every_supported_server_holds_the_same_of_the_same_portal(
    simulator: SimulatorServer, major: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        binaries = find_binaries(major=major)
    except StackError:
        pytest.skip(f"PostgreSQL {major} is not installed here")
    monkeypatch.setattr("local_stack.postgres.find_binaries", lambda **_: binaries)
    portal = simulator.portal(1001)
    written = dict(zip(sorted(portal.live_deals()), AMOUNTS, strict=False))
    with temporary_directory(in_memory=True) as directory, EmbeddedPostgres(directory, durable=False) as server:
        url = server.create_database("deals")
        migrations.upgrade(url)
        acme = Organization(simulator, portal, url)
        acme.sync(mode="full", **SMALL)
        for deal_id, amount in written.items():
            portal.edit_deal(deal_id, {"amount": amount})
        portal.archive_deal(max(portal.live_deals()))

        acme.sync(mode="incremental")

        stored = acme.deals()
        with acme.connect() as connection:
            assert connection.info.server_version // 10_000 == major
        assert acme.differences() == []
        assert {written[deal_id]: stored[deal_id]["amount"] for deal_id in written} == {
            text: None if amount is None else Decimal(amount) for text, amount in AMOUNTS.items()
        }
        assert violations(url) == []
