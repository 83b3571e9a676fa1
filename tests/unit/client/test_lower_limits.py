"""A HubSpot that takes fewer deals in one request, or a shorter URL, than it documents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_hubspot_deals.exceptions import HubSpotRefusedError
from tests.unit.client.scripted_server import ScriptedServer, Step, answer, deal, deals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient

LONG = [f"custom_property_number_{number:04d}" for number in range(200)]  # 5.6 KB of names
FROM, TO = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


def refused(message: str, status: int = 400) -> Step:
    body = {"status": "error", "message": message, "correlationId": "aaaaaaaa-0007-0042-bbbb-000000000013"}
    return answer(status, {**body, "category": "VALIDATION_ERROR"})


def batch(*ids: int, **more: Any) -> Step:
    return answer(200, {"status": "COMPLETE", **deals(*ids), **more})


def without_associations(ids: Iterable[int]) -> Step:
    none = {"status": "error", "category": "OBJECT_NOT_FOUND"}
    errors = [{**none, "context": {"fromObjectId": [str(deal_id)]}} for deal_id in ids]
    return answer(207, {"status": "COMPLETE", "results": [], "numErrors": len(errors), "errors": errors})


def limits(server: ScriptedServer) -> list[str]:
    """Of the pages that were listed."""
    return [parse_qs(urlsplit(target).query)["limit"][0] for target in server.targets]


def inputs(server: ScriptedServer) -> list[int]:
    """How many ids each request named."""
    return [len(request.json()["inputs"]) for request in server.requests]


def test_a_lower_limit_of_a_page_is_kept_to_from_then_on(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(
        refused("You can only request at most 50 objects in one request."), answer(200, deals(1, 2, after="3"))
    )

    page = client.list_deals(properties=["dealname"])
    client.list_deals(properties=["dealname"], after="3")

    assert limits(server) == ["100", "50", "50"]
    assert ([record["id"] for record in page.records], page.next_after, page.limit) == (["1", "2"], "3", 50)


def test_deals_are_read_in_as_many_batches_as_a_lower_limit_takes(
    client: HubSpotClient, server: ScriptedServer
) -> None:
    message = "The maximum number of inputs supported in a batch is 40. Please reduce the number of items and try again"
    batches = [batch(*range(1, 41)), batch(*range(41, 81)), batch(*range(81, 91))]
    server.answers(refused(message), *batches)

    records = client.read_deals(range(1, 91), properties=["dealname"])
    assert [record["id"] for record in records] == [str(number) for number in range(1, 91)]
    assert inputs(server) == [90, 40, 40, 10]

    server.answers(*batches)
    client.read_deals(range(1, 91), properties=["dealname"])
    assert inputs(server)[4:] == [40, 40, 10]


def test_so_are_their_histories(client: HubSpotClient, server: ScriptedServer) -> None:
    text = "The maximum number of inputs supported in a batch request for property histories is 30."
    server.answers(refused(text), batch(*range(1, 31)), batch(*range(31, 51)))

    assert len(client.read_history(range(1, 51), ["dealstage"])) == 50
    assert inputs(server) == [50, 30, 20]


def test_and_their_associations(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(
        refused("The maximum number of inputs supported in a batch is 400."),
        *(without_associations(ids) for ids in (range(1, 401), range(401, 801), range(801, 1_001))),
    )

    assert client.read_associations("contacts", range(1, 1_001)) == ([], [])
    assert inputs(server) == [1_000, 400, 400, 200]


def test_a_lower_limit_of_owners_is_kept_to_from_then_on(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(
        refused("limit must be at most 60, but was 100"),
        answer(200, deals(1, 2, after="3")),
        answer(200, deals(3)),
    )

    assert [[owner["id"] for owner in page] for page in client.owners()] == [["1", "2"], ["3"]]
    assert list(client.owners(archived=True)) == [[deal(3)]]
    assert limits(server) == ["100", "60", "60", "60"]


def test_a_lower_limit_of_search_holds_for_both_kinds_of_it(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(refused("limit must be at most 150, but was 200"), answer(200, {"total": 2, **deals(1, 2)}))

    latest, found = client.latest_deals(), client.search_deals(modified_from=FROM, modified_to=TO)
    assert (latest.total, found.total) == (2, 2)
    assert (latest.limit, found.limit) == (150, 150)
    assert [request.json()["limit"] for request in server.requests] == [200, 150, 150]


def test_a_wide_page_is_as_short_as_its_batch_has_to_be(client: HubSpotClient, server: ScriptedServer) -> None:
    listed, fewer = (answer(200, deals(*range(1, count), after=str(count))) for count in (61, 41))
    text = "The maximum number of inputs supported in a batch is 40."
    server.answers(listed, refused(text), fewer, batch(*range(1, 41)))

    page = client.list_deals(properties=[*LONG, *(f"another_{name}" for name in LONG)])

    assert (len(page.records), page.next_after, page.limit) == (40, "41", 40)


@pytest.mark.parametrize(
    "message",
    [
        "You can only request at most 100 objects in one request.",  # as many as were asked for
        "You can only request at most 0 objects in one request.",
        "Property 7 of 12 is invalid",  # speaks of no limit
        "The limit of this account is exceeded",  # names none
    ],
)
def test_a_refusal_that_names_no_lower_limit_is_final(
    client: HubSpotClient, server: ScriptedServer, message: str
) -> None:
    server.answers(refused(message))
    with pytest.raises(HubSpotRefusedError):
        client.list_deals(properties=["dealname"])
    assert len(server.requests) == 1


def test_a_lower_limit_that_is_refused_as_well_ends_the_asking(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(refused("At most 50 objects"), refused("At most 20 objects"), refused("At most 20 objects"))
    with pytest.raises(HubSpotRefusedError):
        client.list_deals(properties=["dealname"])
    assert limits(server) == ["100", "50", "20"]


def test_a15_a_url_that_is_refused_for_its_length_gives_way_to_a_batch(
    client: HubSpotClient, server: ScriptedServer
) -> None:
    server.answers(refused("URI Too Long", 414), answer(200, deals(1, 2, after="3")), batch(1, 2))

    page = client.list_deals(properties=LONG)

    assert ([record["id"] for record in page.records], page.next_after) == (["1", "2"], "3")
    assert [len(target) > 4_000 for target in server.targets] == [True, False, False]

    server.answers(answer(200, deals(3)), batch(3))
    client.list_deals(properties=LONG, after="3")
    assert max(map(len, server.targets[3:])) < 200


def test_a_short_url_that_is_refused_for_its_length_is_somebody_elses_trouble(
    client: HubSpotClient, server: ScriptedServer
) -> None:
    server.answers(refused("URI Too Long", 414))
    with pytest.raises(HubSpotRefusedError):
        client.list_deals(properties=["dealname"])
    assert len(server.requests) == 1
