"""A portal with more properties than a URL, a request or a table can hold."""

from __future__ import annotations

import itertools

import pytest

from hubspot_simulator import FaultRule
from tests.integration.sync.conftest import Organization, SimulatorOf

EXTRA = 2_000  # PostgreSQL takes 1,600 columns, and 8,160 bytes of what it cannot move out of a row


@pytest.fixture
def wide(simulator_of: SimulatorOf, database_url: str) -> Organization:
    return simulator_of(database_url, deals=60, archived=0, extra_properties=EXTRA)


def columns(organization: Organization) -> list[str]:
    rows = organization.query(
        "SELECT table_name || '.' || column_name AS name FROM information_schema.columns"
        " WHERE table_schema = 'hubspot' ORDER BY 1"
    )
    return [row["name"] for row in rows if "hubspot_deals_standard" not in row["name"]]


@pytest.mark.peer_pain(17, 19, 21, 22)
def test_a15_c19_two_thousand_properties_with_values_make_no_column_and_lose_nothing(wide: Organization) -> None:
    before = columns(wide)
    names = [f"custom_attribute_{number:04}" for number in range(EXTRA)]
    full = min(wide.portal.live_deals())
    wide.portal.edit_deal(full, {name: f"value of {name}" for name in names})

    wide.sync()

    row = wide.deals()[full]
    assert wide.differences() == []
    assert {name: row["custom_properties"][name] for name in names} == {name: f"value of {name}" for name in names}
    assert columns(wide) == before

    wide.portal.edit_deal(full, {names[-1]: "changed"})
    wide.simulator.clock.shift(60)
    wide.sync(mode="incremental")

    assert wide.deals()[full]["custom_properties"][names[-1]] == "changed"
    assert wide.differences() == []
    assert {seen.status for seen in wide.simulator.requests} <= {200, 207}  # neither 414 nor 500


@pytest.mark.peer_pain(18)
def test_a_deal_edited_between_two_parts_of_its_properties_is_no_mixture(wide: Organization) -> None:
    deal_id, first = min(wide.portal.live_deals()), "custom_attribute_0000"  # hs_lastmodifieddate comes in a later part
    wide.portal.edit_deal(deal_id, {first: "old"})
    parts_asked = itertools.count(1)

    def edit_after_the_first_part(endpoint: str, _portal_id: int | None) -> None:
        if endpoint == "batch_read" and next(parts_asked) == 2:
            wide.portal.edit_deal(deal_id, {first: "new"})

    wide.simulator.on_request(edit_after_the_first_part)
    wide.sync()

    assert wide.deals()[deal_id]["custom_properties"][first] == "new"
    assert wide.differences() == []


def test_c03_a_deal_whose_id_is_none_goes_to_quarantine_and_holds_up_no_other(wide: Organization) -> None:
    wide.simulator.add_fault(FaultRule(fault="unkeyed_record", endpoint="list", times=None))

    wide.sync()

    assert wide.differences() == []
    found = wide.query("SELECT deal_id_text, reason_code FROM hubspot.deals_quarantine")
    assert found == [{"deal_id_text": "4.2E+10", "reason_code": "BAD_ID"}]
