"""An hs_lastmodifieddate that no deal of today can have: it is told, and it hides nothing that comes after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubspot_simulator.clock import iso_from_ms, ms_from_iso
from tests.integration.sync.conftest import Organization

IN_FUTURE = "2150-06-01T08:30:00.250Z"
IN_1970 = "1970-01-12T13:46:40Z"


def stamp(acme: Organization, deal_id: int, moment: str) -> None:
    acme.portal.stamp_deal(deal_id, ms_from_iso(moment))


def correct_and_edit(acme: Organization, deal_id: int) -> None:
    acme.simulator.clock.shift(60)
    acme.portal.stamp_deal(deal_id, acme.simulator.clock.now_ms())
    acme.portal.edit_deal(deal_id, {"dealname": "Edited in our days"})


def issues_of(deal: dict[str, Any]) -> list[dict[str, str]]:
    return [issue for issue in deal["_value_issues"] or [] if issue["field"] == "hs_lastmodifieddate"]


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_b20_a_deal_of_the_future_is_loaded_with_an_issue_and_later_changes_are_not_stale(
    acme: Organization, mode: str
) -> None:
    if mode == "incremental":
        acme.sync()
    deal_id, *others = sorted(acme.portal.live_deals())
    stamp(acme, deal_id, IN_FUTURE)

    summary = acme.sync(mode=mode)

    deals = acme.deals()
    assert (deals[deal_id]["hs_lastmodifieddate"], deals[deal_id]["_deleted_reason"]) == (None, None)
    assert deals[deal_id]["raw_properties"]["hs_lastmodifieddate"] == IN_FUTURE
    assert issues_of(deals[deal_id]) == [{"field": "hs_lastmodifieddate", "code": "DATE_IN_FUTURE"}]
    assert [other for other in others if issues_of(deals[other])] == []
    assert summary.counts["records_quarantined"] == 0
    assert acme.differences() == []

    correct_and_edit(acme, deal_id)
    acme.sync(mode="incremental")

    assert acme.deals()[deal_id]["dealname"] == "Edited in our days"
    assert issues_of(acme.deals()[deal_id]) == []
    assert acme.differences() == []


def test_b20_a_deal_of_the_future_does_not_drag_the_watermark_along(acme: Organization) -> None:
    stamp(acme, min(acme.portal.live_deals()), IN_FUTURE)

    watermarks = [acme.sync(mode=mode).watermark for mode in ("full", "incremental")]

    now = datetime.fromisoformat(iso_from_ms(acme.simulator.clock.now_ms()))
    assert all(watermark is not None and watermark <= now for watermark in watermarks)
    correct_and_edit(acme, max(acme.portal.live_deals()))
    acme.sync(mode="incremental")
    assert acme.differences() == []


def test_b20_a_stored_deal_whose_version_jumps_into_the_future_and_back_is_followed(acme: Organization) -> None:
    acme.sync()
    deal_id = min(acme.portal.live_deals())
    for name in ("Once", "Twice"):
        acme.portal.edit_deal(deal_id, {"dealname": name})
        stamp(acme, deal_id, IN_FUTURE)
        acme.sync(mode="incremental")
        assert acme.deals()[deal_id]["dealname"] == name
        acme.portal.stamp_deal(deal_id, acme.simulator.clock.now_ms())

    correct_and_edit(acme, deal_id)
    acme.sync(mode="incremental")

    assert acme.deals()[deal_id]["hs_lastmodifieddate"] < datetime.now(UTC)
    assert acme.differences() == []


def test_b20_a_deal_of_1970_is_loaded_as_it_is_and_its_next_change_is_found(acme: Organization) -> None:
    deal_id = min(acme.portal.live_deals())
    stamp(acme, deal_id, IN_1970)

    acme.sync()

    stored = acme.deals()[deal_id]
    assert (stored["hs_lastmodifieddate"], issues_of(stored)) == (datetime.fromisoformat(IN_1970), [])
    correct_and_edit(acme, deal_id)
    acme.sync(mode="incremental")
    assert acme.differences() == []


def test_b20_within_a_day_of_the_latest_clock_a_version_is_believed(acme: Organization) -> None:
    """Clocks of HubSpot's servers differ."""
    deal_id = min(acme.portal.live_deals())
    soon = (datetime.now(UTC) + timedelta(hours=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    stamp(acme, deal_id, soon)

    acme.sync()

    stored = acme.deals()[deal_id]
    assert (stored["hs_lastmodifieddate"], issues_of(stored)) == (datetime.fromisoformat(soon), [])


def test_b20_a_clock_of_hubspots_that_is_behind_makes_no_deal_one_of_the_future(acme: Organization) -> None:
    acme.simulator.clock.shift(-30 * 86_400)

    acme.sync()

    assert [deal_id for deal_id, deal in acme.deals().items() if issues_of(deal)] == []
    assert acme.differences() == []
