"""Which properties a run reads, and what it says of those that it cannot."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from airflow_provider_hubspot_deals.deals.columns import REQUIRED_PROPERTIES
from airflow_provider_hubspot_deals.sync.properties import STANDARD_PROPERTIES
from hubspot_simulator import FaultRule
from hubspot_simulator.properties import Property
from hubspot_simulator.specification import ALL_SCOPES
from tests.integration.sync.conftest import Organization
from tests.integration.sync.dimension_rows import ALWAYS, QUIET, asked, events, rows

ALWAYS_SENT = {"createdate", "hs_lastmodifieddate", "hs_object_id"}  # whatever HubSpot is asked for
TAKEN_OUT = re.compile(r"(?:raw|custom)_properties ->>? '(.+?)'")
SENSITIVE_TOKEN = "pat-na1-sensitive-token"
SENSITIVE_SCOPES = {*ALL_SCOPES, "crm.objects.deals.sensitive.read"}
# Faults C22: each as a property's name.
ODD_NAMES = {
    "quote": 'say "hi"',
    "apostrophe": "it's",
    "injection": "x'; DROP TABLE hubspot.jobs; --",
    "format": "100%s %(id)s {} {schema}",
    "backslash": "back\\slash \\u0041",
    "newline": "two\nlines\ttab",
    "case": "DealName",
    "comma": "a,b,amount",
    "ampersand": "a&properties=b#c?d=e+f",
    "emoji": "🦄 money",
    "rtl": "\u202egnirts",
    "blank": " ",
    "long": "n" * 900,
}


def stored_properties(acme: Organization) -> set[str]:
    return {name for deal in acme.deals().values() for name in deal["raw_properties"]}


def small(simulator_of: Any, database_url: str, **traits: Any) -> Organization:
    organization: Organization = simulator_of(database_url, **{"deals": 12, "archived": 2, **traits})
    return organization


def test_patterns_choose_and_exclude(acme: Organization) -> None:
    acme.sync(properties=("hs_*", "seats", "!hs_analytics_*", "!hs_v2_*"))

    chosen = {
        name
        for name in acme.portal.definitions
        if (name.startswith("hs_") or name == "seats") and not name.startswith(("hs_analytics_", "hs_v2_"))
    }
    assert stored_properties(acme) <= chosen | set(REQUIRED_PROPERTIES)
    assert {"seats", "hs_projected_amount"} <= stored_properties(acme)
    assert "competitor" not in stored_properties(acme)
    assert events(acme, "properties_unknown") == []


def test_a14_a_chosen_property_that_does_not_exist_is_told_and_the_rest_loads(
    acme: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        acme.sync(properties=("seats", "saets", "my_*"))

    assert len(acme.deals()) == 770
    assert "seats" in stored_properties(acme)
    assert "my_*, saets" in caplog.text
    assert events(acme, "properties_unknown") == [{"properties": ["saets", "my_*"], "history": []}]


@pytest.mark.parametrize("properties", [None, ("seats",)], ids=["all", "a list"])
def test_what_is_always_read_and_the_portal_lacks_is_not_told_and_the_rest_loads(
    simulator_of: Any, database_url: str, properties: tuple[str, ...] | None
) -> None:
    acme = small(simulator_of, database_url)
    for name in set(REQUIRED_PROPERTIES) & set(acme.portal.definitions) - {*ALWAYS_SENT, *STANDARD_PROPERTIES}:
        acme.portal.archive_property(name)

    acme.sync(properties=properties)
    acme.portal.edit_deal(min(acme.portal.live_deals()), {"dealname": "Edited"})
    acme.sync(properties=properties, **QUIET)

    assert [job["status"] for job in acme.jobs()] == ["completed", "completed"]
    assert {deal["dealname"] for deal in acme.deals().values()} > {"Edited"}
    assert (events(acme, "properties_unknown"), len(acme.deals())) == ([], 14)
    assert stored_properties(acme) & set(REQUIRED_PROPERTIES) == {*ALWAYS_SENT, *STANDARD_PROPERTIES}


def test_a_chosen_list_leaves_foreign_money_its_amount_in_home_currency(simulator_of: Any, database_url: str) -> None:
    acme = small(simulator_of, database_url, currency="EUR", additional_currencies=("USD",))
    deal_id = min(acme.portal.live_deals())
    dollars = {"deal_currency_code": "USD", "hs_exchange_rate": "0.5"}

    acme.portal.edit_deal(deal_id, {"amount": "100", **dollars})
    acme.sync(properties=("seats",))
    listed = money(acme, deal_id)
    acme.portal.edit_deal(deal_id, {"amount": "300"})
    acme.sync(properties=("seats",), **QUIET)

    assert (listed, money(acme, deal_id)) == ((100, "USD", 50, "EUR"), (300, "USD", 150, "EUR"))


def money(acme: Organization, deal_id: int) -> tuple[Any, ...]:
    (row,) = acme.query(
        "SELECT amount, currency, amount_in_home_currency, home_currency FROM hubspot_reporting.deals_with_names"
        " WHERE (tenant_id, hubspot_deal_id) = (%s, %s)",
        *(acme.id, deal_id),
    )
    return tuple(row.values())


def test_whatever_a_view_takes_out_of_the_properties_is_always_read(acme: Organization) -> None:
    views = acme.query("SELECT definition FROM pg_views WHERE schemaname IN ('hubspot', 'hubspot_reporting')")
    taken = {name for view in views for name in TAKEN_OUT.findall(view["definition"])}

    assert "amount_in_home_currency" in taken
    assert taken <= set(REQUIRED_PROPERTIES)


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
def test_c22_a_property_of_any_name_is_read_and_stored(simulator_of: Any, database_url: str, name: str) -> None:
    acme = small(simulator_of, database_url)
    acme.portal.define_property(Property(name=name, type="string", custom=True))
    deal_id = min(acme.portal.live_deals())
    acme.portal.edit_deal(deal_id, {name: name})

    acme.sync(history=("dealname",))

    deal = acme.deals()[deal_id]
    assert (deal["raw_properties"][name], deal["custom_properties"][name]) == (name, name)
    assert acme.differences() == []
    assert name in {row["name"] for row in rows(acme, "deal_properties")}


def test_c22_a_name_that_no_request_or_column_can_carry_holds_up_nothing(simulator_of: Any, database_url: str) -> None:
    acme = small(simulator_of, database_url)
    for name in ("half \ud83d", "", "x" * 65_536):
        acme.portal.define_property(Property(name=name, type="string", custom=True))

    acme.sync()

    assert len(acme.deals()) == 14


def test_2000_properties_are_read_without_a_long_url(simulator_of: Any, database_url: str) -> None:
    acme = small(simulator_of, database_url, extra_properties=2_000)
    deal_id = min(acme.portal.live_deals())
    acme.portal.edit_deal(deal_id, {f"custom_attribute_{number:04}": str(number) for number in range(2_000)})

    acme.sync()

    assert acme.differences() == []
    assert len(acme.deals()[deal_id]["custom_properties"]) >= 2_000


def test_sensitive_properties_are_read_where_the_token_may(acme: Organization) -> None:
    acme.simulator.accounts.add_token(1001, SENSITIVE_TOKEN, SENSITIVE_SCOPES)
    deal_id = min(acme.portal.live_deals())
    acme.portal.edit_deal(deal_id, {"buyer_tax_number": "DE 4711"})

    acme.sync(token=SENSITIVE_TOKEN)
    acme.portal.edit_deal(deal_id, {"amount": "5"})
    acme.sync(token=SENSITIVE_TOKEN, **QUIET)

    deal = acme.deals()[deal_id]
    assert deal["raw_properties"]["buyer_tax_number"] == "DE 4711"
    assert deal["custom_properties"]["buyer_tax_number"] == "DE 4711"
    (row,) = [row for row in rows(acme, "deal_properties") if row["name"] == "buyer_tax_number"]
    assert (row["sensitivity"], row["_deleted_at"]) == ("sensitive", None)
    assert events(acme, "schema_drift") == []
    assert asked(acme, "properties") == 3 + 1  # both sensitive levels are asked for with the other lists


def test_sensitive_properties_stay_unread_where_they_are_not_wanted(acme: Organization) -> None:
    acme.simulator.accounts.add_token(1001, SENSITIVE_TOKEN, SENSITIVE_SCOPES)

    acme.sync(token=SENSITIVE_TOKEN, sensitive_properties=False)

    assert "buyer_tax_number" not in stored_properties(acme)
    assert asked(acme, "properties") == 1


def test_without_the_grant_it_is_told_and_the_rest_loads(acme: Organization, caplog: pytest.LogCaptureFixture) -> None:
    acme.simulator.add_fault(FaultRule(fault="status", status=403, endpoint="properties", nth=2, times=2))

    with caplog.at_level(logging.WARNING):
        acme.sync()
    acme.sync(**QUIET)

    assert acme.differences() == []
    assert "sensitive properties are not granted" in caplog.text
    told = events(acme, "sensitive_properties_unreadable")  # and not again before the lists are due
    assert [each["sensitivity"] for each in told] == ["sensitive", "highly_sensitive"]


def test_a_scope_that_is_granted_later_brings_what_deals_had_before(acme: Organization) -> None:
    deal_id = min(acme.portal.live_deals())
    acme.portal.edit_deal(deal_id, {"buyer_tax_number": "DE 4711"})
    acme.sync()
    acme.simulator.accounts.add_token(1001, SENSITIVE_TOKEN, SENSITIVE_SCOPES)

    acme.sync(token=SENSITIVE_TOKEN, **ALWAYS)
    assert "buyer_tax_number" not in acme.deals()[deal_id]["raw_properties"]
    acme.sync(token=SENSITIVE_TOKEN)

    assert [job["mode"] for job in acme.jobs()] == ["full", "incremental", "full"]
    assert acme.deals()[deal_id]["raw_properties"]["buyer_tax_number"] == "DE 4711"
    (drift,) = events(acme, "schema_drift")
    assert (drift["appeared"], drift["asks_for_full_run"]) == (["buyer_tax_number"], True)


def test_a_property_that_is_restored_brings_its_values_back(acme: Organization) -> None:
    definition = acme.portal.definitions["competitor"]
    acme.sync()
    before = {deal_id: deal["raw_properties"].get("competitor") for deal_id, deal in acme.deals().items()}
    acme.portal.archive_property("competitor")
    acme.sync(mode="full")
    assert "competitor" not in stored_properties(acme)
    acme.portal.define_property(definition)

    acme.sync()
    acme.sync()

    assert {deal_id: deal["raw_properties"].get("competitor") for deal_id, deal in acme.deals().items()} == before
    assert any(before.values())
    assert [drift["asks_for_full_run"] for drift in events(acme, "schema_drift")] == [False, True]


def test_a_property_that_vanishes_while_chosen_is_told_and_the_rest_loads(acme: Organization) -> None:
    acme.sync(properties=("seats", "legal_notes"))
    acme.portal.archive_property("legal_notes")

    acme.sync(properties=("seats", "legal_notes"), **QUIET)

    assert [drift["vanished"] for drift in events(acme, "schema_drift")] == [["legal_notes"]]
    assert [told["properties"] for told in events(acme, "properties_unknown")] == [["legal_notes"]]


def test_a_settled_portal_costs_a_quiet_run_at_most_five_requests(acme: Organization) -> None:
    acme.sync()
    acme.simulator.application.log.clear()

    acme.sync(**QUIET)

    assert len(acme.simulator.requests) <= 5
