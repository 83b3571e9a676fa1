"""Account details, usage, pipelines, owners, properties: reference §1.5 to §1.7 and §1.12."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubspot_simulator import SimulatorServer
from hubspot_simulator.currencies import kept_rates
from tests.unit.simulator.api import PORTAL_ID, Api, small_portal

RATES = "/settings/v3/currencies/exchange-rates"
SENSITIVE = "crm.objects.deals.sensitive.read"


def test_account_details_name_the_portal(reading: Api) -> None:
    details = reading.get("/account-info/v3/details").json()
    assert details["portalId"] == PORTAL_ID
    assert (details["accountType"], details["timeZone"], details["companyCurrency"]) == (
        "STANDARD",
        "US/Eastern",
        "USD",
    )
    assert (details["uiDomain"], details["dataHostingLocation"]) == ("app.hubspot.com", "na1")
    assert details["utcOffsetMilliseconds"] in (-18_000_000, -14_400_000)
    assert details["utcOffset"] in ("-05:00", "-04:00")


def test_a_european_portal_shows_in_details_and_links() -> None:
    spec = small_portal(region="eu1", time_zone="Europe/Berlin", currency="EUR", account_type="SANDBOX")
    with SimulatorServer([spec]) as simulator:
        api = Api(simulator)
        details = api.get("/account-info/2026-09/details").json()
        assert (details["uiDomain"], details["dataHostingLocation"]) == ("app-eu1.hubspot.com", "eu1")
        assert details["accountType"] == "SANDBOX"
        assert api.get(limit=1).json()["results"][0]["url"].startswith("https://app-eu1.hubspot.com/contacts/1001/")
        assert spec.token.startswith("pat-eu1-")


def test_usage_counts_the_days_calls_and_resets_at_the_accounts_midnight() -> None:
    with SimulatorServer([small_portal()]) as simulator:
        api = Api(simulator)
        for _ in range(4):
            api.get()
        usage = api.get("/account-info/v3/api-usage/daily/private-apps").json()["results"][0]
        assert (usage["usageLimit"], usage["currentUsage"]) == (625_000, 5)
        assert usage["resetsAt"].endswith((":00:00Z",))
        assert usage["resetsAt"][11:13] in ("04", "05")  # midnight in New York


def test_pipelines_have_string_metadata_and_numeric_custom_stages(reading: Api) -> None:
    default, custom = reading.get("/crm/v3/pipelines/deals").json()["results"]
    assert (default["id"], default["createdAt"]) == ("default", "1970-01-01T00:00:00Z")
    assert default["stages"][0]["metadata"] == {"isClosed": "false", "probability": "0.2"}
    assert [stage["id"] for stage in default["stages"]][-2:] == ["closedwon", "closedlost"]
    assert custom["id"].isdigit()
    assert all(stage["id"].isdigit() for stage in custom["stages"])


def test_archived_owners_need_a_second_pass(reading: Api) -> None:
    active = reading.get("/crm/v3/owners").json()["results"]
    archived = reading.get("/crm/v3/owners", archived="true").json()["results"]
    assert (len(active), len(archived)) == (9, 3)
    assert all("userId" in each for each in active)
    assert all("userId" not in each and each["userIdIncludingInactive"] for each in archived)


def test_deals_point_at_archived_owners_too(reading: Api) -> None:
    archived = {each["id"] for each in reading.get("/crm/v3/owners", archived="true").json()["results"]}
    records = [r for page in reading.walk(properties="hubspot_owner_id") for r in page["results"]]
    assert archived & {each["properties"]["hubspot_owner_id"] for each in records}


def test_owners_page_and_filter(reading: Api) -> None:
    first = reading.get("/crm/owners/2026-09", limit=5).json()
    rest = reading.get("/crm/owners/2026-09", limit=5, after=first["paging"]["next"]["after"]).json()
    assert len(first["results"] + rest["results"]) == 9
    assert "paging" not in rest
    email = rest["results"][0]["email"]
    assert [each["email"] for each in reading.get("/crm/v3/owners", email=email).json()["results"]] == [email]


def test_exchange_rates_page() -> None:
    spec = small_portal(currency="EUR", additional_currencies=("USD", "GBP", "CHF"))
    with SimulatorServer([spec]) as simulator:
        api = Api(simulator)
        whole = api.get(RATES).json()
        first = api.get(RATES, limit=4).json()
        rest = api.get(RATES, limit=4, after=first["paging"]["next"]["after"]).json()
        assert (len(first["results"]), first["results"] + rest["results"]) == (4, whole["results"])
        assert len(whole["results"]) == 6
        assert "paging" not in rest
        assert "paging" not in whole
        assert api.get(RATES, limit=0).status_code == 400


def test_a_page_of_exchange_rates_holds_100_of_them() -> None:
    with SimulatorServer([small_portal()]) as simulator:
        (rate,) = kept_rates("EUR", ("USD",))[:1]
        simulator.portal(PORTAL_ID).define_exchange_rates(tuple(replace(rate, rate_id=str(n)) for n in range(101)))
        page = Api(simulator).get(RATES).json()
        assert (len(page["results"]), page["paging"]) == (100, {"next": {"after": "100"}})


def test_properties_tell_their_type_and_what_is_calculated(reading: Api) -> None:
    properties = {each["name"]: each for each in reading.get("/crm/v3/properties/deals").json()["results"]}
    assert len(properties) >= 60
    assert (properties["amount"]["type"], properties["amount"]["calculated"]) == ("number", False)
    assert properties["hs_projected_amount"]["calculated"] is True
    assert properties["hs_projected_amount"]["modificationMetadata"]["readOnlyValue"] is True
    assert {each["type"] for each in properties.values() if not each["hubspotDefined"]} == {
        *("string", "number", "bool", "enumeration", "date", "datetime", "phone_number"),
    }
    assert "hs_v2_date_entered_5230659805" in properties


@pytest.mark.parametrize("granted", [True, False])
def test_sensitive_properties_need_their_scope_and_their_own_call(*, granted: bool) -> None:
    spec = small_portal()
    with SimulatorServer([small_portal(scopes=(*spec.scopes, SENSITIVE) if granted else spec.scopes)]) as simulator:
        api = Api(simulator)
        plain = [each["name"] for each in api.get("/crm/v3/properties/deals").json()["results"]]
        sensitive = api.get("/crm/v3/properties/deals", dataSensitivity="sensitive").json()["results"]
        record = api.get(limit=1, properties="buyer_tax_number").json()["results"][0]
        assert "buyer_tax_number" not in plain
        assert bool(sensitive) is granted
        assert ("buyer_tax_number" in record["properties"]) is granted
