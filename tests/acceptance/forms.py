"""What a person does with forms and buttons of Airflow's UI."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def labels(form: Locator, section: str) -> list[str]:
    """What the fields of a section are called, once it is open."""
    head = form.page.get_by_role("button", name=section, exact=True)
    part = form.locator("[data-part=item]").filter(has=head)  # Airflow's regions have no names that browsers understand
    if head.get_attribute("aria-expanded") != "true":
        head.click()
    named = part.locator("label:visible:not([data-scope=switch])")  # a switch is a label of its own, without words
    named.first.wait_for()
    return [each.strip(" *\n") for each in named.all_inner_texts()]


def new_connection(page: Page, conn_id: str) -> Locator:
    """The form for a new connection of type HubSpot, with its id and nothing else filled in."""
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.locator("input[name=connection_id]").fill(conn_id)
    form.get_by_role("combobox").click()
    page.keyboard.type("hubspot")
    form.get_by_role("option", name="HubSpot", exact=True).click()
    form.get_by_text("Access token", exact=True).wait_for()
    return form


def pressed_test_button(page: Page, conn_id: str) -> str:
    """What Airflow's UI says of a stored connection that works."""
    page.get_by_placeholder("Search Connections").fill(conn_id)
    page.get_by_role("row", name="hubspot_deals_postgres").wait_for(state="detached")
    row = page.get_by_role("row").filter(has=page.get_by_role("cell", name=conn_id, exact=True))
    row.get_by_role("button", name="Test Connection").click()
    page.get_by_text("Test Connection Successful").wait_for()
    return page.get_by_text("Connected to HubSpot account").inner_text()


def sign_in(page: Page, user: str, password: str) -> None:
    """Fill in the login form that Airflow's simple auth manager shows."""
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)
