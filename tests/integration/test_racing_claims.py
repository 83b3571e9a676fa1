"""The first claims of one organization come at once when its portals are triggered together."""

from __future__ import annotations

import threading

from airflow_provider_hubspot_deals import jobs
from tests.integration.tenant import Tenant, a_run

TYPES = ("standard", "sandbox", "archive", "training")
ROUNDS = 25


def test_first_claims_of_one_organization_at_once_all_succeed(database_url: str) -> None:
    failures: list[str] = []

    def claim(tenant: Tenant, together: threading.Barrier) -> None:
        with tenant.connect() as connection:
            together.wait()
            try:
                jobs.claim(connection, "hubspot", tenant.order(a_run(tenant.type)))
            except Exception as error:  # noqa: BLE001 - a thread's failure must reach the test
                failures.append(f"{type(error).__name__}: {error}")

    for number in range(ROUNDS):
        together = threading.Barrier(len(TYPES))
        tenants = [Tenant(database_url, f"org-{number}", label) for label in TYPES]
        threads = [threading.Thread(target=claim, args=(tenant, together)) for tenant in tenants]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert failures == []
