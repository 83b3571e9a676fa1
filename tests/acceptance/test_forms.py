"""Forms of Airflow's UI that a person fills in and sends off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from local_stack.processes import wait_until
from tests.acceptance.forms import labels, new_connection, pressed_test_button

if TYPE_CHECKING:
    from tests.acceptance.browser import OpenTab
    from tests.acceptance.conftest import AirflowStack

HARBOR, HARBOR_PORTAL = "hubspot_deals_harbor", 9100001
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


def test_a_window_that_a_person_chooses_is_read(airflow_stack: AirflowStack, tab: OpenTab) -> None:
    airflow_stack.airflow.unpause(HARBOR)
    before = runs_of(airflow_stack)
    admin = tab()
    admin.open(f"/dags/{HARBOR}")
    admin.page.get_by_test_id("trigger-dag-button").click()
    form = admin.page.get_by_role("dialog").filter(has_text="Trigger")
    assert labels(form, "What to read") == ["Mode"]
    form.get_by_text("Automatic: everything when due, else what changed").click(force=True)  # below the select's input
    admin.page.get_by_role("option", name="Window: what was modified between two times").click()
    assert labels(form, "Window (only with mode Window)") == ["Modified from", "Modified until"]
    empty = form.get_by_test_id("datetime-input").filter(has_text="Select date and time")  # the logical date is not
    empty.first.click()
    admin.page.get_by_placeholder("YYYY/MM/DD").fill("2020/01/01")
    form.get_by_text("Jan 01, 2020 00:00").click()  # which closes the calendar again
    form.get_by_test_id("trigger-dag-submit").click()
    form.wait_for(state="hidden")
    wait_until(lambda: bool(runs_of(airflow_stack) - before), what="the run that was triggered", timeout_s=60)
    (run_id,) = runs_of(airflow_stack) - before
    assert airflow_stack.airflow.wait_for_run(HARBOR, run_id) == "success"
    job = airflow_stack.job(run_id)
    assert (job["status"], job["mode"], job["trigger"]) == ("completed", "window", "manual")
    assert job["window_start"] == datetime(2020, 1, 1, tzinfo=UTC)
    assert job["records_extracted"] > 0


def runs_of(stack: AirflowStack) -> set[str]:
    return {each["dag_run_id"] for each in stack.airflow.get(f"/dags/{HARBOR}/dagRuns", limit=100)["dag_runs"]}
