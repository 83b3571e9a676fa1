"""``POST deals/search``: reference §1.2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hubspot_simulator import SimulatorServer
from hubspot_simulator.clock import ms_from_iso
from hubspot_simulator.generator import BULK_EDIT_MS
from tests.unit.simulator.api import BY_ID, DEALS, PORTAL_ID, SEARCH, Api, small_portal, where

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubspot_simulator.portal import Portal


def live(library: SimulatorServer) -> dict[int, dict[str, Any]]:
    return library.portal(PORTAL_ID).live_deals()


def test_a_search_without_filters_finds_every_live_deal_and_no_archived_one(
    reading: Api, library: SimulatorServer
) -> None:
    answer = reading.post(SEARCH, {}).json()
    assert answer["total"] == len(live(library))
    assert len(answer["results"]) == 10


def test_the_default_order_is_oldest_first(reading: Api) -> None:
    created = [each["createdAt"] for each in reading.search(limit=200).json()["results"]]
    assert created == sorted(created)


def test_the_cursor_is_an_offset_and_there_is_no_link(reading: Api) -> None:
    first = reading.search(limit=5, sorts=BY_ID).json()
    assert first["paging"] == {"next": {"after": "5"}}
    whole = reading.found_ids(sorts=BY_ID)
    assert reading.found_ids(sorts=BY_ID, limit=5, after="5") == whole[5:10]
    assert reading.found_ids(sorts=BY_ID, limit=5, after=5) == whole[5:10]


def test_the_last_page_has_no_paging_key(reading: Api) -> None:
    assert "paging" not in reading.search(limit=200, after="200").json()


def test_a_keyset_walk_in_a_closed_window_finds_exactly_the_window(reading: Api, library: SimulatorServer) -> None:
    low, high = ms_from_iso("2024-01-01"), ms_from_iso("2025-12-31")
    expected = [
        deal_id for deal_id, each in sorted(live(library).items()) if low <= ms_from_iso(each["updatedAt"]) <= high
    ]
    window = where("hs_lastmodifieddate", "BETWEEN", low, high)
    found: list[int] = []
    for _ in range(len(expected) // 9 + 1):
        found += reading.found_ids(window, where("hs_object_id", "GT", max(found, default=0)), sorts=BY_ID, limit=9)
    assert found == expected


def test_the_total_counts_what_the_id_bound_leaves(reading: Api) -> None:
    ids = reading.listed_ids()
    assert reading.search(where("hs_object_id", "GT", ids[99]), sorts=BY_ID).json()["total"] == len(ids) - 100


def test_bulk_edits_share_one_millisecond(reading: Api, library: SimulatorServer) -> None:
    found = reading.found_ids(where("hs_lastmodifieddate", "EQ", BULK_EDIT_MS))
    assert found
    assert {live(library)[deal_id]["updatedAt"] for deal_id in found} == {"2026-06-30T21:00:00Z"}


@pytest.mark.parametrize(
    ("each", "holds"),
    [
        (where("seats", "GT", 500), lambda p: float(p["seats"]) > 500),
        (where("seats", "LTE", 500), lambda p: float(p["seats"]) <= 500),
        (where("seats", "BETWEEN", 100, 200), lambda p: 100 <= float(p["seats"]) <= 200),
        (where("dealstage", "EQ", "closedwon"), lambda p: p["dealstage"] == "closedwon"),
        (where("dealstage", "EQ", "ClosedWon"), lambda _: False),
        (where("hs_next_step", "EQ", "SEND REVISED OFFER"), lambda p: p["hs_next_step"] == "Send revised offer"),
        (where("hs_priority", "HAS_PROPERTY"), lambda p: bool(p["hs_priority"])),
        (where("hs_priority", "NOT_HAS_PROPERTY"), lambda p: not p["hs_priority"]),
        (where("dealname", "CONTAINS_TOKEN", "RENEW*"), lambda p: "renewal" in p["dealname"]),
        (where("createdate", "LT", "2023-01-01"), lambda p: p["createdate"] < "2023"),
        (
            {**where("payment_terms", "IN"), "values": ["net_30", "net_60"]},
            lambda p: p["payment_terms"] in ("net_30", "net_60"),
        ),
        ({**where("hs_next_step", "IN"), "values": ["Legal review"]}, lambda _: False),
        ({**where("hs_next_step", "IN"), "values": ["legal review"]}, lambda p: p["hs_next_step"] == "Legal review"),
    ],
    ids=lambda value: f"{value['propertyName']}-{value['operator']}" if isinstance(value, dict) else "",
)
def test_operators(
    reading: Api, library: SimulatorServer, each: dict[str, Any], holds: Callable[[dict[str, Any]], bool]
) -> None:
    expected = {deal_id for deal_id, record in live(library).items() if holds(record["properties"])}
    found = reading.found_ids(each, sorts=BY_ID) + reading.found_ids(each, sorts=BY_ID, after=200)
    assert set(found) == expected


def test_groups_are_alternatives_and_top_level_filters_count_as_a_group(reading: Api) -> None:
    won, lost = where("dealstage", "EQ", "closedwon"), where("dealstage", "EQ", "closedlost")
    either = reading.post(SEARCH, {"filterGroups": [{"filters": [won]}, {"filters": [lost]}]}).json()["total"]
    separate = [reading.post(SEARCH, {"filters": [each]}).json()["total"] for each in (won, lost)]
    assert either == sum(separate) > 0


def test_an_association_is_searchable(reading: Api) -> None:
    records = reading.get(limit=100, associations="contacts").json()["results"]
    record = next(each for each in records if "associations" in each)
    contact = record["associations"]["contacts"]["results"][0]["id"]
    assert int(record["id"]) in reading.found_ids(where("associations.contact", "EQ", contact))


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": 0},
        {"limit": 200, "after": "9801"},
        {"after": "abc"},
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [where("amount", "HAS_PROPERTY")] * 7}]},
        {"filterGroups": [{"filters": [where("amount", "HAS_PROPERTY")] * 5}] * 4},
        {"filters": [where("no_such_property", "EQ", 1)]},
        {"filters": [where("amount", "ALMOST", 1)]},
        {"sorts": [*BY_ID, *BY_ID]},
        {"query": "x" * 3_001},
    ],
    ids=[
        "limit",
        "zero",
        "beyond 10000",
        "after",
        "groups",
        "in a group",
        "in all",
        "property",
        "operator",
        "sorts",
        "query",
    ],
)
def test_what_exceeds_the_rules_is_a_validation_error(reading: Api, body: dict[str, Any]) -> None:
    answer = reading.post(SEARCH, body)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


def test_the_ten_thousandth_result_can_still_be_asked_for(reading: Api) -> None:
    assert reading.search(limit=200, after="9800").status_code == 200


def test_a_range_on_text_is_a_bad_request_without_category(reading: Api) -> None:
    answer = reading.search(where("dealname", "GT", "2024-01-01"))
    assert (answer.status_code, answer.json()["message"]) == (400, "There was a problem with the request.")
    assert "category" not in answer.json()


def test_a_body_that_is_no_json_is_refused(reading: Api) -> None:
    answer = reading.session.post(f"{reading.base_url}{SEARCH}", data=b"{", timeout=10)
    assert answer.status_code == 400


def test_a_search_answer_has_no_rate_headers(reading: Api) -> None:
    assert not [name for name in reading.search().headers if "ratelimit" in name.lower()]
    assert [name for name in reading.get().headers if "ratelimit" in name.lower()]


def test_the_index_lags_behind_the_truth(simulator: SimulatorServer, api: Api, portal: Portal) -> None:
    simulator.clock.freeze()
    deal_id = api.listed_ids()[0]
    before = api.search(where("hs_object_id", "EQ", deal_id), properties=["dealname"]).json()["results"]
    portal.set_search_lag(30)
    portal.edit_deal(deal_id, {"dealname": "edited"})
    new_id = portal.create_deal({"dealname": "created"})
    archived_id = api.listed_ids()[5]
    portal.archive_deal(archived_id)

    assert api.search(where("hs_object_id", "EQ", deal_id), properties=["dealname"]).json()["results"] == before
    assert new_id not in api.found_ids()
    assert archived_id in api.found_ids()
    assert api.get(f"{DEALS}/{deal_id}").json()["properties"]["dealname"] == "edited"  # the list is never late

    simulator.clock.shift(30)
    found = api.search(where("hs_object_id", "EQ", deal_id), properties=["dealname"]).json()["results"]
    assert found[0]["properties"]["dealname"] == "edited"
    assert new_id in api.found_ids()
    assert archived_id not in api.found_ids()


def test_jitter_never_brings_an_older_version_back(simulator: SimulatorServer, api: Api, portal: Portal) -> None:
    simulator.clock.freeze()
    portal.set_search_lag(1, jitter_s=60)
    deal_id = api.listed_ids()[0]
    for number in range(20):
        portal.edit_deal(deal_id, {"amount": str(number)})
    seen = []
    for _ in range(65):
        simulator.clock.shift(1)
        record = api.search(where("hs_object_id", "EQ", deal_id), properties=["amount"]).json()["results"][0]
        seen.append(record["updatedAt"])
    assert seen == sorted(seen)
    assert record["properties"]["amount"] == "19"


def test_time_sorts_can_be_unsorted_while_id_sorts_stay_true() -> None:
    with SimulatorServer([small_portal(deals=150, unsorted_time_sorts=True)], rate_limits=False) as simulator:
        api = Api(simulator)
        by_time = [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}]
        moments = [each["updatedAt"] for each in api.search(limit=200, sorts=by_time).json()["results"]]
        assert len(moments) == 150
        assert moments != sorted(moments)
        ids = api.found_ids(sorts=BY_ID)
        assert ids == sorted(ids)


@pytest.mark.parametrize("name", ["hs_object_id", "hs_lastmodifieddate", "amount", "dealname"])
def test_descending_is_ascending_reversed(reading: Api, name: str) -> None:
    low, high = reading.listed_ids()[20], reading.listed_ids()[150]
    bound = where("hs_object_id", "BETWEEN", low, high)
    ascending = reading.found_ids(bound, sorts=[{"propertyName": name, "direction": "ASCENDING"}])
    descending = reading.found_ids(bound, sorts=[{"propertyName": name, "direction": "DESCENDING"}])
    assert len(ascending) == 131
    assert descending == ascending[::-1] == reading.found_ids(bound, sorts=[f"-{name}"])
    assert reading.found_ids(bound, sorts=[f"-{name}"], limit=10, after=10) == descending[10:20]


def test_the_offset_skips_a_deal_when_another_one_is_edited_between_pages(api: Api, portal: Portal) -> None:
    by_time = [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}]
    whole = api.found_ids(sorts=by_time)
    first = api.found_ids(sorts=by_time, limit=10)
    portal.edit_deal(first[0], {"amount": "1"})
    assert whole[10] not in [*first, *api.found_ids(sorts=by_time, after=10)]
