"""A list that refuses a cursor instead of ignoring it."""

from __future__ import annotations

import pytest

from airflow_provider_hubspot_deals.deals.records import ListedDeals
from airflow_provider_hubspot_deals.exceptions import HubSpotRefusedError
from tests.unit.extraction.test_dividing import Answer, ListedPortal, all_ids, evenly, read


def refusing_others(portal: ListedPortal, status: int) -> Answer:
    """HubSpot takes no cursor but its own."""
    own = {str(portal.ids[position - 1] + 1) for position in range(100, len(portal.ids), 100)}

    def twist(after: str | None, listed: ListedDeals) -> ListedDeals:
        if after is None or after in own:
            return listed
        raise HubSpotRefusedError("Cannot deserialize value of type", status_code=status)

    return twist


def test_a_list_that_refuses_other_cursors_than_its_own_is_walked_page_by_page_and_that_is_told() -> None:
    portal = ListedPortal(ids=evenly(3_050))
    portal.twist = refusing_others(portal, 400)

    pages = read(portal)

    assert set(all_ids(pages)) == set(portal.ids)
    (event,) = [event for page in pages for event in page.events]
    assert (event.kind, event.details["reason"]) == ("ranges_abandoned", "a cursor is refused")
    assert pages[-1].cursor is None


def test_another_refusal_is_not_about_the_cursor() -> None:
    portal = ListedPortal(ids=evenly(3_050))
    portal.twist = refusing_others(portal, 403)

    with pytest.raises(HubSpotRefusedError):
        read(portal)


def test_a_refusal_of_hubspots_own_cursor_is_final() -> None:
    portal = ListedPortal(ids=evenly(950), requests_in_flight=1)

    def refuse(after: str | None, listed: ListedDeals) -> ListedDeals:
        if after is None:
            return listed
        raise HubSpotRefusedError("No.", status_code=400)

    portal.twist = refuse

    with pytest.raises(HubSpotRefusedError, match="No"):
        read(portal)
    assert len(portal.asked_after) == 2
