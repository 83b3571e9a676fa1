"""What people do to deals, and what each endpoint then shows: reference §1.8 and §1.9."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubspot_simulator import SimulatorServer
from hubspot_simulator.mutations import mutate
from hubspot_simulator.portal import UnknownDealError
from hubspot_simulator.properties import Property
from tests.unit.simulator.api import DEALS, PORTAL_ID, Api, small_portal, where

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubspot_simulator.portal import Portal


def modified(api: Api, deal_id: int, **parameters: str) -> str:
    return str(api.get(f"{DEALS}/{deal_id}", **parameters).json()["updatedAt"])


def test_an_edit_shows_and_moves_the_modification_time(api: Api, portal: Portal) -> None:
    deal_id = api.listed_ids()[3]
    before = modified(api, deal_id)
    portal.edit_deal(deal_id, {"amount": "12345", "hs_next_step": ""})
    record = api.get(f"{DEALS}/{deal_id}", properties="amount,hs_next_step,amount_in_home_currency").json()
    assert record["updatedAt"] == record["properties"]["hs_lastmodifieddate"] > before
    assert record["properties"]["amount"] == record["properties"]["amount_in_home_currency"] == "12345"
    assert record["properties"]["hs_next_step"] == ""
    portal.edit_deal(deal_id, {"hs_next_step": None})
    assert api.get(f"{DEALS}/{deal_id}", properties="hs_next_step").json()["properties"]["hs_next_step"] is None


def test_a_bulk_edit_gives_all_deals_one_millisecond(api: Api, portal: Portal) -> None:
    ids = api.listed_ids()[:20]
    portal.edit_deals(ids, {"hs_priority": "high"})
    assert len({record["updatedAt"] for record in api.read(ids).json()["results"]}) == 1


def test_a_calculated_change_leaves_the_modification_time(api: Api, portal: Portal) -> None:
    deal_id = api.listed_ids()[0]
    before = modified(api, deal_id)
    portal.recalculate_deal(deal_id, {"hs_forecast_amount": "77"})
    record = api.get(f"{DEALS}/{deal_id}", properties="hs_forecast_amount").json()
    assert (record["updatedAt"], record["properties"]["hs_forecast_amount"]) == (before, "77")


def test_archiving_leaves_the_modification_time_and_search_never_sees_it(api: Api, portal: Portal) -> None:
    deal_id = api.listed_ids()[0]
    before = modified(api, deal_id)
    portal.archive_deal(deal_id)
    assert modified(api, deal_id, archived="true") == before
    assert deal_id not in api.listed_ids()
    assert deal_id in api.listed_ids(archived="true")
    assert deal_id not in api.found_ids()


def test_a_restored_deal_is_live_again_with_its_old_modification_time(api: Api, portal: Portal) -> None:
    deal_id = api.listed_ids(archived="true")[0]
    before = modified(api, deal_id, archived="true")
    portal.restore_deal(deal_id)
    assert deal_id in api.listed_ids()
    assert modified(api, deal_id) == before
    assert deal_id in api.found_ids()


def test_whether_a_restore_moves_the_modification_time_is_an_option() -> None:
    with SimulatorServer([small_portal(restore_bumps_modified=True)], rate_limits=False) as simulator:
        api = Api(simulator)
        deal_id = api.listed_ids(archived="true")[0]
        before = modified(api, deal_id, archived="true")
        simulator.portal(PORTAL_ID).restore_deal(deal_id)
        assert modified(api, deal_id) > before


def test_merge_losers_vanish_unarchived_and_the_survivor_is_new(api: Api, portal: Portal) -> None:
    first, second, *_ = ids = api.listed_ids()
    survivor = portal.merge_deals(first, second)
    assert survivor not in ids
    assert sorted(api.listed_ids()) == sorted([*ids[2:], survivor])
    assert not {first, second} & set(api.listed_ids(archived="true"))
    record = api.get(f"{DEALS}/{first}", properties="hs_merged_object_ids").json()
    assert (record["id"], record["properties"]["hs_merged_object_ids"]) == (str(survivor), f"{first};{second}")
    assert record["properties"]["hs_lastmodifieddate"] == record["updatedAt"]
    found = api.search(where("hs_lastmodifieddate", "GTE", record["updatedAt"])).json()["results"]
    assert [each["id"] for each in found] == [str(survivor)]
    assert portal.merged_deals() == {first: survivor, second: survivor}


def test_a_chain_of_merges_names_everything_merged_in(api: Api, portal: Portal) -> None:
    first, second, third, *_ = api.listed_ids()
    between = portal.merge_deals(first, second)
    last = portal.merge_deals(between, third)
    record = api.get(f"{DEALS}/{last}", properties="hs_merged_object_ids").json()
    assert set(record["properties"]["hs_merged_object_ids"].split(";")) == {*map(str, (first, second, between, third))}


def test_the_primary_can_survive_a_merge() -> None:
    with SimulatorServer([small_portal(merge_survivor="primary")], rate_limits=False) as simulator:
        api, portal = Api(simulator), simulator.portal(PORTAL_ID)
        first, second, *rest = api.listed_ids()
        assert portal.merge_deals(first, second) == first
        assert api.listed_ids() == [first, *rest]
        record = api.get(f"{DEALS}/{second}", properties="hs_merged_object_ids").json()
        assert (record["id"], record["properties"]["hs_merged_object_ids"]) == (str(first), str(second))


def test_a_survivor_keeps_the_associations_of_both(api: Api, portal: Portal) -> None:
    first, second, *_ = api.listed_ids()
    portal.associate_deal(first, "contacts", (1, 2))
    portal.associate_deal(second, "contacts", (2, 3))
    survivor = portal.merge_deals(first, second)
    record = api.get(f"{DEALS}/{survivor}", associations="contacts", properties="num_associated_contacts").json()
    assert [each["id"] for each in record["associations"]["contacts"]["results"]] == ["1", "2", "3"]
    assert record["properties"]["num_associated_contacts"] == "3"


@pytest.mark.parametrize("archived", [True, False])
def test_a_purged_deal_is_gone_from_everywhere(api: Api, portal: Portal, *, archived: bool) -> None:
    deal_id = api.listed_ids(archived=str(archived).lower())[0]
    portal.purge_deal(deal_id)
    assert deal_id not in [*api.listed_ids(), *api.listed_ids(archived="true"), *api.found_ids()]
    assert (
        api.get(f"{DEALS}/{deal_id}").status_code == api.get(f"{DEALS}/{deal_id}", archived="true").status_code == 404
    )
    assert api.read([deal_id]).status_code == 207


def test_new_deals_sometimes_get_an_id_behind_existing_ones(api: Api, portal: Portal) -> None:
    highest = api.listed_ids()[-1]
    created = [portal.create_deal({"dealname": f"deal {number}"}) for number in range(40)]
    assert len(set(created)) == 40
    assert any(deal_id < highest for deal_id in created)
    assert any(deal_id > highest for deal_id in created)
    assert set(created) <= set(api.listed_ids()) & set(api.found_ids())


def test_a_new_property_appears_at_once(api: Api, portal: Portal) -> None:
    deal_id = api.listed_ids()[0]
    assert "churn_risk" not in api.get(limit=1, properties="churn_risk").json()["results"][0]["properties"]
    portal.define_property(Property(name="churn_risk", type="number", custom=True))
    portal.edit_deal(deal_id, {"churn_risk": "0.7"})
    assert api.get(limit=1, properties="churn_risk").json()["results"][0]["properties"]["churn_risk"] == "0.7"
    assert "churn_risk" in [each["name"] for each in api.get("/crm/v3/properties/deals").json()["results"]]


@pytest.mark.parametrize("verb", ["edit", "archive", "restore", "merge", "purge"])
def test_verbs_refuse_deals_that_are_not_there(portal: Portal, verb: str) -> None:
    calls: dict[str, Callable[[], object]] = {
        "edit": lambda: portal.edit_deal(12, {}),
        "archive": lambda: portal.archive_deal(12),
        "restore": lambda: portal.restore_deal(next(iter(portal.live_deals()))),
        "merge": lambda: portal.merge_deals(next(iter(portal.live_deals())), 12),
        "purge": lambda: portal.purge_deal(12),
    }
    with pytest.raises(UnknownDealError, match="portal 1001"):
        calls[verb]()


def test_a_deal_cannot_be_merged_with_itself(portal: Portal) -> None:
    deal_id = next(iter(portal.live_deals()))
    with pytest.raises(ValueError, match="itself"):
        portal.merge_deals(deal_id, deal_id)


def test_random_mutations_say_exactly_what_changed(portal: Portal) -> None:
    live, archived = portal.live_deals(), portal.archived_deals()
    changes = mutate(portal, edit=5, archive=3, merge=2, create=4, restore=1)
    survivors = {pair["survivor"] for pair in changes["merged"]}
    losers = {pair[role] for pair in changes["merged"] for role in ("primary", "other")}
    now = portal.live_deals()
    assert now.keys() == (live.keys() - losers - {*changes["archived"]}) | survivors | {
        *changes["created"],
        *changes["restored"],
    }
    assert portal.archived_deals().keys() == (archived.keys() | {*changes["archived"]}) - {*changes["restored"]}
    assert {deal_id for deal_id in live.keys() & now.keys() if live[deal_id] != now[deal_id]} == {*changes["edited"]}


def test_random_mutations_stop_at_what_there_is(portal: Portal) -> None:
    changes = mutate(portal, edit=1_000, restore=1_000)
    assert (len(changes["edited"]), len(changes["restored"])) == (40, 4)
