"""Deals so large that a page of them is more than is read of one answer."""

from __future__ import annotations

from airflow_provider_hubspot_deals import sync
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from tests.integration.sync.conftest import Organization
from tests.integration.sync.dimension_rows import events
from tests.integration.sync.test_associations import stored, true_rows

LARGE = "x" * 30_000
READ_MAX = 400_000  # bytes of an answer: 100 of the simulator's deals, or about ten large ones


def run(acme: Organization, **settings: object) -> sync.SyncSummary:
    token = PrivateAppToken(acme.portal.spec.token)
    with HubSpotClient(
        token, base_url=acme.simulator.base_url, allow_other_hosts=True, body_size_max=READ_MAX
    ) as client:
        return sync.run(acme.request(**settings), client=client, connect=acme.connect)


def test_c20_a_portal_with_pages_too_large_is_copied_whole(acme: Organization) -> None:
    ids = sorted(acme.portal.live_deals())
    acme.portal.edit_deals(ids[250:330], {"description": LARGE})
    acme.portal.edit_deals(ids[-5:], {"description": LARGE})
    chosen = ("dealname", "amount", "description")

    summary = run(acme, properties=chosen)

    assert (summary.status, summary.counts["records_quarantined"]) == ("completed", 0)
    stored = acme.deals()
    assert stored.keys() == acme.portal.live_deals().keys() | acme.portal.archived_deals().keys()
    assert all(stored[deal_id]["raw_properties"]["description"] == LARGE for deal_id in (*ids[250:330], *ids[-5:]))

    acme.simulator.clock.shift(3_600)
    changed = LARGE.replace("x", "y")
    acme.portal.edit_deals(ids[200:300], {"description": changed})
    assert run(acme, properties=chosen).mode == "incremental"
    stored = acme.deals()
    assert all(stored[deal_id]["raw_properties"]["description"] == changed for deal_id in ids[200:300])


def test_associations_too_large_for_one_answer_are_read_in_halves(acme: Organization) -> None:
    for deal_id in sorted(acme.portal.live_deals())[:20]:
        acme.portal.associate_deal(deal_id, "contacts", tuple(range(1, 301)))

    run(acme, properties=("dealname",), associations=("contacts",))

    assert stored(acme) == set(true_rows(acme, "contacts"))
    assert events(acme, "associations_unreadable") == []
