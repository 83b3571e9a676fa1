"""The list endpoint, with as many properties as one likes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_hubspot_deals.client.deals import URL_LENGTH_MAX
from airflow_provider_hubspot_deals.exceptions import BadResponseError
from tests.unit.client.scripted_server import ScriptedServer, answer, deal, deals

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient

WIDE = [f"custom_property_number_{number:04d}" for number in range(400)]  # 11 KB of names


def query_of(server: ScriptedServer, number: int = -1) -> dict[str, list[str]]:
    return parse_qs(urlsplit(server.targets[number]).query)


def test_a_list_page_asks_for_what_it_is_told(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(200, deals(479475667160, after="479475667161")))
    page = client.list_deals(properties=["dealname", "amount"], archived=True, after="17", limit=50)
    assert query_of(server) == {
        "limit": ["50"],
        "archived": ["true"],
        "after": ["17"],
        "properties": ["dealname,amount"],
    }
    assert page.records == [deal(479475667160)]
    assert page.next_after == "479475667161"


def test_live_deals_are_asked_for_unless_told_otherwise(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(200, deals(1)))
    client.list_deals(properties=["amount"])
    assert query_of(server)["archived"] == ["false"]
    assert "after" not in query_of(server)


@pytest.mark.parametrize("paging", [{"next": {"after": "5", "link": "https://evil.example/x"}}, {"next": {"after": 5}}])
def test_b01_b05_a_short_page_with_next_is_not_the_end(
    client: HubSpotClient, server: ScriptedServer, paging: Any
) -> None:
    server.answers(answer(200, {"results": [], "paging": paging}))
    assert client.list_deals(properties=["a"]).next_after == "5"


@pytest.mark.parametrize("page", [deals(1), {**deals(1), "paging": None}, {**deals(1), "paging": {"next": None}}])
def test_b03_a_page_without_next_is_the_last(client: HubSpotClient, server: ScriptedServer, page: Any) -> None:
    server.answers(answer(200, page))
    assert client.list_deals(properties=["a"]).next_after is None


@pytest.mark.parametrize("following", [{}, {"after": None}, {"after": ""}, {"after": True}, {"after": [1]}, "5", []])
def test_a_next_without_cursor_is_not_taken_for_the_end(
    impatient: HubSpotClient, server: ScriptedServer, following: Any
) -> None:
    server.answers(answer(200, {**deals(1), "paging": {"next": following}}))
    with pytest.raises(BadResponseError):
        impatient.list_deals(properties=["a"])


def test_f24_the_absolute_link_is_never_followed(client: HubSpotClient, server: ScriptedServer) -> None:
    with ScriptedServer([answer(200, deals(2))]) as elsewhere:
        server.answers(answer(200, {**deals(1), "paging": {"next": {"after": "2", "link": f"{elsewhere.url}/x"}}}))
        page = client.list_deals(properties=["a"])
        client.list_deals(properties=["a"], after=page.next_after)
        assert elsewhere.requests == []
    assert query_of(server)["after"] == ["2"]


def test_a15_properties_too_long_for_a_url_go_through_batch_read(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(
        answer(200, deals(3, 1, 2, after="4")),
        answer(200, {"status": "COMPLETE", **deals(2, 3, 1)}),
    )
    page = client.list_deals(properties=WIDE, archived=True)
    assert [record["id"] for record in page.records] == ["3", "1", "2"]
    assert page.next_after == "4"
    assert query_of(server, 0)["properties"] == ["hs_object_id"]
    assert server.targets[1] == "/crm/v3/objects/deals/batch/read?archived=true"
    assert server.requests[1].json() == {"inputs": [{"id": "3"}, {"id": "1"}, {"id": "2"}], "properties": WIDE}
    assert max(map(len, server.targets)) < 200


@pytest.mark.peer_pain(17)
def test_a15_the_longest_url_stays_below_the_limit(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(200, deals()))
    for count in range(230, 300, 3):
        client.list_deals(properties=WIDE[:count])
        assert len(server.url) + len(server.targets[-1]) <= URL_LENGTH_MAX
    assert max(map(len, server.targets)) > URL_LENGTH_MAX - 200


def test_b09_a_deal_that_vanishes_between_list_and_read_is_left_out(
    client: HubSpotClient, server: ScriptedServer
) -> None:
    gone = {"status": "error", "category": "OBJECT_NOT_FOUND", "context": {"ids": ["2"]}}
    server.answers(
        answer(200, deals(1, 2, 3, after="4")),
        answer(207, {"status": "COMPLETE", **deals(1, 3, 99), "numErrors": 1, "errors": [gone]}),
    )
    page = client.list_deals(properties=WIDE)
    assert [record["id"] for record in page.records] == ["1", "3"]
    assert page.next_after == "4"


def test_c03_c04_a_wide_page_keeps_a_deal_whose_id_is_none_and_reads_the_others(
    client: HubSpotClient, server: ScriptedServer
) -> None:
    odd = [{**deal(7), "id": "4.2E+10"}, {**deal(7), "id": [7]}, deal(7) | {"id": None}]
    listed = {"results": [deal(1), *odd, {**deal(2), "id": 2}, deal(3)]}
    read = [deal(3), {**deal(2), "id": 2}, deal(1)]
    server.answers(answer(200, listed), answer(200, {"status": "COMPLETE", "results": read}))

    page = client.list_deals(properties=WIDE)

    assert [record["id"] for record in page.records] == ["4.2E+10", [7], None, "1", 2, "3"]
    assert server.requests[1].json()["inputs"] == [{"id": "1"}, {"id": "2"}, {"id": "3"}]
    assert len(server.requests) == 2


def test_a_wide_page_without_deals_asks_no_more(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(200, deals(after="9")))
    assert client.list_deals(properties=WIDE).next_after == "9"
    assert len(server.requests) == 1
