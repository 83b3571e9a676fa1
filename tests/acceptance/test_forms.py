"""Forms of Airflow's UI that a person fills in and sends off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.acceptance.forms import labels, new_connection, pressed_test_button

if TYPE_CHECKING:
    from tests.acceptance.browser import OpenTab
    from tests.acceptance.conftest import AirflowStack

HARBOR_PORTAL = 9100001
BY_HAND = "hubspot_by_hand"


@pytest.fixture
def made_by_hand(airflow_stack: AirflowStack) -> Iterator[str]:
    """The id of a connection that a test makes."""
    yield BY_HAND
    airflow_stack.airflow.call("DELETE", f"/connections/{BY_HAND}")


def test_a_connection_that_a_person_fills_in_can_be_tested(
    airflow_stack: AirflowStack, made_by_hand: str, tab: OpenTab
) -> None:
    address = urlsplit(airflow_stack.simulator.url)
    admin = tab()
    admin.open("/connections")
    form = new_connection(admin.page, made_by_hand)
    form.locator("input[name=host]").fill(f"{address.scheme}://{address.hostname}")
    form.locator("input[name=password]").fill(airflow_stack.tokens[HARBOR_PORTAL])
    form.get_by_placeholder("443; write it").fill(str(address.port))
    assert labels(form, "More") == ["API version", "Allow another API address"]
    form.locator("label[data-scope=switch]:visible").click()
    form.get_by_role("button", name="Save").click()
    form.wait_for(state="hidden")
    assert f"account {HARBOR_PORTAL} (STANDARD, " in pressed_test_button(admin.page, made_by_hand)
