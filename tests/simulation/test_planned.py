"""What of a plan has happened, and what has not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError, UpstreamUnavailableError
from airflow_provider_hubspot_deals.kill_points import KillPoint
from hubspot_simulator import FaultRule, PortalSpec, SimulatorServer
from local_stack.simulation.planned import Planned
from local_stack.simulation.scenario import Blow, Kind, Scenario, drawn

GONE = UpstreamUnavailableError("HubSpot is away.")
BLOW = Blow(run=1, point=KillPoint.PAGE_READ, nth=2, kind=Kind.KILLED)


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer([PortalSpec(portal_id=1001, deals=3)], rate_limits=False) as running:
        yield running


def scenario(*, blows: tuple[Blow, ...] = (), rules: tuple[FaultRule, ...] = (), **more: FaultRule) -> Scenario:
    return replace(drawn(1), blows=blows, rules=rules, outage=more.get("outage"))


def outage() -> FaultRule:
    return FaultRule(endpoint="list", fault="status", status=503, times=None)


def test_a_blow_falls_once_at_its_time(simulator: SimulatorServer) -> None:
    planned = Planned(scenario(blows=(BLOW,)), simulator)

    assert planned.blow_at(KillPoint.PAGE_READ, run=0, times=2) is None
    assert planned.blow_at(KillPoint.PAGE_READ, run=1, times=1) is None
    assert planned.blow_at(KillPoint.CLAIMED, run=1, times=2) is None
    assert planned.open() == [str(BLOW)]
    assert planned.blow_at(KillPoint.PAGE_READ, run=1, times=2) == BLOW
    assert planned.blow_at(KillPoint.PAGE_READ, run=1, times=3) is None
    assert planned.open() == []


def test_a_blow_falls_in_a_later_run_when_its_own_did_not_get_that_far(simulator: SimulatorServer) -> None:
    assert Planned(scenario(blows=(BLOW,)), simulator).blow_at(KillPoint.PAGE_READ, run=2, times=1) == BLOW


def test_a_blow_that_hit_nobody_is_still_to_fall(simulator: SimulatorServer) -> None:
    planned = Planned(scenario(blows=(BLOW,)), simulator)
    planned.missed(planned.blow_at(KillPoint.PAGE_READ, run=1, times=2) or BLOW)

    assert planned.open() == [str(BLOW)]


def test_a_fault_that_changed_no_answer_has_not_happened(simulator: SimulatorServer) -> None:
    rule = FaultRule(endpoint="list", fault="missing_next")
    planned = Planned(scenario(rules=(rule,)), simulator)
    rule.fired = 1
    assert planned.open() == ["missing_next on list"]

    assert planned.spoiled == 0

    rule.felt = 1
    assert (planned.spoiled, planned.open()) == (1, [])


def test_old_records_need_not_be_felt_in_every_seed(simulator: SimulatorServer) -> None:
    rule = FaultRule(endpoint="batch_read", fault="old_records")
    planned = Planned(scenario(rules=(rule,)), simulator)
    assert planned.open() == ["old_records on batch_read"]

    rule.fired, rule.felt = 2, 1
    assert (planned.open(), planned.old_answers) == ([], 1)


def test_an_outage_lasts_until_an_attempt_has_given_up_for_it(simulator: SimulatorServer) -> None:
    rule = outage()
    planned = Planned(scenario(outage=rule), simulator)
    planned.see_failure(GONE)  # for another reason: it has not begun
    assert (planned.outages, len(planned.open())) == (0, 1)

    rule.fired = 8
    planned.see_failure(DatabaseUnavailableError("PostgreSQL is away."))
    planned.see_failure(None)
    assert (planned.outages, len(planned.open())) == (0, 1)

    planned.see_failure(GONE)
    assert (planned.outages, planned.open()) == (1, [])
    assert not rule.is_due("list", 1001)


def test_nothing_takes_the_place_of_an_outage(simulator: SimulatorServer) -> None:
    rules = (FaultRule(endpoint="list", fault="status", times=None),)
    lasting = outage()
    Planned(scenario(rules=rules, outage=lasting), simulator)

    assert simulator.application.plan.fault_for("list", 1001) is lasting


def test_a_scenario_without_an_outage_waits_for_none(simulator: SimulatorServer) -> None:
    planned = Planned(scenario(), simulator)
    planned.see_failure(GONE)

    assert (planned.outages, planned.spoiled, planned.open()) == (0, 0, [])
