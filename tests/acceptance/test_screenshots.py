"""Pictures of what the demo does not come to: failures, work that takes long, tokens that may little.

``SCREENSHOTS=docs/images ./run test acceptance -k screenshots`` renews the documents'; test_demo.py takes those of
what the demo shows. What is in a page is looked at before its picture is taken; a tab whose page asked for anything on
another machine, or had an error in its console, fails its test in the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local_stack.demo.connections import hubspot_connection
from local_stack.processes import wait_until
from tests.acceptance.forms import labels, new_connection, pressed_test_button
from tests.acceptance.pictures import TALL, take_picture, what_is_read

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator, Locator, Page

    from tests.acceptance.browser import OpenTab, Theme
    from tests.acceptance.conftest import AirflowStack

LUMEN = "hubspot_deals_lumen"
NORTHWIND, NORTHWIND_SANDBOX = "hubspot_deals_northwind", "hubspot_deals_northwind_sandbox"
MERIDIAN = "hubspot_deals_meridian"
SLOW_MS, SLOWER_MS = 1_000, 20_000  # for each answer of the simulator: a run lasts as long as its pictures take
TIMEOUT_S = 120.0
AGE = """
UPDATE hubspot.sync_state SET last_sync_at = now() - interval '7 hours', watermark = now() - interval '8 hours'
WHERE stale_after_minutes = 240
"""
Take = Callable[[str, "Page"], None]


def live(stack: AirflowStack) -> None:
    """Let happen what the pictures show."""
    began = [(each, stack.begin_dag(each)) for each in (LUMEN, NORTHWIND, NORTHWIND_SANDBOX, MERIDIAN)]
    for dag_id, run_id in began:
        assert stack.airflow.wait_for_run(dag_id, run_id, timeout_s=TIMEOUT_S) == "success"
    fail_at_another_portal(stack, NORTHWIND)
    stack.query(AGE)


@pytest.fixture(scope="module")
def lived_in(airflow_stack: AirflowStack) -> AirflowStack:
    """A stack with a past: runs that completed, one that failed, data that grew stale."""
    live(airflow_stack)
    return airflow_stack


@pytest.fixture
def at_work(lived_in: AirflowStack) -> Iterator[str]:
    """A run that HubSpot makes wait; gives its job's id once it is known how far it is."""
    lived_in.simulator.slow_down(SLOW_MS)
    run_id = lived_in.begin_dag(MERIDIAN, {"mode": "full"})
    far = "SELECT id FROM hubspot.jobs WHERE run_id = %s AND records_extracted BETWEEN 1 AND records_expected - 1"
    try:
        wait_until(lambda: bool(lived_in.query(far, run_id)), what="a job with progress", timeout_s=TIMEOUT_S)
        lived_in.simulator.slow_down(SLOWER_MS)
        yield str(lived_in.query(far, run_id)[0]["id"])
    finally:
        lived_in.simulator.slow_down(0)
    assert lived_in.airflow.wait_for_run(MERIDIAN, run_id, timeout_s=TIMEOUT_S) == "success"


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """Write a picture of what the window shows."""
    return lambda name, page: take_picture(name, page, tmp_path)


def fail_at_another_portal(stack: AirflowStack, dag_id: str) -> None:
    """Run it once with the token of somebody else's account."""
    (northwind,) = [each for each in stack.organizations if each.dag_id == dag_id]
    swapped = dict.fromkeys(stack.tokens, stack.tokens[9100001])
    stack.airflow.set_connections([hubspot_connection(northwind, swapped, stack.simulator.url)])
    try:
        assert stack.finish_dag(dag_id)[1] == "failed"
    finally:
        stack.airflow.set_connections([hubspot_connection(northwind, stack.tokens, stack.simulator.url)])


def enlarge(page: Page, dialog: Locator) -> None:
    """Drag the corner of a dialog that Airflow opens small."""
    box = dialog.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] - 4)
    page.mouse.down()
    page.mouse.move(1200, 760, steps=5)
    page.mouse.up()


def focused(page: Page, frame: FrameLocator) -> str:
    """What the next press of Enter would act on, in our page's frame."""
    page.keyboard.press("Tab")
    element = frame.locator(":focus")
    assert element.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"  # and it is seen
    return element.get_attribute("aria-label") or " ".join(element.inner_text().split())


def test_screenshots_of_what_runs_failed_and_grew_stale(at_work: str, tab: OpenTab, take: Take) -> None:
    themes: tuple[Theme, ...] = ("light", "dark")
    for theme in themes:
        admin = tab(theme=theme)
        admin.open()
        admin.frame.get_by_role("progressbar", name="Progress of Meridian Robotics").wait_for()
        read = what_is_read(admin.frame)
        for expected in (
            " of 6,",
            "WRONG_PORTAL",
            "stale: no run done for 7 h; goal 4 h",
            "next run in ",
            "no schedule",
            "Lumen Energie",
            "sandbox",
            "1 running",
        ):
            assert expected in read
        assert at_work in (admin.frame.get_by_role("link", name="Newest job of Meridian").get_attribute("href") or "")
        if theme == "light":
            take("page-running", admin.page)
        admin.frame.get_by_role("searchbox").focus()
        assert [focused(admin.page, admin.frame) for _ in range(2)] == ["Find", "1 running"]


