"""Deals by id, when HubSpot's answer says nothing of some of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_hubspot_deals.client.batch_reads import BatchAnswer, read_all
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from hubspot_simulator.faults import FaultRule
from hubspot_simulator.server import SimulatorServer
from hubspot_simulator.specification import PortalSpec
from tests.unit.client.conftest import StoppedClock
from tests.unit.client.scripted_server import deal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hubspot_simulator.portal import Portal

SPEC = PortalSpec(portal_id=7, deals=100, archived=5)
NOBODY = 12  # an id that no deal ever had
NAMES = ["dealname", "hs_merged_object_ids"]
MANY_NAMES = ["a_first_one", *(f"custom_{number:04d}" for number in range(990)), "hs_merged_object_ids"]
SAYS_NOTHING = json.dumps({"status": "COMPLETE", "results": []})
OTHERS_ARE_GONE = {"status": "error", "category": "OBJECT_NOT_FOUND", "context": {"ids": ["9"]}}
SPEAKS_OF_ANOTHER = json.dumps({"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [OTHERS_ARE_GONE]})


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer([SPEC], rate_limits=False) as server:
        yield server


@pytest.fixture
def portal(simulator: SimulatorServer) -> Portal:
    return simulator.portal(SPEC.portal_id)


@pytest.fixture
def ids(portal: Portal) -> list[int]:
    return sorted(portal.live_deals())


@pytest.fixture
def client(simulator: SimulatorServer) -> Iterator[HubSpotClient]:
    with HubSpotClient(
        PrivateAppToken(SPEC.token),
        base_url=simulator.base_url,
        allow_other_hosts=True,
        clock=StoppedClock().as_clock(),
    ) as connected:
        yield connected


def plan(simulator: SimulatorServer, fault: str, **facts: Any) -> None:
    simulator.add_fault(FaultRule(endpoint="batch_read", fault=fault, **facts))


def ids_of(records: Sequence[dict[str, Any]]) -> list[int]:
    return sorted(int(record["id"]) for record in records)


def asked(client: HubSpotClient) -> int:
    return client.usage.requests["batch_read"]


@pytest.mark.peer_pain(29)
def test_b09_deals_that_an_answer_leaves_out_without_a_word_are_asked_for_again(
    client: HubSpotClient, simulator: SimulatorServer, ids: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    plan(simulator, "short_batch")

    assert ids_of(client.read_deals(ids, properties=NAMES)) == ids
    assert asked(client) == 2
    assert "100 deals took 2 answers" in caplog.text


def test_b09_so_are_those_of_answers_that_are_never_whole(
    client: HubSpotClient, simulator: SimulatorServer, ids: list[int]
) -> None:
    plan(simulator, "short_batch", times=None)

    assert ids_of(client.read_deals([*ids[:99], NOBODY], properties=NAMES)) == ids[:99]
    assert asked(client) == 10  # with 50 records, 25, 12, 6, 3, 2, 1, and thrice none for the one that nobody is


def test_b09_an_answer_about_nobody_is_asked_for_again_in_halves(
    client: HubSpotClient, simulator: SimulatorServer, ids: list[int]
) -> None:
    plan(simulator, "body", body=SAYS_NOTHING)

    assert ids_of(client.read_deals(ids, properties=NAMES)) == ids
    assert asked(client) == 3


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("body", [SAYS_NOTHING, SPEAKS_OF_ANOTHER], ids=["silent", "of another"])
def test_b09_a_deal_of_which_alone_nothing_is_said_is_asked_for_three_times(
    client: HubSpotClient, simulator: SimulatorServer, ids: list[int], times: int, body: str
) -> None:
    plan(simulator, "body", body=body, times=times)

    assert ids_of(client.read_deals(ids[:1], properties=NAMES)) == ids[:1]
    assert asked(client) == times + 1


@pytest.mark.parametrize(("count", "requests"), [(1, 3), (2, 7), (100, 399)])
def test_b09_a_hubspot_that_never_says_which_deals_are_gone_is_believed_about_each_alone(
    client: HubSpotClient, simulator: SimulatorServer, ids: list[int], count: int, requests: int
) -> None:
    plan(simulator, "body", body=SAYS_NOTHING, times=None)

    assert client.read_deals(ids[:count], properties=NAMES) == []
    assert asked(client) == requests


def test_b09_deals_that_an_answer_names_as_gone_are_not_asked_for_again(
    client: HubSpotClient, portal: Portal, ids: list[int]
) -> None:
    portal.archive_deal(ids[0])

    assert ids_of(client.read_deals([NOBODY, *ids[:98]], properties=NAMES)) == ids[1:98]
    assert asked(client) == 1


@pytest.mark.parametrize("names", [NAMES, MANY_NAMES], ids=["in one part", "in two parts"])
def test_b10_merged_deals_are_not_asked_for_again(
    client: HubSpotClient, portal: Portal, ids: list[int], names: list[str]
) -> None:
    chain = portal.merge_deals(portal.merge_deals(ids[0], ids[1]), ids[2])
    pair = portal.merge_deals(ids[3], ids[4])

    # The survivor of the pair is asked for as well; that of the chain comes although nobody asked for it.
    assert ids_of(client.read_deals([*ids[:99], pair], properties=names)) == [*ids[5:99], *sorted((chain, pair))]
    assert asked(client) == (1 if names is NAMES else 2)


def test_b10_a_survivor_that_does_not_tell_what_was_merged_into_it_comes_once(
    client: HubSpotClient, portal: Portal, ids: list[int]
) -> None:
    first, second = portal.merge_deals(ids[0], ids[1]), portal.merge_deals(ids[2], ids[3])

    # As many strangers as ids without an answer: each came for one of them.
    assert ids_of(client.read_deals([ids[0], ids[2], *ids[4:]], properties=["dealname"])) == [*ids[4:], first, second]
    assert asked(client) == 1

    # Fewer strangers: together, then each alone.
    assert ids_of(client.read_deals(ids[2:], properties=["dealname"])) == [*ids[4:], second]
    assert asked(client) == 1 + 4


def test_b09_b10_merged_deals_explain_no_more_than_themselves(
    client: HubSpotClient, simulator: SimulatorServer, portal: Portal, ids: list[int]
) -> None:
    survivor = portal.merge_deals(ids[0], ids[1])
    plan(simulator, "short_batch")

    assert ids_of(client.read_deals(ids, properties=NAMES)) == [*ids[2:], survivor]


def test_b09_so_are_histories(client: HubSpotClient, simulator: SimulatorServer, ids: list[int]) -> None:
    plan(simulator, "short_batch")

    assert ids_of(client.read_history(ids[:50], ["dealstage"])) == ids[:50]
    assert asked(client) == 2


def test_b09_and_the_deals_of_a_page_with_more_properties_than_a_url_holds(
    client: HubSpotClient, simulator: SimulatorServer, ids: list[int]
) -> None:
    plan(simulator, "short_batch")

    page = client.list_deals(properties=MANY_NAMES)

    assert [int(record["id"]) for record in page.records] == ids
    assert asked(client) == 3  # two parts, one of them short


@pytest.mark.parametrize(("times", "requests"), [(1, 2), (2, 3), (None, 3)])
def test_an_answer_that_says_nothing_of_any_association_is_believed_when_it_comes_thrice(
    client: HubSpotClient, simulator: SimulatorServer, ids: list[int], times: int | None, requests: int
) -> None:
    for deal_id, contacts in ((ids[0], (5,)), (ids[1], ())):
        simulator.portal(SPEC.portal_id).associate_deal(deal_id, "contacts", contacts)
    simulator.add_fault(FaultRule(endpoint="associations", fault="body", body=SAYS_NOTHING, times=times))

    found = client.read_associations("contacts", ids[:2])

    assert [each.to_object_id for each in found.associations] == ([5] if times else [])
    assert client.usage.requests["associations"] == requests


@pytest.mark.parametrize(("times", "requests"), [(0, 1), (1, 2), (None, 10)])
def test_and_associations(
    client: HubSpotClient, simulator: SimulatorServer, ids: list[int], times: int | None, requests: int
) -> None:
    portal = simulator.portal(SPEC.portal_id)
    for deal_id in ids:
        portal.associate_deal(deal_id, "contacts", (deal_id + 1,) if deal_id != ids[-1] else ())
    simulator.add_fault(FaultRule(endpoint="associations", fault="short_batch", times=times))

    found = client.read_associations("contacts", ids)

    given = [(each.deal_id, each.to_object_id) for each in found.associations]
    assert given == [(deal_id, deal_id + 1) for deal_id in ids[:99]]
    assert client.usage.requests["associations"] == requests


def answering(*answers: BatchAnswer) -> Callable[[Sequence[int]], BatchAnswer]:
    left = list(answers)
    return lambda _asked: left.pop(0)


def test_a_record_without_a_usable_id_explains_one_that_is_missing() -> None:
    unusable = {**deal(1), "id": "4.2E+10"}

    assert read_all(answering(BatchAnswer([unusable, deal(2)])), [42_000_000_000, 2]) == [unusable, deal(2)]


def test_records_that_one_answer_brings_twice_are_left_to_whoever_loads_them() -> None:
    assert read_all(answering(BatchAnswer([deal(1), deal(1), deal(2)])), [1, 2]) == [deal(1), deal(1), deal(2)]
