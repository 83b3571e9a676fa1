"""``POST deals/batch/read``: reference §1.3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.simulator.api import BATCH_READ, PORTAL_ID, Api

if TYPE_CHECKING:
    from hubspot_simulator import SimulatorServer
    from hubspot_simulator.portal import Portal


def test_a_complete_batch_is_200_and_in_no_particular_order(reading: Api) -> None:
    ids = [str(each) for each in reading.listed_ids()[:100]]
    answer = reading.read(ids)
    returned = [record["id"] for record in answer.json()["results"]]
    assert answer.status_code == 200
    assert answer.json().keys() == {"status", "results", "startedAt", "completedAt"}
    assert sorted(returned) == sorted(ids)
    assert returned != ids


def test_records_are_those_of_the_list(reading: Api) -> None:
    listed = reading.get(limit=50, properties="amount,dealname").json()["results"]
    read = reading.read([each["id"] for each in listed], properties=["amount", "dealname"]).json()["results"]
    assert sorted(read, key=lambda each: int(each["id"])) == listed


def test_missing_and_archived_ids_make_a_207_with_one_error_for_all(reading: Api, library: SimulatorServer) -> None:
    archived = next(iter(library.portal(PORTAL_ID).archived_deals()))
    present = reading.listed_ids()[0]
    answer = reading.read([present, 12, archived])
    body = answer.json()
    assert answer.status_code == 207
    assert [record["id"] for record in body["results"]] == [str(present)]
    assert body["numErrors"] == 1
    assert body["errors"] == [
        {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "message": "Could not get some DEAL objects, they may be deleted or not exist. Check that ids are valid.",
            "context": {"ids": ["12", str(archived)]},
        }
    ]


def test_archived_true_reads_archived_deals(reading: Api, library: SimulatorServer) -> None:
    archived = list(library.portal(PORTAL_ID).archived_deals())[:5]
    answer = reading.post(f"{BATCH_READ}?archived=true", {"inputs": [{"id": str(each)} for each in archived]})
    assert sorted(int(record["id"]) for record in answer.json()["results"]) == archived


def test_more_than_100_inputs_are_refused(reading: Api) -> None:
    answer = reading.read(range(101))
    assert answer.status_code == 400
    assert answer.json()["category"] == "VALIDATION_ERROR"
    assert answer.json()["message"] == (
        "The maximum number of inputs supported in a batch is 100. Please reduce the number of items and try again"
    )


def test_more_than_50_inputs_with_history_are_refused(reading: Api) -> None:
    answer = reading.read(range(51), propertiesWithHistory=["dealstage"])
    assert answer.status_code == 400
    assert "property histories is 50" in answer.json()["message"]
    assert reading.read(reading.listed_ids()[:50], propertiesWithHistory=["dealstage"]).status_code == 200


def test_a_merged_id_comes_back_as_its_survivor_through_a_chain(api: Api, portal: Portal) -> None:
    first, second, third, *_ = api.listed_ids()
    survivor = portal.merge_deals(portal.merge_deals(first, second), third)
    answer = api.read([first, second, third])
    assert answer.status_code == 200
    assert [record["id"] for record in answer.json()["results"]] == [str(survivor)]


def test_an_id_asked_for_twice_comes_once(reading: Api) -> None:
    deal_id = reading.listed_ids()[0]
    assert len(reading.read([deal_id, deal_id]).json()["results"]) == 1


def test_inputs_are_required(reading: Api) -> None:
    assert reading.post(BATCH_READ, {"properties": ["amount"]}).status_code == 400
    assert reading.post(BATCH_READ, [1]).status_code == 400
