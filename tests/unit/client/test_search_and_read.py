"""Searching by time, reading by id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_hubspot_deals.exceptions import BadResponseError
from tests.unit.client.scripted_server import ScriptedServer, Step, answer, deal, deals, gzipped

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
    from tests.unit.client.conftest import StoppedClock

FROM, TO = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


def search(client: HubSpotClient, **more: Any) -> Any:
    return client.search_deals(**{"modified_from": FROM, "modified_to": TO, **more})


def test_b17_a_search_is_a_closed_window_walked_by_id(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(200, {"total": 21, **deals(8, 9, after="200")}))
    found = search(client, modified_to=FROM + timedelta(microseconds=1_999), after_id=7)
    assert (found.total, [record["id"] for record in found.records]) == (21, ["8", "9"])
    assert server.requests[0].method == "POST"
    assert server.requests[0].headers["content-type"] == "application/json"
    assert server.requests[0].json() == {
        "filterGroups": [
            {
                "filters": [
                    {
                        "propertyName": "hs_lastmodifieddate",
                        "operator": "BETWEEN",
                        "value": "1772323200000",
                        "highValue": "1772323200001",
                    },
                    {"propertyName": "hs_object_id", "operator": "GT", "value": "7"},
                ]
            }
        ],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": ["hs_lastmodifieddate"],
        "limit": 200,
    }


def test_a_search_from_the_epoch_asks_from_one_second_later(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(200, {"total": 0, "results": []}))
    search(client, modified_from=datetime(1970, 1, 1, tzinfo=UTC))
    assert server.requests[0].json()["filterGroups"][0]["filters"][0]["value"] == "1000"


def test_a_window_needs_time_zones_and_an_order(client: HubSpotClient, server: ScriptedServer) -> None:
    with pytest.raises(ValueError, match="time zone"):
        search(client, modified_from=datetime(2026, 3, 1))  # noqa: DTZ001 - the point
    with pytest.raises(ValueError, match="before it starts"):
        search(client, modified_from=TO, modified_to=FROM)
    assert server.requests == []


@pytest.mark.parametrize("total", [None, "5", -1, True, 1.5])
def test_a_search_without_a_total_is_no_search(impatient: HubSpotClient, server: ScriptedServer, total: Any) -> None:
    server.answers(answer(200, {"total": total, "results": []}))
    with pytest.raises(BadResponseError):
        search(impatient)


def test_b02_an_empty_page_of_a_longer_result_is_asked_for_again_until_the_index_has_settled(
    client: HubSpotClient, server: ScriptedServer, clock: StoppedClock
) -> None:
    server.answers(*[answer(200, deals(total=2))] * 6, answer(200, deals(3, total=2)))
    began = clock.now

    assert [record["id"] for record in search(client, after_id=2).records] == ["3"]
    assert clock.now - began > 1  # at once it would be the same


@pytest.mark.peer_pain(6)
def test_b02_a_total_that_never_comes_true_is_not_taken_for_the_end(
    client: HubSpotClient, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers(answer(200, deals(total=9)))

    found = search(client)

    assert (found.total, found.records) == (9, [])
    assert "counts 9 more deals and names none" in caplog.text
    assert len({request.body for request in server.requests}) == 1 < len(server.requests)


@pytest.mark.parametrize("ids", [(5, 3), (3, 3), (2, 3), (10, 100, 9)], ids=repr)
def test_b12_an_answer_whose_ids_do_not_rise_is_asked_for_again(
    client: HubSpotClient, server: ScriptedServer, ids: tuple[int, ...]
) -> None:
    server.answers(answer(200, deals(*ids, total=9)), answer(200, deals(3, 5, total=9)))
    assert [record["id"] for record in search(client, after_id=2).records] == ["3", "5"]


def test_b12_a_search_that_never_sorts_is_given_to_who_walks_as_it_is(
    client: HubSpotClient, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers(answer(200, deals(5, 3, total=9)))
    assert [record["id"] for record in search(client).records] == ["5", "3"]
    assert "its ids do not rise" in caplog.text


def test_a_search_that_ends_with_something_unusable_has_found_nothing(
    client: HubSpotClient, server: ScriptedServer
) -> None:
    server.answers(answer(200, deals(total=9)), answer(200, {"results": []}))

    with pytest.raises(BadResponseError, match="`total`"):
        search(client)


@pytest.mark.parametrize("unusable", [answer(200, b"<html>"), gzipped(deals(total=9), cut=20)], ids=["html", "cut"])
def test_what_was_odd_before_something_unreadable_has_found_nothing(
    client: HubSpotClient, server: ScriptedServer, unusable: Step
) -> None:
    server.answers(answer(200, deals(total=9)), unusable)

    with pytest.raises(BadResponseError):
        search(client)


def test_count_is_the_total_of_an_unfiltered_search(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(200, {"total": 54_321, **deals(1)}))
    assert client.highest_deal().total == 54_321
    assert "filterGroups" not in server.requests[0].json()


def test_batch_read_asks_each_id_once(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(200, {"status": "COMPLETE", **deals(2, 1)}))
    records = client.read_deals([1, 2, 1], properties=["amount"])
    assert [record["id"] for record in records] == ["2", "1"]
    assert server.targets == ["/crm/v3/objects/deals/batch/read"]
    assert server.requests[0].json() == {"inputs": [{"id": "1"}, {"id": "2"}], "properties": ["amount"]}


@pytest.mark.peer_pain(29)
def test_batch_read_of_nothing_asks_nothing_and_of_too_many_is_refused(
    client: HubSpotClient, server: ScriptedServer
) -> None:
    assert client.read_deals([], properties=["amount"]) == []
    with pytest.raises(ValueError, match="at most 100"):
        client.read_deals(range(101), properties=["amount"])
    assert server.requests == []


def test_b09_b10_ids_that_are_gone_are_absent_and_merged_ones_are_their_survivor(
    client: HubSpotClient, server: ScriptedServer
) -> None:
    gone = {"status": "error", "category": "OBJECT_NOT_FOUND", "context": {"ids": ["2"]}}
    server.answers(answer(207, {"status": "COMPLETE", **deals(1, 84805801), "numErrors": 1, "errors": [gone]}))
    records = client.read_deals([1, 2, 62241], properties=["amount"])
    assert [record["id"] for record in records] == ["1", "84805801"]


@pytest.mark.peer_pain(29)
@pytest.mark.parametrize(
    "more",
    [
        {"errors": [{"category": "INTERNAL_ERROR", "context": {"ids": ["2"]}}]},
        {"errors": [{"category": "OBJECT_NOT_FOUND"}, {"status": "error"}]},
        {"errors": ["x"]},
        {"errors": {"a": 1}},
        {"status": "PROCESSING"},
        {"paging": {"next": {"after": "1"}}},
    ],
)
def test_deals_that_could_not_be_read_are_not_taken_for_deleted(
    client: HubSpotClient, server: ScriptedServer, more: Any
) -> None:
    partial = answer(207, {"status": "COMPLETE", **deals(1), **more})
    server.answers(partial, answer(200, {"status": "COMPLETE", **deals(1, 2)}))
    assert len(client.read_deals([1, 2], properties=["amount"])) == 2


@pytest.mark.peer_pain(20)
def test_batch_read_with_very_many_properties_is_read_in_parts(client: HubSpotClient, server: ScriptedServer) -> None:
    names = [f"p{number}" for number in range(1_100)]
    server.answers(
        *[answer(200, {"status": "COMPLETE", "results": [deal(1, **{names[start]: "x"})]}) for start in (0, 500, 1_000)]
    )
    [record] = client.read_deals([1], properties=names)
    assert [len(request.json()["properties"]) for request in server.requests] == [500, 500, 100]
    assert {"p0", "p500", "p1000"} <= record["properties"].keys()
