"""Associations in bulk, of one record, and their labels: reference §1.4."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubspot_simulator import FaultRule
from tests.unit.simulator.api import Api

if TYPE_CHECKING:
    from hubspot_simulator import SimulatorServer
    from hubspot_simulator.portal import Portal

CONTACTS = "/crm/v4/associations/deals/contacts/batch/read"
COMPANIES = "/crm/associations/2026-09/0-3/0-2/batch/read"


def inputs(*ids: int) -> dict[str, list[dict[str, str]]]:
    return {"inputs": [{"id": str(each)} for each in ids]}


def test_ids_are_numbers_and_labels_may_be_null(api: Api, portal: Portal) -> None:
    deal_id = api.listed_ids()[0]
    portal.associate_deal(deal_id, "companies", (51, 52))
    answer = api.post(COMPANIES, inputs(deal_id))
    primary = {"category": "HUBSPOT_DEFINED", "typeId": 5, "label": "Primary"}
    plain = {"category": "HUBSPOT_DEFINED", "typeId": 341, "label": None}
    assert answer.status_code == 200
    assert answer.json()["results"] == [
        {
            "from": {"id": str(deal_id)},
            "to": [
                {"toObjectId": 51, "associationTypes": [primary, plain]},
                {"toObjectId": 52, "associationTypes": [plain]},
            ],
        }
    ]


def test_a_deal_without_associations_is_an_error_entry_of_a_207(api: Api, portal: Portal) -> None:
    deal_id = api.listed_ids()[0]
    portal.associate_deal(deal_id, "contacts", ())
    answer = api.post(CONTACTS, inputs(deal_id))
    error = answer.json()["errors"][0]
    assert (answer.status_code, answer.json()["numErrors"]) == (207, 1)
    assert error["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert error["message"] == f"No contact is associated with deal {deal_id}."
    assert error["context"]["fromObjectId"] == [str(deal_id)]


def test_a_record_with_many_associations_pages(api: Api, portal: Portal) -> None:
    deal_id = api.listed_ids()[0]
    portal.associate_deal(deal_id, "contacts", tuple(range(1, 1_101)))
    seen: list[int] = []
    request = {"id": str(deal_id)}
    for _ in range(3):
        result = api.post(CONTACTS, {"inputs": [request]}).json()["results"][0]
        seen += [each["toObjectId"] for each in result["to"]]
        request["after"] = result.get("paging", {}).get("next", {}).get("after")
    assert seen == list(range(1, 1_101))
    assert request["after"] is None


def test_bulk_and_inline_agree_with_the_count(reading: Api) -> None:
    listed = reading.get(limit=100, associations="contacts", properties="num_associated_contacts").json()["results"]
    bulk = reading.post(CONTACTS, inputs(*(int(each["id"]) for each in listed))).json()["results"]
    expected = {each["from"]["id"]: [str(to["toObjectId"]) for to in each["to"]] for each in bulk}
    for record in listed:
        inline = [each["id"] for each in record.get("associations", {}).get("contacts", {}).get("results", [])]
        assert inline == expected.get(record["id"], [])
        assert record["properties"]["num_associated_contacts"] == str(len(inline))


def test_more_than_1000_inputs_are_refused(reading: Api) -> None:
    assert reading.post(CONTACTS, inputs(*range(1_001))).status_code == 400


def test_losers_of_a_merge_have_no_associations_any_more(api: Api, portal: Portal) -> None:
    first, second, *_ = api.listed_ids()
    portal.associate_deal(first, "contacts", (1,))
    portal.merge_deals(first, second)
    assert api.post(CONTACTS, inputs(first)).json()["results"] == []


@pytest.mark.parametrize(
    "path", ["/crm/v4/objects/deals/{}/associations/contacts", "/crm/objects/2026-09/0-3/{}/associations/0-1"]
)
def test_one_record_is_read_with_a_limit(api: Api, portal: Portal, path: str) -> None:
    deal_id = api.listed_ids()[0]
    portal.associate_deal(deal_id, "contacts", (1, 2, 3))
    page = api.get(path.format(deal_id), limit=2).json()
    assert [each["toObjectId"] for each in page["results"]] == [1, 2]
    rest = api.get(path.format(deal_id), limit=2, after=page["paging"]["next"]["after"]).json()
    assert [each["toObjectId"] for each in rest["results"]] == [3]
    assert "paging" not in rest


def test_labels_name_the_types(reading: Api) -> None:
    labels = reading.get("/crm/v4/associations/deals/companies/labels").json()["results"]
    assert [(each["typeId"], each["label"]) for each in labels] == [(5, "Primary"), (341, None)]


def test_an_unknown_type_is_refused(reading: Api) -> None:
    answer = reading.post("/crm/v4/associations/deals/butterflies/batch/read", inputs(1))
    assert answer.json()["message"] == "Unable to infer object type from: butterflies"


def test_a_short_batch_holds_half_of_what_is_found_and_names_no_other_deal(
    simulator: SimulatorServer, api: Api, portal: Portal
) -> None:
    first, second = api.listed_ids()[:2]
    portal.associate_deal(first, "contacts", (51,))
    portal.associate_deal(second, "contacts", ())
    simulator.add_fault(FaultRule(fault="short_batch"))

    short, whole = (api.post(CONTACTS, inputs(first, second)) for _ in range(2))

    assert (short.status_code, short.json().keys()) == (200, {"status", "results", "startedAt", "completedAt"})
    assert (whole.status_code, whole.json()["numErrors"]) == (207, 1)
