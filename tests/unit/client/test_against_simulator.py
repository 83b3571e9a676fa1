"""The client against the simulator, which was written from HubSpot's reference and knows nothing of the client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_hubspot_deals.client.credentials import OAuthRefreshToken, PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.client.transport import Timeouts
from airflow_provider_hubspot_deals.deals.properties import Properties
from airflow_provider_hubspot_deals.exceptions import (
    AuthenticationError,
    HubSpotDealsError,
    MissingScopeError,
    ResponseTooLargeError,
)
from hubspot_simulator.faults import FaultRule
from hubspot_simulator.server import SimulatorServer
from hubspot_simulator.specification import PortalSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PLAIN = PortalSpec(portal_id=1001, deals=350, archived=30, region="eu1", unstorable_text=True, oddity_rate=0.2)
WIDE = PortalSpec(portal_id=1002, deals=120, archived=3, extra_properties=1_200)
NARROW = PortalSpec(portal_id=1003, deals=5, scopes=("oauth",))
LARGE = PortalSpec(portal_id=1005, deals=230, archived=0)
UNKNOWN = [f"custom_property_number_{number:04d}" for number in range(400)]  # too many for a URL
GRANT = PortalSpec(portal_id=1004, deals=250, app="oauth", rotate_refresh_token=True)
FAST = Retries(backoff_s=0.001)
TIMES = Timeouts(connect_s=2.0, read_s=0.5, total_s=1.0)


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer([PLAIN, WIDE, NARROW, GRANT], rate_limits=False) as server:
        yield server


def connect(simulator: SimulatorServer, spec: PortalSpec = PLAIN, **settings: Any) -> HubSpotClient:
    defaults: dict[str, Any] = {"credentials": PrivateAppToken(spec.token), "retries": FAST, "timeouts": TIMES}
    return HubSpotClient(base_url=simulator.base_url, allow_other_hosts=True, **{**defaults, **settings})


def walk(client: HubSpotClient, properties: Sequence[str], *, archived: bool = False) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = client.list_deals(properties=properties, archived=archived, after=after)
        records += page.records
        after = page.next_after
        if after is None:
            return records


def names_of(client: HubSpotClient) -> list[str]:
    return [definition["name"] for definition in client.deal_properties()]


def values(record: dict[str, Any], names: Sequence[str]) -> dict[str, str]:
    """The properties that are set; unset ones may be null or absent."""
    known = record["properties"].present() if isinstance(record["properties"], Properties) else record["properties"]
    return {name: value for name in names if (value := known.get(name)) is not None}


@pytest.mark.parametrize("api_version", ["v3", "2026-03", "2026-09"])
def test_the_connection_answers_with_the_portal(simulator: SimulatorServer, api_version: str) -> None:
    with connect(simulator, api_version=api_version) as client:
        facts = client.portal_facts()
        assert (facts.portal_id, facts.data_hosting_location) == (1001, "eu1")
        assert client.pipelines()
        assert sum(len(page) for page in client.owners()) > 0
        assert all(owner["archived"] for page in client.owners(archived=True) for owner in page)


@pytest.mark.parametrize("archived", [False, True], ids=["live", "archived"])
@pytest.mark.parametrize("api_version", ["v3", "2026-09"])
def test_a_walk_of_the_list_is_the_portals_truth(
    simulator: SimulatorServer, api_version: str, *, archived: bool
) -> None:
    portal = simulator.portal(1001)
    truth = portal.archived_deals() if archived else portal.live_deals()
    with connect(simulator, api_version=api_version) as client:
        names = names_of(client)
        records = walk(client, names, archived=archived)
    assert [int(record["id"]) for record in records] == sorted(truth)
    assert all(values(record, names) == values(truth[int(record["id"])], names) for record in records)


def test_a15_a_portal_with_more_properties_than_a_url_or_a_request_holds_comes_whole(
    simulator: SimulatorServer,
) -> None:
    truth = simulator.portal(1002).live_deals()
    with connect(simulator, WIDE) as client:
        names = names_of(client)
        assert len(names) > 1_200
        records = walk(client, names)
    assert [int(record["id"]) for record in records] == sorted(truth)
    assert all(values(record, names) == values(truth[int(record["id"])], names) for record in records)


@pytest.fixture
def large_deals() -> Iterator[SimulatorServer]:
    """40 of 230 deals are so large that no answer could hold 20 of them."""
    with SimulatorServer([LARGE], rate_limits=False) as server:
        portal = server.portal(LARGE.portal_id)
        portal.edit_deals(sorted(portal.live_deals())[120:160], {"description": "x" * 6_000})
        yield server


@pytest.mark.parametrize("more_names", [[], UNKNOWN], ids=["in the list", "by id"])
def test_c20_a_page_too_large_is_asked_for_again_with_fewer_deals(
    large_deals: SimulatorServer, more_names: list[str]
) -> None:
    truth = large_deals.portal(LARGE.portal_id).live_deals()
    with connect(large_deals, LARGE, body_size_max=120_000) as client:
        pages = [client.list_deals(properties=["description", *more_names])]
        while pages[-1].next_after:
            pages.append(client.list_deals(properties=["description", *more_names], after=pages[-1].next_after))
    found = [(int(deal["id"]), values(deal, ["description"])) for page in pages for deal in page.records]
    assert found == [(deal_id, values(truth[deal_id], ["description"])) for deal_id in sorted(truth)]
    limits = [page.limit for page in pages]
    assert limits[0] == 100
    assert min(limits) < 20
    assert limits[-1] > min(limits)  # what is large need not stay so


def test_c20_deals_too_large_for_one_answer_are_read_by_id_in_several(large_deals: SimulatorServer) -> None:
    ids = sorted(large_deals.portal(LARGE.portal_id).live_deals())[100:200]
    with connect(large_deals, LARGE, body_size_max=120_000) as client:
        records = client.read_deals(ids, properties=["description"])
    assert sorted(int(record["id"]) for record in records) == ids


def test_c20_one_deal_too_large_for_an_answer_is_named(large_deals: SimulatorServer) -> None:
    large = sorted(large_deals.portal(LARGE.portal_id).live_deals())[120]
    with connect(large_deals, LARGE, body_size_max=5_000) as client:
        with pytest.raises(ResponseTooLargeError, match=f"a single deal: the first one from id {large} on"):
            client.list_deals(properties=["description"], after=str(large))
        with pytest.raises(ResponseTooLargeError, match=f"a single deal: id {large}"):
            client.read_deals([large - 1, large, large + 1], properties=["description"])


def test_a_walk_of_the_search_by_id_finds_every_live_deal(simulator: SimulatorServer) -> None:
    truth = sorted(simulator.portal(1001).live_deals())
    found: list[int] = []
    start, end = datetime(2000, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1)
    with connect(simulator) as client:
        while True:
            last = found[-1] if found else 0
            page = client.search_deals(modified_from=start, modified_to=end, after_id=last)
            if not page.records:
                break
            found += [int(record["id"]) for record in page.records]
        assert client.highest_deal().total == len(truth)
    assert found == truth


def test_b09_b10_reading_by_id_leaves_out_what_is_gone_and_finds_the_survivor_of_a_merge() -> None:
    spec = PortalSpec(portal_id=7, deals=10)
    with SimulatorServer([spec], rate_limits=False) as simulator:
        portal = simulator.portal(7)
        first, second, third, *rest = sorted(portal.live_deals())
        survivor = portal.merge_deals(first, second)
        portal.archive_deal(third)
        with connect(simulator, spec) as client:
            live = client.read_deals([first, third, *rest], properties=["dealname"])
            archived = client.read_deals([third, rest[0]], properties=["dealname"], archived=True)
    assert sorted(int(record["id"]) for record in live) == sorted([survivor, *rest])
    assert [int(record["id"]) for record in archived] == [third]


def test_a12_a_token_without_the_scope_names_it(simulator: SimulatorServer) -> None:
    with connect(simulator, NARROW) as client, pytest.raises(MissingScopeError, match=r"crm\.objects\.deals\.read"):
        client.list_deals(properties=["dealname"])


def test_a08_a_wrong_token_is_refused(simulator: SimulatorServer) -> None:
    wrong = PrivateAppToken("pat-na1-00000000-0000-0000-0000-000000000000")
    with connect(simulator, credentials=wrong) as client, pytest.raises(AuthenticationError):
        client.portal_facts()


@pytest.mark.peer_pain(30)
def test_a09_an_oauth_token_that_expires_mid_run_is_refreshed_with_the_rotated_grant(
    simulator: SimulatorServer,
) -> None:
    rotated: list[str] = []
    grant = OAuthRefreshToken(GRANT.client_id, GRANT.client_secret, GRANT.refresh_token, on_rotated=rotated.append)
    simulator.add_fault(FaultRule(endpoint="list", portal_id=1004, nth=2, fault="status", status=401, policy="EXPIRED"))
    with connect(simulator, GRANT, credentials=grant) as client:
        assert len(walk(client, ["dealname"])) == 250
        assert client.usage.requests["oauth"] == 2
    assert len(rotated) == 2


@pytest.mark.parametrize(
    "fault",
    [
        "html",
        "deep_json",
        "huge_integer",
        "invalid_json",
        "byte_order_mark",
        "gzip_truncated",
        "gzip_claimed",
        "big_header",
        "hang",
        "truncate",
        "reset",
        "length_too_small",
        "chunked_cut",
        "undelimited_cut",
        "close",
        "http_1_0",
    ],
)
def test_one_fault_in_the_middle_of_a_walk_changes_nothing(simulator: SimulatorServer, fault: str) -> None:
    truth = sorted(simulator.portal(1001).live_deals())
    rule = simulator.add_fault(FaultRule(endpoint="list", portal_id=1001, nth=2, fault=fault))
    with connect(simulator) as client:
        assert [int(record["id"]) for record in walk(client, ["dealname"])] == truth
    assert rule.fired == 1


@pytest.mark.parametrize("fault", ["gzip_bomb", "redirect"])
def test_hostile_answers_end_the_walk(simulator: SimulatorServer, fault: str) -> None:
    location = "http://169.254.169.254/latest"
    hostile = FaultRule(endpoint="list", portal_id=1001, fault=fault, times=None, status=302, location=location)
    simulator.add_fault(hostile)
    with connect(simulator, timeouts=Timeouts()) as client, pytest.raises(HubSpotDealsError) as raised:
        walk(client, ["dealname"])
    hostile.times = 0
    assert raised.value.code in {"RESPONSE_TOO_LARGE", "UNEXPECTED_REDIRECT"}


def test_a06_searching_as_fast_as_allowed_never_earns_a_429() -> None:
    spec = PortalSpec(portal_id=7, deals=3)
    with SimulatorServer([spec]) as limited, connect(limited, spec) as client:
        for _ in range(12):
            client.highest_deal()
        assert client.usage.rate_limit_hits == 0
        assert client.usage.seconds_waiting > 1.0
