"""Which difference to HubSpot's own count is a gap, for runs that have not read what is new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_hubspot_deals.exceptions import RetriableError
from tests.integration.sync.conftest import Organization
from tests.integration.sync.dimension_rows import events
from tests.integration.sync.test_lifecycle import RETRY, RUN, SMALL

LIVE, NEW = 730, 5
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
A_YEAR: dict[str, Any] = {"mode": "window", "window_start": LONG_AGO, "window_end": LONG_AGO + timedelta(days=365)}


def create(acme: Organization) -> None:
    for number in range(NEW):
        acme.portal.create_deal({"dealname": f"New {number}"})


def test_deals_that_came_since_the_last_run_are_no_gap_of_a_chosen_window(acme: Organization) -> None:
    acme.sync()
    create(acme)

    summary = acme.sync(**A_YEAR)

    assert (summary.live_deals, summary.hubspot_live_deals) == (LIVE, LIVE + NEW)
    assert events(acme, "count_mismatch") == []


def test_deals_that_are_missing_besides_are_a_gap_of_a_chosen_window(acme: Organization) -> None:
    acme.sync()
    lost = sorted(acme.portal.live_deals())[:NEW]
    create(acme)
    acme.execute("DELETE FROM hubspot.hubspot_deals WHERE hubspot_deal_id = ANY (%s)", lost)

    acme.sync(**A_YEAR)

    (told,) = events(acme, "count_mismatch")
    assert (told["stored"], told["hubspot"]) == (LIVE - NEW, LIVE + NEW)


def test_a_chosen_window_of_a_copy_that_was_never_read_whole_leaves_a_gap(acme: Organization) -> None:
    acme.sync(**A_YEAR)

    (told,) = events(acme, "count_mismatch")
    assert (told["stored"], told["hubspot"]) == (0, LIVE)


def test_deals_that_came_while_an_attempt_waited_are_no_gap_of_the_one_that_goes_on(acme: Organization) -> None:
    searched: list[str] = []

    def fail_behind_the_search(call: str, _number: int) -> None:
        if call == "search":
            searched.append(call)
        elif call == "list" and searched:
            raise RetriableError("HubSpot is away")

    with pytest.raises(RetriableError):
        acme.sync(before=fail_behind_the_search, origin=RUN, **SMALL)
    create(acme)

    summary = acme.sync(origin=RETRY, **SMALL)

    assert (summary.attempt, summary.live_deals, summary.hubspot_live_deals) == (2, LIVE, LIVE + NEW)
    assert events(acme, "count_mismatch") == []
