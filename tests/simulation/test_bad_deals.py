"""What people write that no row can be made of, and how much of it."""

from __future__ import annotations

from random import Random

import pytest

from hubspot_simulator import PortalSpec
from hubspot_simulator.clock import Clock
from hubspot_simulator.portal import Portal
from local_stack.simulation.bad_deals import BAD_MAX, UNWANTED_MAX, Bad, BadDeals, reason_of

WRITTEN = [Bad.VERSION, Bad.UNWANTED, Bad.VALUE]


@pytest.fixture
def portal() -> Portal:
    clock = Clock()
    clock.freeze()
    return Portal(PortalSpec(portal_id=1001, deals=60, archived=0, seed=3), clock)


def bad_deals(portal: Portal) -> list[str]:
    """The reasons of all bad ones."""
    found = [reason_of(deal.values) for deal in portal.store.deals(archived=False)]
    return [reason for reason in found if reason]


def test_each_kind_is_written_and_known_again(portal: Portal) -> None:
    BadDeals(portal, Random(1), WRITTEN).write_each()  # noqa: S311 - a scenario

    assert sorted(bad_deals(portal)) == [Bad.VERSION, Bad.UNWANTED]


def test_there_are_never_so_many_that_a_portal_looks_broken(portal: Portal) -> None:
    bad = BadDeals(portal, Random(1), WRITTEN)  # noqa: S311 - a scenario

    for _ in range(100):
        bad.write_each()
        found = bad_deals(portal)
        assert len(found) <= BAD_MAX
        assert found.count(Bad.UNWANTED) <= UNWANTED_MAX
    assert {Bad.VERSION, Bad.UNWANTED} >= set(found) != set()


def test_a_bad_deal_is_newer_than_the_good_one_was(portal: Portal) -> None:
    before = {deal.deal_id: deal.modified_ms for deal in portal.store.deals(archived=False)}
    BadDeals(portal, Random(1), [Bad.VERSION]).write_each()  # noqa: S311 - a scenario

    (bad,) = [deal for deal in portal.store.deals(archived=False) if reason_of(deal.values)]
    assert bad.modified_ms > before.get(bad.deal_id, 0)


def test_what_is_corrected_is_good_again(portal: Portal) -> None:
    bad = BadDeals(portal, Random(1), WRITTEN)  # noqa: S311 - a scenario
    bad.write_each()

    bad.correct(list(portal.store.ids(archived=False)))

    assert bad_deals(portal) == []


def test_a_portal_without_deals_has_no_bad_ones() -> None:
    empty = Portal(PortalSpec(portal_id=1001, deals=0, archived=0), Clock())

    BadDeals(empty, Random(1), WRITTEN).write_each()  # noqa: S311 - a scenario

    assert bad_deals(empty) == []
