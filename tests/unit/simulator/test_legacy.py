"""The first version of the deals API: offsets, milliseconds, a bare array of properties."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from hubspot_simulator import SimulatorServer
from tests.unit.simulator.api import Api, small_portal

if TYPE_CHECKING:
    from hubspot_simulator.portal import Portal

DEALS = "/deals/v1/deal/paged"


def walk(api: Api, **parameters: Any) -> list[dict[str, Any]]:
    deals: list[dict[str, Any]] = []
    page: dict[str, Any] = {"hasMore": True, "offset": 0}
    while page["hasMore"]:
        page = api.get(DEALS, **{"limit": 15, "offset": page["offset"], **parameters}).json()
        deals += page["deals"]
    return deals


def test_offsets_lead_through_all_live_deals(api: Api, portal: Portal) -> None:
    deals = walk(api)
    assert [deal["dealId"] for deal in deals] == list(portal.live_deals())
    assert {(deal["portalId"], deal["isDeleted"]) for deal in deals} == {(portal.portal_id, False)}
    assert all(deal["properties"] == {} for deal in deals)


def test_all_properties_come_with_their_values_and_times_as_milliseconds(api: Api, portal: Portal) -> None:
    deal = walk(api, includeAllProperties="true")[0]
    truth = portal.live_deals()[deal["dealId"]]["properties"]
    values = {name: entry["value"] for name, entry in deal["properties"].items()}
    assert values.keys() == {name for name, value in truth.items() if value is not None}
    assert values["dealname"] == truth["dealname"]
    modified = datetime.fromisoformat(truth["hs_lastmodifieddate"])
    assert int(values["hs_lastmodifieddate"]) == round(modified.timestamp() * 1000)


def test_chosen_properties_and_associations_come_when_asked_for(api: Api) -> None:
    deals = walk(api, properties=["dealname", "no_such_property"], includeAssociations="true")
    assert {name for deal in deals for name in deal["properties"]} == {"dealname"}
    assert any(deal["associations"]["associatedVids"] for deal in deals)


@pytest.mark.parametrize("limit", [0, 251])
def test_pages_have_up_to_250_deals(api: Api, limit: int) -> None:
    assert api.get(DEALS, limit=limit).status_code == 400


def test_property_definitions_are_a_bare_array(api: Api) -> None:
    definitions = api.get("/properties/v1/deals/properties").json()
    assert definitions == api.get("/crm/v3/properties/deals").json()["results"]


def test_schemas_of_custom_objects_need_their_scope() -> None:
    with SimulatorServer([small_portal()], rate_limits=False) as plain:
        assert Api(plain).get("/crm/v3/schemas").status_code == 403
    scopes = ("crm.objects.deals.read", "crm.schemas.custom.read")
    with SimulatorServer([small_portal(scopes=scopes)], rate_limits=False) as scoped:
        assert Api(scoped).get("/crm/v3/schemas").json() == {"results": []}
