"""More changes between two runs than HubSpot's search gives out, many of them in one millisecond."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_hubspot_deals import sync
from airflow_provider_hubspot_deals.client.clock import Clock
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from hubspot_simulator import PortalSpec, SimulatorServer
from tests.integration.sync.conftest import A_DAY_AGO_S, Organization, WatchedClient

SEARCH_CAP = 10_000  # HubSpot gives out no result behind it
SEARCH_PAGE = 200
PORTAL = PortalSpec(portal_id=1001, deals=2 * SEARCH_CAP + 300, archived=5)


class SkippedTime:
    """A clock whose sleeping takes no time: a hundred searches would wait 20 s for HubSpot's limit."""

    now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def as_clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now, sleep=self.sleep)


@pytest.fixture
def acme(database_url: str) -> Iterator[Organization]:
    with SimulatorServer([PORTAL], rate_limits=False) as server:
        server.clock.shift(A_DAY_AGO_S)
        acme = Organization(simulator=server, portal=server.portal(1001), database_url=database_url)
        acme.settings["properties"] = ("hs_next_step",)  # of 40,000 records
        yield acme


def run(acme: Organization, **request: Any) -> sync.SyncSummary:
    token, clock = PrivateAppToken(acme.portal.spec.token), SkippedTime().as_clock()
    with WatchedClient(token, base_url=acme.simulator.base_url, allow_other_hosts=True, clock=clock) as client:
        client.calls = Counter()
        return sync.run(acme.request(**request), client=client, connect=acme.connect)


def rows(acme: Organization) -> dict[int, dict[str, Any]]:
    columns = "hubspot_deal_id, xmin::text, hs_lastmodifieddate, hs_next_step, archived"
    stored = acme.query(f"SELECT {columns} FROM hubspot.hubspot_deals")  # noqa: S608 - names of this function
    return {row["hubspot_deal_id"]: row for row in stored}


@pytest.mark.peer_pain(4, 5, 7, 8, 9)
def test_b14_twice_as_many_changes_as_search_gives_out_are_read_once_each(acme: Organization) -> None:
    run(acme)
    before = rows(acme)
    live = sorted(deal_id for deal_id, row in before.items() if not row["archived"])
    at_once, one_by_one = live[: SEARCH_CAP + 100], live[SEARCH_CAP + 100 : -100]
    acme.portal.edit_deals(at_once, {"hs_next_step": "Imported"})
    for deal_id in one_by_one:
        acme.portal.edit_deal(deal_id, {"hs_next_step": "Edited"})
    requests = len(acme.simulator.requests)

    summary = run(acme, mode="incremental")

    after, changed = rows(acme), {*at_once, *one_by_one}
    assert {deal_id for deal_id, row in after.items() if row["xmin"] != before[deal_id]["xmin"]} == changed
    assert {(row["hs_next_step"], row["hs_lastmodifieddate"]) for row in map(after.__getitem__, at_once)} == {
        ("Imported", after[at_once[0]]["hs_lastmodifieddate"])
    }
    assert {after[deal_id]["hs_next_step"] for deal_id in one_by_one} == {"Edited"}
    assert (summary.counts["records_updated"], summary.counts["records_inserted"]) == (len(changed), 0)
    searches = [seen for seen in acme.simulator.requests[requests:] if seen.endpoint == "search"]
    assert len(searches) <= len(changed) / SEARCH_PAGE + 5
    assert {seen.status for seen in searches} == {200}
