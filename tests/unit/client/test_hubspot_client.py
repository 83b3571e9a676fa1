"""What the client asks and how it reads the answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_hubspot_deals.deals.records import PortalFacts
from airflow_provider_hubspot_deals.exceptions import BadResponseError, ConfigurationError, HubSpotRefusedError
from tests.unit.client.scripted_server import ScriptedServer, answer, deal, deals

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient

FROM = datetime(2026, 3, 1, tzinfo=UTC)


def query_of(server: ScriptedServer, number: int = -1) -> dict[str, list[str]]:
    return parse_qs(urlsplit(server.targets[number]).query)


def test_portal_facts_tell_whose_token_it_is(client: HubSpotClient, server: ScriptedServer) -> None:
    details = {
        "portalId": 12345678,
        "accountType": "STANDARD",
        "timeZone": "US/Eastern",
        "companyCurrency": "USD",
        "additionalCurrencies": [],
        "utcOffset": "-04:00",
        "utcOffsetMilliseconds": -14400000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }
    server.answers(answer(200, details))
    assert client.portal_facts() == PortalFacts(
        portal_id=12345678,
        account_type="STANDARD",
        time_zone="US/Eastern",
        currency="USD",
        ui_domain="app.hubspot.com",
        data_hosting_location="na1",
        utc_offset=timedelta(hours=-4),
        raw=details,
    )
    assert server.targets == ["/account-info/v3/details"]


@pytest.mark.parametrize("details", [{}, {"portalId": "1"}, {"portalId": None}, {"portalId": True}, []])
def test_b24_a_portal_without_an_id_is_no_portal(
    impatient: HubSpotClient, server: ScriptedServer, details: Any
) -> None:
    server.answers(answer(200, details))
    with pytest.raises(BadResponseError):
        impatient.portal_facts()


def test_the_dated_api_is_asked_on_its_own_paths(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer
) -> None:
    server.answers(answer(200, deals(1)))
    make_client(api_version="2026-09").list_deals(properties=["amount"])
    assert server.targets[0].startswith("/crm/objects/2026-09/deals?")


def test_a_wrong_base_url_or_version_is_refused_at_once(make_client: Callable[..., HubSpotClient]) -> None:
    with pytest.raises(ConfigurationError):
        make_client(base_url="https://evil.example", allow_other_hosts=False)
    with pytest.raises(ConfigurationError):
        make_client(api_version="v2")


def test_properties_and_pipelines_are_plain_lists(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(200, {"results": [{"name": "amount"}]}))
    assert client.deal_properties() == [{"name": "amount"}]
    assert client.deal_properties(data_sensitivity="sensitive") == [{"name": "amount"}]
    assert client.pipelines() == [{"name": "amount"}]
    assert server.targets == [
        "/crm/v3/properties/deals",
        "/crm/v3/properties/deals?dataSensitivity=sensitive",
        "/crm/v3/pipelines/deals",
    ]


def test_owners_come_page_by_page(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(200, deals(1, after="a b&c")), answer(200, deals(2)))
    assert [[owner["id"] for owner in page] for page in client.owners(archived=True)] == [["1"], ["2"]]
    assert query_of(server) == {"limit": ["100"], "archived": ["true"], "after": ["a b&c"]}


@pytest.mark.parametrize("cursors", [["x"], ["x", "y"]])
def test_b04_a_cursor_loop_ends_owners(client: HubSpotClient, server: ScriptedServer, cursors: list[str]) -> None:
    server.answers(*[answer(200, deals(1, after=cursor)) for cursor in cursors * 20])
    with pytest.raises(BadResponseError) as raised:
        list(client.owners())
    assert raised.value.code == "PAGING_LOOP"
    assert len(server.requests) == len(cursors) + 1


def test_any_other_endpoint_can_be_asked(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(200, ["anything"]), answer(201, {"id": "7"}), answer(204, b""))
    assert client.get_json("/crm/v3/schemas", {"archived": "true"}) == ["anything"]
    created = client.request("post", "/crm/v3/objects/notes", json={"a": 1})
    assert (created.status, created.json()) == (201, {"id": "7"})
    assert client.request("PUT", "/crm/v3/x", params={"q": "a b"}).body == b""
    assert [request.method for request in server.requests] == ["GET", "POST", "PUT"]
    assert server.targets == ["/crm/v3/schemas?archived=true", "/crm/v3/objects/notes", "/crm/v3/x?q=a+b"]
    assert server.requests[1].json() == {"a": 1}


def test_any_other_endpoint_fails_with_the_same_errors(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(404, {"message": "resource not found"}))
    with pytest.raises(HubSpotRefusedError, match="resource not found"):
        client.request("GET", "/crm/v3/nothing")
    with pytest.raises(ValueError, match="names no host"):
        client.get_json("//evil.example/crm")
    assert len(server.requests) == 1


def test_b19_server_time_is_hubspots_and_never_goes_back(client: HubSpotClient, server: ScriptedServer) -> None:
    assert client.server_time is None
    later = FROM + timedelta(seconds=5)
    server.answers(
        answer(200, deals(), date=FROM),
        answer(200, deals(), date=later),
        answer(200, deals(), date=FROM),
        answer(200, deals(), headers={"Date": "yesterday"}),
        answer(200, deals()),
    )
    seen: list[datetime | None] = []
    for _ in range(5):
        client.list_deals(properties=["a"])
        seen.append(client.server_time)
    assert seen == [FROM, later, later, later, later]


def test_usage_counts_what_was_asked_and_what_is_left(client: HubSpotClient, server: ScriptedServer) -> None:
    daily = {"X-HubSpot-RateLimit-Daily": "250000", "X-HubSpot-RateLimit-Daily-Remaining": "249998"}
    server.answers(
        answer(503, b"down"),
        answer(200, deals(1), headers=daily),
        answer(200, {"total": 1, **deals(1)}),
        answer(200, {"status": "COMPLETE", **deals(1)}),
    )
    client.list_deals(properties=["a"])
    client.highest_deal()
    client.read_deals([1], properties=["a"])
    usage = client.usage.as_dict()
    assert usage["requests"] == {"list": 2, "search": 1, "batch_read": 1}
    assert client.usage.api_calls == 4
    assert (usage["retries"], usage["rate_limit_hits"]) == (1, 0)
    assert (usage["daily_limit"], usage["daily_remaining"]) == (250_000, 249_998)
    assert usage["bytes_received"] > 500


def test_threads_may_share_a_client(client: HubSpotClient, server: ScriptedServer) -> None:
    def echo(handler: Any) -> None:
        asked = parse_qs(urlsplit(handler.path).query)["after"][0]
        answer(200, deals(int(asked)))(handler)

    server.answers(echo)
    with ThreadPoolExecutor(8) as threads:
        pages = list(threads.map(lambda n: client.list_deals(properties=["a"], after=str(n)), range(80)))
    assert [page.records[0]["id"] for page in pages] == [str(number) for number in range(80)]
    assert client.usage.api_calls == 80


def test_a_client_closes_with_its_block(make_client: Callable[..., HubSpotClient], server: ScriptedServer) -> None:
    server.answers(answer(200, deals(1)))
    with make_client() as client:
        assert client.list_deals(properties=["a"]).records == [deal(1)]
