"""When rules fire, what changes mid-run, and what the log says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hubspot_simulator import FaultRule, MutationRule
from hubspot_simulator.faults import Plan, RuleError
from tests.unit.simulator.api import PORTAL_ID, SEARCH, Api

if TYPE_CHECKING:
    from hubspot_simulator import SimulatorServer
    from hubspot_simulator.portal import Portal


def plan(simulator: SimulatorServer, fault: str, **facts: Any) -> FaultRule:
    rule = FaultRule(fault=fault, **facts)
    simulator.add_fault(rule)
    return rule


def test_a_rule_can_be_for_one_endpoint_and_portal(simulator: SimulatorServer, api: Api) -> None:
    other = plan(simulator, "status", portal_id=PORTAL_ID + 1)
    rule = plan(simulator, "status", endpoint="search", portal_id=PORTAL_ID)
    assert api.get().status_code == 200
    assert api.post(SEARCH, {}).status_code == 500
    assert (rule.seen, rule.fired, other.seen) == (1, 1, 0)


@pytest.mark.parametrize(
    ("facts", "fired_at"),
    [
        ({}, [1]),
        ({"nth": 3}, [3]),
        ({"nth": 2, "times": 2}, [2, 3]),
        ({"every": 3, "nth": 3, "times": None}, [3, 6, 9]),
        ({"times": None}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ],
)
def test_when_a_rule_fires(facts: dict[str, Any], fired_at: list[int]) -> None:
    rule = FaultRule(fault="status", **facts)
    rules = Plan()
    rules.add(rule)
    assert [number for number in range(1, 11) if rules.fault_for("list", PORTAL_ID)] == fired_at
    assert (rule.seen, rule.fired) == (10, len(fired_at))


@pytest.mark.parametrize("nth", [1, 2])
def test_one_rule_fires_at_a_time_and_the_others_count_or_wait(nth: int) -> None:
    rules = Plan()
    first, second = FaultRule(fault="status"), FaultRule(fault="html", nth=nth)
    rules.add(first)
    rules.add(second)
    assert [rules.fault_for("list", None) for _ in range(3)] == [first, second, None]


def test_a_rule_that_insists_is_tried_until_it_is_felt_and_takes_nobodys_turn() -> None:
    rules = Plan()
    insisting = FaultRule(fault="missing_next", endpoint="list", nth=2, every=5, times=None, insists=True)
    other = FaultRule(fault="status", nth=4)
    rules.add(insisting)
    rules.add(other)

    assert [rules.fault_for("list", None) for _ in range(5)] == [None, insisting, insisting, other, insisting]
    assert rules.fault_for("search", None) is None

    insisting.felt = 1
    assert [rules.fault_for("list", None) for _ in range(3)] == [None, insisting, None]  # the seventh is its turn


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(RuleError, match="known are status"):
        FaultRule(fault="earthquake")


def test_deals_change_at_a_chosen_request(simulator: SimulatorServer, api: Api, portal: Portal) -> None:
    before = portal.live_deals()
    simulator.add_fault(MutationRule(endpoint="list", nth=2, edit=3, archive=1, merge=1, create=1))
    api.get()
    assert portal.live_deals() == before
    api.get()
    after = portal.live_deals()
    assert len(after) == 40 - 1 - 2 + 1 + 1
    assert len([deal_id for deal_id in before.keys() & after.keys() if before[deal_id] != after[deal_id]]) == 3


def test_a_callback_runs_before_the_answer(simulator: SimulatorServer, api: Api, portal: Portal) -> None:
    deal_id = api.listed_ids()[0]
    simulator.on_request(lambda endpoint, _: portal.edit_deal(deal_id, {"dealname": endpoint}))
    assert api.get(limit=1).json()["results"][0]["properties"]["dealname"] == "list"
    assert api.read([deal_id], properties=["dealname"]).json()["results"][0]["properties"]["dealname"] == "batch_read"


def test_the_log_names_the_fault_and_holds_no_token(simulator: SimulatorServer, api: Api) -> None:
    plan(simulator, "html")
    api.get(limit=1, properties="amount")
    api.post(SEARCH, {"limit": 1})
    listed, searched = simulator.requests
    assert (listed.endpoint, listed.status, listed.fault, listed.portal_id) == ("list", 200, "html", PORTAL_ID)
    assert (listed.query_keys, searched.body_keys) == (("limit", "properties"), ("limit",))
    assert simulator.account(PORTAL_ID).spec.token not in repr(simulator.requests)


def test_a_callback_sees_each_answer(simulator: SimulatorServer, api: Api) -> None:
    seen: list[tuple[str, str | None, bytes]] = []
    simulator.application.on_answer.append(lambda entry, body: seen.append((entry.endpoint, entry.fault, body)))
    plan(simulator, "html", nth=2)
    right, wrong = api.get(limit=1), api.post(SEARCH, {"limit": 1})
    assert seen == [("list", None, right.content), ("search", "html", wrong.content)]


def test_a_rule_counts_the_answers_that_are_other_ones_for_it(simulator: SimulatorServer, api: Api) -> None:
    rules = {fault: plan(simulator, fault, times=3) for fault in ("missing_next", "duplicate_record", "unsorted")}
    for limit in (10, 100, 1) * 3:  # the second is the last page, the third one has nothing to put out of order
        api.get(limit=limit)
    assert [rule.fired for rule in rules.values()] == [3, 3, 3]
    assert [rule.felt for rule in rules.values()] == [2, 2, 2]


def test_old_records_are_felt_by_whoever_reads_what_has_changed(
    simulator: SimulatorServer, api: Api, portal: Portal
) -> None:
    simulator.clock.freeze()
    portal.set_search_lag(60)
    changed, unchanged = api.listed_ids()[:2]
    portal.edit_deal(changed, {"dealname": "New"})
    rule = plan(simulator, "old_records", endpoint="batch_read", times=2)
    api.read([unchanged], properties=["dealname"])
    assert rule.felt == 0
    api.read([changed], properties=["dealname"])
    assert rule.felt == 1
