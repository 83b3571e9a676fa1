"""A full read that learns on its way of a property with values in deals that it has read begins again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_hubspot_deals.exceptions import JobLostError, RetriableError
from hubspot_simulator.properties import Property
from hubspot_simulator.specification import ALL_SCOPES
from tests.integration.sync.conftest import A_DAY_AGO_S, Organization
from tests.integration.sync.dimension_rows import ALWAYS, QUIET, events
from tests.integration.sync.test_lifecycle import RETRY, RUN, SMALL, fail_at

ALL_TOKEN = "pat-na1-sensitive-token"
LATE: dict[str, Any] = {**SMALL, "dimensions_every": ALWAYS["dimensions_every"]}
Restore = Callable[[], None]


def values(acme: Organization, name: str) -> dict[int, str | None]:
    return {deal_id: deal["raw_properties"].get(name) for deal_id, deal in acme.deals().items()}


def job(acme: Organization, position: int = -1) -> dict[str, Any]:
    return acme.jobs()[position]


@pytest.fixture
def restore(acme: Organization) -> Restore:
    """One of the portal's properties is archived; this brings it back."""
    definition = acme.portal.definitions["competitor"]
    acme.portal.archive_property("competitor")
    return lambda: acme.portal.define_property(definition)


def interrupted(acme: Organization, **settings: Any) -> None:
    with pytest.raises(RetriableError):
        acme.sync(before=fail_at("list", 6), origin=RUN, mode="full", **{**SMALL, **settings})


def test_a_resumed_full_run_brings_a_restored_property_of_every_deal(acme: Organization, restore: Restore) -> None:
    acme.sync()
    interrupted(acme)
    restore()

    acme.sync(origin=RETRY, mode="full", **SMALL)

    assert acme.differences() == []
    assert any(values(acme, "competitor").values())
    assert [drift["asks_for_full_run"] for drift in events(acme, "schema_drift")] == [True]
    acme.sync()
    assert [each["mode"] for each in acme.jobs()] == ["full", "full", "incremental"]  # and that was all


def test_so_does_the_first_run_of_all(acme: Organization) -> None:
    scopes = {*ALL_SCOPES, "crm.objects.deals.sensitive.read"}
    acme.simulator.accounts.add_token(1001, ALL_TOKEN, scopes)
    deal_id = min(acme.portal.live_deals())
    acme.portal.edit_deal(deal_id, {"buyer_tax_number": "DE 4711"})
    interrupted(acme)

    acme.sync(token=ALL_TOKEN, origin=RETRY, **LATE)

    assert acme.deals()[deal_id]["raw_properties"]["buyer_tax_number"] == "DE 4711"


def test_what_was_counted_stays_and_the_progress_can_reach_its_end(acme: Organization, restore: Restore) -> None:
    interrupted(acme)
    restore()

    acme.sync(origin=RETRY, **SMALL)

    whole = 730 + 40 + 40
    assert (job(acme)["records_extracted"], job(acme)["records_expected"]) == (440 + whole, 440 + whole)


def test_an_attempt_that_dies_before_it_has_read_anything_anew_leaves_that_to_the_next(
    acme: Organization, restore: Restore
) -> None:
    interrupted(acme)
    restore()
    with pytest.raises(RetriableError):
        acme.sync(before=fail_at("list", 1), origin=RETRY, **SMALL)

    acme.sync(origin=replace(RETRY, try_number=3), **SMALL)

    assert acme.differences() == []


def test_a_full_read_that_was_lost_begins_again_when_another_run_learnt_of_it(
    acme: Organization, restore: Restore
) -> None:
    def take_for_dead(call: str, number: int) -> None:
        if (call, number) == ("list", 6):
            lose = "UPDATE hubspot.jobs SET status = 'failed', error_code = 'HEARTBEAT_LOST' WHERE status = 'running'"
            acme.execute(lose)

    acme.sync()
    with pytest.raises(JobLostError):
        acme.sync(before=take_for_dead, origin=RUN, mode="full", **SMALL)
    restore()
    acme.sync(**QUIET)

    acme.sync(origin=RETRY, mode="full", **SMALL)

    assert job(acme)["continues"] == job(acme, 1)["id"]
    assert acme.differences() == []


def test_a_full_run_in_which_no_property_appeared_goes_on_where_it_was(acme: Organization) -> None:
    acme.sync()
    interrupted(acme)
    acme.portal.archive_property("competitor")

    acme.sync(origin=RETRY, mode="full", **SMALL)

    assert job(acme)["records_extracted"] == 770 + 40


def test_a_property_that_came_while_deals_were_read_asks_for_a_full_run(acme: Organization, restore: Restore) -> None:
    def set_during_the_run(call: str, _number: int) -> None:
        if call == "list":
            restore()
            acme.portal.edit_deal(min(acme.portal.live_deals()), {"competitor": "set meanwhile"})

    acme.sync()
    acme.execute("UPDATE hubspot.sync_state SET last_full_sync_at = '2000-01-01'")  # long before HubSpot's definition

    acme.sync(**QUIET, before=set_during_the_run)
    acme.sync(**QUIET)
    acme.sync(full_refresh_every=timedelta(days=100_000))

    assert [each["mode"] for each in acme.jobs()] == ["full", "incremental", "incremental", "full"]
    assert acme.differences() == []


@pytest.fixture
def invent(acme: Organization) -> Callable[[], None]:
    """Well after what was read so far, somebody makes a property and gives it to a deal."""

    def invent() -> None:
        clock = acme.simulator.clock
        clock.shift(600 - A_DAY_AGO_S)
        acme.portal.define_property(Property(name="churn_risk", type="number", custom=True, created_ms=clock.now_ms()))
        acme.portal.edit_deal(min(acme.portal.live_deals()), {"churn_risk": "3"})

    return invent


def test_a_property_that_is_new_in_hubspot_brings_its_values_without_a_full_run(
    acme: Organization, invent: Callable[[], None]
) -> None:
    acme.sync()
    invent()

    acme.sync()

    assert [each["mode"] for each in acme.jobs()] == ["full", "incremental"]
    assert [drift["asks_for_full_run"] for drift in events(acme, "schema_drift")] == [False]
    assert acme.differences() == []
    assert "3" in values(acme, "churn_risk").values()


def test_a_property_that_is_new_since_the_last_batch_lets_a_full_run_go_on_where_it_was(
    acme: Organization, invent: Callable[[], None]
) -> None:
    interrupted(acme)
    invent()

    acme.sync(origin=RETRY, mode="full", **SMALL)

    edited = 1
    assert job(acme)["records_extracted"] == 770 + 40 + edited
    assert acme.differences() == []
