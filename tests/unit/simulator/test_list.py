"""``GET deals`` and ``GET deals/{id}``: reference §1.1 and §2."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.unit.simulator.api import DEALS, PORTAL_ID, Api

if TYPE_CHECKING:
    from hubspot_simulator import SimulatorServer
    from hubspot_simulator.portal import Portal


def test_a_page_has_10_records_unless_more_are_asked_for(reading: Api) -> None:
    assert len(reading.get().json()["results"]) == 10
    assert len(reading.get(limit=100).json()["results"]) == 100


@pytest.mark.parametrize("path", ["/crm/v3/objects/0-3", "/crm/objects/2026-03/deals", "/crm/objects/2026-09/0-3"])
def test_every_spelling_of_the_path_gives_the_same_page(reading: Api, path: str) -> None:
    assert reading.get(path, limit=7).json()["results"] == reading.get(DEALS, limit=7).json()["results"]


def test_a_walk_meets_every_live_deal_once_in_ascending_order(reading: Api, library: SimulatorServer) -> None:
    assert reading.listed_ids() == sorted(library.portal(PORTAL_ID).live_deals())


def test_archived_true_lists_only_archived_deals(reading: Api, library: SimulatorServer) -> None:
    pages = list(reading.walk(archived="true"))
    records = [record for page in pages for record in page["results"]]
    assert [int(record["id"]) for record in records] == sorted(library.portal(PORTAL_ID).archived_deals())
    assert all(record["archived"] is True and record["archivedAt"] for record in records)


def test_the_last_page_has_no_paging_key(reading: Api) -> None:
    *earlier, last = reading.walk(limit=65)
    assert "paging" not in last
    assert len(last["results"]) == 65  # 260 = 4 * 65: a full page may be the last one
    assert all("paging" in page for page in earlier)


def test_the_cursor_is_the_last_id_plus_one_and_inclusive(reading: Api) -> None:
    ids = reading.listed_ids()
    assert reading.get(limit=3).json()["paging"]["next"]["after"] == str(ids[2] + 1)
    assert reading.get(limit=1, after=str(ids[5])).json()["results"][0]["id"] == str(ids[5])
    assert reading.get(limit=1, after=str(ids[5] + 1)).json()["results"][0]["id"] == str(ids[6])


@pytest.mark.parametrize("after", ["0", "-5", "1"])
def test_any_integer_is_a_cursor(reading: Api, after: str) -> None:
    assert reading.get(limit=5, after=after).json()["results"] == reading.get(limit=5).json()["results"]


def test_a_cursor_behind_the_last_deal_gives_an_empty_last_page(reading: Api) -> None:
    assert reading.get(after=str(2**63 - 1)).json() == {"results": []}


@pytest.mark.parametrize("after", ["NTI1Cg%3D%3D", "abc", "1.5", str(2**63)])
def test_a_cursor_that_is_no_integer_is_refused(reading: Api, after: str) -> None:
    answer = reading.get(after=after)
    assert answer.status_code == 400
    assert "Cannot deserialize value of type" in answer.json()["message"]


def test_the_link_repeats_the_other_parameters_and_names_hubspots_host(reading: Api) -> None:
    following = reading.get(limit=2, properties="dealname,amount", archived="false").json()["paging"]["next"]
    link = urlsplit(following["link"])
    assert link.netloc == "api.hubapi.com"
    assert "properties=dealname%2Camount" in link.query
    assert parse_qs(link.query)["after"] == [following["after"]]


def test_without_properties_the_eight_default_ones_come(reading: Api) -> None:
    record = reading.get(limit=1).json()["results"][0]
    assert list(record["properties"]) == [
        *("amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate", "hs_object_id"),
        "pipeline",
    ]


def test_unset_is_null_unknown_is_left_out_and_three_always_come(reading: Api) -> None:
    for record in reading.get(limit=5, properties="closed_won_reason,no_such_property").json()["results"]:
        names = {"closed_won_reason", "createdate", "hs_lastmodifieddate", "hs_object_id"}
        assert record["properties"].keys() == names
        assert record["properties"]["closed_won_reason"] is None


def test_properties_may_be_repeated_instead_of_joined(reading: Api) -> None:
    joined = reading.get(limit=3, properties="amount,dealname").json()["results"]
    assert reading.get(limit=3, properties=["amount", "dealname"]).json()["results"] == joined


def test_every_value_is_a_string_or_null(reading: Api, library: SimulatorServer) -> None:
    names = ",".join(library.portal(PORTAL_ID).definitions)
    values = [
        value for page in reading.walk(properties=names) for r in page["results"] for value in r["properties"].values()
    ]
    assert {type(value) for value in values} == {str, type(None)}


def test_updated_at_equals_the_property(reading: Api) -> None:
    for record in reading.get(limit=100).json()["results"]:
        assert record["updatedAt"] == record["properties"]["hs_lastmodifieddate"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"limit": 101}, "You can only request at most 100 objects in one request."),
        (
            {"limit": 51, "propertiesWithHistory": "dealstage"},
            "You can only request at most 50 objects in one request for properties with history",
        ),
    ],
)
def test_too_large_a_limit_is_refused(reading: Api, parameters: dict[str, Any], message: str) -> None:
    answer = reading.get(**parameters)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_answers_are_compact_json_with_a_correlation_id(reading: Api) -> None:
    answer = reading.get(limit=1)
    assert answer.headers["Content-Type"] == "application/json;charset=utf-8"
    assert b'": ' not in answer.content
    assert uuid.UUID(answer.headers["X-HubSpot-Correlation-Id"])


def test_an_error_carries_the_same_correlation_id_in_body_and_header(reading: Api) -> None:
    answer = reading.get(limit=101)
    assert answer.json()["correlationId"] == answer.headers["X-HubSpot-Correlation-Id"]


def test_a_url_beyond_16000_characters_is_too_long(reading: Api) -> None:
    assert reading.get(properties=",".join(f"property_{number}" for number in range(2_000))).status_code == 414


def test_inline_associations_come_once_for_each_type(reading: Api) -> None:
    records = reading.get(limit=100, associations="companies,contacts").json()["results"]
    companies = [
        record["associations"]["companies"]["results"]
        for record in records
        if "companies" in record.get("associations", {})
    ]
    assert companies
    for entries in companies:
        assert [entry["type"] for entry in entries[:2]] == ["deal_to_company", "deal_to_company_unlabeled"]
        assert entries[0]["id"] == entries[1]["id"]


def test_a_type_without_associations_is_absent(reading: Api) -> None:
    records = reading.get(limit=100, associations="contacts").json()["results"]
    absent = [record for record in records if "associations" not in record]
    assert absent
    assert all("contacts" in record["associations"] for record in records if record not in absent)


def test_one_deal_is_read_by_its_id(reading: Api) -> None:
    record = reading.get(limit=1).json()["results"][0]
    assert reading.get(f"{DEALS}/{record['id']}").json() == record


def test_an_archived_deal_is_not_found_unless_asked_for(reading: Api, library: SimulatorServer) -> None:
    deal_id = next(iter(library.portal(PORTAL_ID).archived_deals()))
    assert reading.get(f"{DEALS}/{deal_id}").status_code == 404
    assert reading.get(f"{DEALS}/{deal_id}", archived="true").json()["archived"] is True


def test_not_found_bodies_differ_for_numeric_and_other_ids(reading: Api) -> None:
    numeric, other = reading.get(f"{DEALS}/12"), reading.get(f"{DEALS}/x")
    assert (numeric.status_code, numeric.json()["message"]) == (404, "resource not found")
    assert "category" not in numeric.json()
    assert (other.status_code, other.json()["message"]) == (404, "Object not found.  objectId are usually numeric.")
    assert other.json()["category"] == "OBJECT_NOT_FOUND"


def test_an_unknown_object_type_is_named(reading: Api) -> None:
    answer = reading.get("/crm/v3/objects/butterflies")
    assert (answer.status_code, answer.json()["message"]) == (400, "Unable to infer object type from: butterflies")


def test_property_history_is_newest_first(api: Api, portal: Portal) -> None:
    deal_id = portal.create_deal({"dealname": "first", "amount": "1"})
    portal.edit_deal(deal_id, {"dealname": "second"})
    record = api.get(f"{DEALS}/{deal_id}", propertiesWithHistory="dealname,amount").json()
    history = record["propertiesWithHistory"]
    assert [entry["value"] for entry in history["dealname"]] == ["second", "first"]
    assert [entry["value"] for entry in history["amount"]] == ["1"]
    assert history["dealname"][0]["timestamp"] == record["updatedAt"]


def test_nul_and_lone_surrogates_travel_as_json_escapes(api: Api, portal: Portal) -> None:
    nul = portal.create_deal({"dealname": "before\x00after"})
    surrogate = portal.create_deal({"dealname": "cut \ud83d"})
    assert b'"before\\u0000after"' in api.get(f"{DEALS}/{nul}").content
    assert b'"cut \\ud83d"' in api.get(f"{DEALS}/{surrogate}").content
    assert {nul, surrogate} <= {*api.listed_ids()}
