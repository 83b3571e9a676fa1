"""Exchange rates of portals with several currencies; no word where there are none to be read."""

from __future__ import annotations

import logging
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from hubspot_simulator import FaultRule
from tests.integration.sync.conftest import Organization
from tests.integration.sync.dimension_rows import ALWAYS, QUIET, asked, events, rows


@pytest.fixture
def acme(simulator_of: Any, database_url: str) -> Organization:
    organization: Organization = simulator_of(
        database_url, deals=5, archived=0, currency="EUR", additional_currencies=("USD", "GBP")
    )
    return organization


def test_every_rate_is_stored_past_ones_too(acme: Organization) -> None:
    acme.sync()

    stored = rows(acme, "exchange_rates")
    assert {
        (row["exchange_rate_id"], row["from_currency"], row["to_currency"], row["conversion_rate"]) for row in stored
    } == {
        (each.rate_id, each.from_currency, each.to_currency, Decimal(str(each.rate)))
        for each in acme.portal.exchange_rates
    }
    assert {row["from_currency"] for row in stored} == {"USD", "GBP"}
    assert len({row["effective_at"] for row in stored}) == 2


def test_they_are_asked_for_with_the_other_lists_and_unchanged_ones_are_not_written(acme: Organization) -> None:
    acme.sync()
    before = rows(acme, "exchange_rates")

    acme.sync(**QUIET)
    acme.sync(**ALWAYS)

    assert asked(acme, "exchange_rates") == 2
    assert rows(acme, "exchange_rates") == before


def test_a_changed_rate_and_one_that_is_gone_are_seen(acme: Organization) -> None:
    acme.sync()
    first, second, *others = acme.portal.exchange_rates
    acme.portal.define_exchange_rates((replace(first, rate=1.25, is_visible=False), *others))

    acme.sync(**ALWAYS)

    found = {row["exchange_rate_id"]: row for row in rows(acme, "exchange_rates")}
    assert (found[first.rate_id]["conversion_rate"], found[first.rate_id]["is_visible"]) == (Decimal("1.25"), False)
    assert [key for key, row in found.items() if row["_deleted_at"]] == [second.rate_id]


def test_a_portal_with_one_currency_is_not_asked(simulator_of: Any, database_url: str) -> None:
    acme: Organization = simulator_of(database_url, deals=5, archived=0)

    acme.sync()

    assert (asked(acme, "exchange_rates"), rows(acme, "exchange_rates")) == (0, [])


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_is_no_failure_and_no_event(
    acme: Organization, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    acme.simulator.add_fault(FaultRule(fault="status", status=status, endpoint="exchange_rates", times=None))

    with caplog.at_level(logging.DEBUG, logger="airflow_provider_hubspot_deals"):
        acme.sync()
        acme.sync(**QUIET)

    told = [record for record in caplog.records if "exchange rates stay unread" in record.getMessage()]
    assert [record.levelno for record in told] == [logging.DEBUG]
    assert events(acme, "dimension_unreadable") == []
    assert (asked(acme, "exchange_rates"), len(acme.deals())) == (1, 5)


def test_a_rate_that_says_nothing_is_skipped_and_none_is_taken_for_gone(acme: Organization) -> None:
    acme.sync()
    first, _, *others = acme.portal.exchange_rates
    acme.portal.define_exchange_rates((replace(first, rate=0.0), *others))

    acme.sync(**ALWAYS)

    assert [row["_deleted_at"] for row in rows(acme, "exchange_rates")] == [None] * 4
