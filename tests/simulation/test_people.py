"""What the people of a scenario do, and what they leave alone."""

from __future__ import annotations

from random import Random

import pytest

from hubspot_simulator import PortalSpec
from hubspot_simulator.clock import Clock
from hubspot_simulator.portal import Portal
from local_stack.simulation.people import People


@pytest.fixture
def people() -> People:
    clock = Clock()
    clock.freeze()
    portal = Portal(PortalSpec(portal_id=1001, deals=60, archived=0, seed=3), clock)
    return People(portal, Random(3), rate=1.0, crowd=0)  # noqa: S311 - a scenario


def restored(people: People, endpoint: str) -> set[int]:
    """Deals that came back from the recycle bin during many requests."""
    found: set[int] = set()
    for _ in range(150):
        archived = set(people.portal.store.ids(archived=True))
        people.see_request(endpoint)
        found |= archived & set(people.portal.store.ids(archived=False))
    return found


def test_nobody_restores_a_deal_that_no_run_can_have_read_as_archived(people: People) -> None:
    people.a_run_begins()
    assert restored(people, "list") == set()

    people.a_run_begins()  # the one before never came to the end of the archived list
    assert restored(people, "list") == set()


def test_what_a_run_has_read_as_archived_is_restored(people: People) -> None:
    people.a_run_begins()
    restored(people, "list")
    people.a_run_begins()
    assert restored(people, "search") != set()


def test_an_import_takes_ids_in_a_row_in_one_millisecond(people: People) -> None:
    before = set(people.portal.store.ids(archived=False))
    while not (imported := sorted(set(people.portal.store.ids(archived=False)) - before)):
        people.work_alone(0)

    times = {people.portal.live_deals()[each]["properties"]["createdate"] for each in imported}
    assert imported == list(range(imported[0], imported[0] + len(imported)))
    assert len(times) == 1