def test_screenshots_of_a_job_at_work(at_work: str, tab: OpenTab, take: Take) -> None:
    admin = tab()
    admin.open(f"/plugin/hubspot-deals/hubspot-deals/dags/{MERIDIAN}/jobs/{at_work}")
    admin.frame.get_by_role("progressbar", name="Progress").wait_for()
    read = what_is_read(admin.frame)
    for expected in ("running", "full", "deals read", "started", "phase live", at_work, "Log of the task", "Cancel"):
        assert expected in read
    assert "What to do" not in read
    take("job-running", admin.page)


def test_screenshots_of_a_job_that_failed(lived_in: AirflowStack, tab: OpenTab, take: Take) -> None:
    failed = "SELECT id FROM hubspot.jobs WHERE dag_id = %s AND error_code = 'WRONG_PORTAL' ORDER BY end_time DESC"
    job = lived_in.query(failed, NORTHWIND)[0]
    admin = tab(theme="dark")
    admin.open(f"/plugin/hubspot-deals/hubspot-deals/dags/{NORTHWIND}/jobs/{job['id']}")
    admin.frame.get_by_text("What to do:").wait_for()
    assert "9100005" in what_is_read(admin.frame)  # the account that it should have been
    take("job-failed-dark", admin.page)


@pytest.mark.usefixtures("airflow_stack")
def test_screenshots_of_the_connection_form_for_an_oauth_app(tab: OpenTab, take: Take) -> None:
    admin = tab()
    admin.open("/connections")
    form = new_connection(admin.page, "hubspot_acme")
    admin.page.set_viewport_size(TALL)
    assert labels(form, "Extra Fields") == ["HubSpot account ID"]
    assert labels(form, "OAuth app (in place of an access token)") == ["Client ID", "Client secret", "Refresh token"]
    take("connection-oauth", admin.page)
    assert labels(form, "More") == ["API version", "Allow another API address"]


@pytest.fixture
def few_scopes(airflow_stack: AirflowStack) -> Iterator[str]:
    """A stored connection whose token lacks scopes."""
    swapped = dict.fromkeys(airflow_stack.tokens, airflow_stack.tokens[9100010])
    like = hubspot_connection(airflow_stack.organizations[0], swapped, airflow_stack.simulator.url)
    named = {"connection_id": "hubspot_few_scopes", "description": "An app that was given few scopes"}
    airflow_stack.airflow.set_connections([like | named])
    yield "hubspot_few_scopes"
    airflow_stack.airflow.call("DELETE", "/connections/hubspot_few_scopes")


@pytest.mark.usefixtures("airflow_stack")
def test_the_test_button_takes_a_connection_as_the_demo_makes_it(tab: OpenTab) -> None:
    admin = tab()
    admin.open("/connections")
    assert "account 9100001 (STANDARD, " in pressed_test_button(admin.page, "hubspot_harbor")


def test_screenshots_of_the_answer_of_the_test_button(few_scopes: str, tab: OpenTab, take: Take) -> None:
    admin = tab()
    admin.open("/connections")
    told = pressed_test_button(admin.page, few_scopes)
    take("connection-test", admin.page)
    assert "account 9100010 (STANDARD, eu1); deals can be read." in told
    missing = re.search(r"Scopes missing: (.*)\. Runs load the rest", told)
    assert missing
    assert re.findall(r"[\w.]+\.read", missing[1])[:2] == ["crm.objects.owners.read", "crm.objects.companies.read"]
    left = re.search(r"Limits: ([\d,]+) of ([\d,]+) API calls are left today", told)
    assert left
    used = int(left[2].replace(",", "")) - int(left[1].replace(",", ""))
    assert 0 < used < 10  # those of this test alone


def test_screenshots_of_the_trigger_form_for_a_window(lived_in: AirflowStack, tab: OpenTab, take: Take) -> None:
    before = lived_in.airflow.get(f"/dags/{MERIDIAN}/dagRuns")["total_entries"]
    admin = tab()
    admin.open(f"/dags/{MERIDIAN}")
    admin.page.get_by_test_id("trigger-dag-button").click()
    form = admin.page.get_by_role("dialog")
    admin.page.set_viewport_size(TALL)
    assert labels(form, "Window (only with mode Window)") == ["Modified from", "Modified until"]
    take("trigger-window", admin.page)
    assert labels(form, "Properties") == ["Further properties"]
    admin.page.keyboard.press("Escape")
    form.wait_for(state="hidden")
    assert lived_in.airflow.get(f"/dags/{MERIDIAN}/dagRuns")["total_entries"] == before


@pytest.mark.usefixtures("lived_in")
def test_screenshots_of_what_a_dag_says_of_itself(tab: OpenTab, take: Take) -> None:
    admin = tab()
    admin.open(f"/dags/{MERIDIAN}")
    admin.page.get_by_role("link", name="Revenue operations").wait_for()  # its owner
    admin.page.get_by_text("* * *").first.wait_for()  # its schedule
    admin.page.get_by_role("button", name="Dag Docs").click()
    documentation = admin.page.get_by_role("dialog")
    documentation.get_by_role("heading", name="HubSpot deals of Meridian Robotics").wait_for()
    for expected in ("hubspot_deals_postgres", "9100009", "deals_with_names"):
        documentation.get_by_text(expected).first.wait_for()
    enlarge(admin.page, documentation)
    take("dag-docs", admin.page)
    page = documentation.get_by_role("link", name="HubSpot deals", exact=True).get_attribute("href") or ""
    admin.open(page)
    admin.frame.get_by_role("link", name="Newest job of Meridian Robotics").wait_for()
