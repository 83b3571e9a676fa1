"""The page in the UI of a real Airflow, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import requests

from local_stack.processes import wait_until
from tests.acceptance.browser import token_of
from tests.acceptance.conftest import VIEWER, AirflowStack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Route

    from airflow_provider_hubspot_deals.organizations.organization import Organization
    from tests.acceptance.browser import OpenTab, Tab, Theme

DARK = "oklch(0.232 0.032 266)"  # as Airflow's own
LUMEN, HARBOR = "hubspot_deals_lumen", "hubspot_deals_harbor"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture
def waiting_job(airflow_stack: AirflowStack) -> Iterator[str]:
    """A job of Lumen that somebody inserted by hand; cancelled in the end, if it is not."""
    lumen = organization(airflow_stack, LUMEN)
    airflow_stack.run_dag(LUMEN)
    (row,) = airflow_stack.query(
        "INSERT INTO hubspot.scan_jobs (scan_id, organization_id, scan_type) VALUES (%s, %s, %s) RETURNING id",
        str(uuid4()),
        lumen.id,
        lumen.job_type,
    )
    yield str(row["id"])
    airflow_stack.query("UPDATE hubspot.jobs SET status = 'cancelled' WHERE id = %s AND status = 'pending'", row["id"])


def organization(stack: AirflowStack, dag_id: str) -> Organization:
    return next(each for each in stack.organizations if each.dag_id == dag_id)


def status_of(stack: AirflowStack, job_id: str) -> str:
    (row,) = stack.query("SELECT status FROM hubspot.jobs WHERE id = %s", job_id)
    status: str = row["status"]
    return status


def job_path(job_id: str, dag_id: str = LUMEN) -> str:
    """As the UI's own address remembers a page in its frame."""
    return f"/plugin/hubspot-deals/hubspot-deals/dags/{dag_id}/jobs/{job_id}"


def test_the_page_is_found_in_the_menu_and_shows_what_a_run_did(airflow_stack: AirflowStack, tab: OpenTab) -> None:
    run_id = airflow_stack.run_dag(HARBOR)
    admin = tab()
    admin.open("/")
    admin.page.get_by_role("button", name="Browse").click()
    admin.page.get_by_role("menuitem", name="HubSpot deals").click()

    admin.frame.get_by_role("link", name="Newest job of Harbor Lines: completed").click()
    admin.frame.get_by_text("Timeline").wait_for()
    job = airflow_stack.job(run_id)
    admin.frame.get_by_text(str(job["id"]), exact=True).wait_for()

    admin.frame.get_by_role("link", name="DAG run").click()
    admin.page.wait_for_url(f"**/dags/{HARBOR}/runs/**")


@pytest.mark.airflow("addresses of single jobs in the UI", from_="3.3.2")
def test_the_button_of_a_task_leads_to_its_job(airflow_stack: AirflowStack, tab: OpenTab) -> None:
    run_id = airflow_stack.run_dag(HARBOR)
    admin = tab()
    admin.open(f"/dags/{HARBOR}/runs/{quote(run_id)}/tasks/load_deals/details")
    admin.page.get_by_role("link", name="Job", exact=True).click()
    admin.frame.get_by_text(str(airflow_stack.job(run_id)["id"]), exact=True).wait_for()


@pytest.mark.airflow("addresses of single jobs in the UI", from_="3.3.2")
def test_what_somebody_unfolds_stays_open_when_the_page_refreshes(airflow_stack: AirflowStack, tab: OpenTab) -> None:
    job_id = str(airflow_stack.job(airflow_stack.run_dag(HARBOR))["id"])
    admin = tab()
    admin.open(job_path(job_id, HARBOR))
    more = admin.frame.get_by_label("More of: created")
    ids = admin.frame.locator("details").filter(has=more).locator(".details")
    assert not ids.is_visible()
    more.press("Enter")
    ids.get_by_text("scan id").wait_for()
    with admin.page.expect_response(f"**/jobs/{job_id}"):
        refresh(admin)
    admin.frame.locator("body").evaluate("() => new Promise(requestAnimationFrame)")
    assert ids.is_visible()
    assert admin.frame.locator("details[open]").count() == 1


@pytest.mark.airflow("addresses of single jobs in the UI", from_="3.3.2")
def test_the_address_of_a_job_can_be_sent_to_somebody(airflow_stack: AirflowStack, tab: OpenTab) -> None:
    run_id = airflow_stack.run_dag(HARBOR)
    admin = tab()
    admin.open()
    admin.frame.get_by_role("link", name="Newest job of Harbor Lines: completed").click()
    admin.frame.get_by_text("Timeline").wait_for()
    assert str(airflow_stack.job(run_id)["id"]) in admin.page.url


def test_the_theme_is_that_of_airflow(airflow_stack: AirflowStack, tab: OpenTab) -> None:
    airflow_stack.run_dag(HARBOR)
    grounds = []
    themes: tuple[Theme, ...] = ("light", "dark")
    for theme in themes:
        opened = tab(theme=theme)
        opened.open()
        opened.frame.get_by_role("table").wait_for()
        grounds.append(opened.frame.locator("body").evaluate(f"() => {BACKGROUND}"))
    assert grounds == ["rgb(255, 255, 255)", DARK]


@pytest.mark.airflow("addresses of single jobs in the UI", from_="3.3.2")
def test_a_job_is_cancelled_with_the_keyboard_alone(
    airflow_stack: AirflowStack, tab: OpenTab, waiting_job: str
) -> None:
    admin = tab()
    admin.open(job_path(waiting_job))
    admin.frame.get_by_role("button", name="Cancel").focus()
    admin.page.keyboard.press("Enter")
    dialog = admin.frame.get_by_role("dialog", name="Cancel this job?")
    dialog.wait_for()
    admin.page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert status_of(airflow_stack, waiting_job) == "pending"

    admin.page.keyboard.press("Enter")  # the focus is back on the button
    dialog.wait_for()
    admin.page.keyboard.press("Tab")
    admin.page.keyboard.press("Enter")
    admin.frame.locator(".headline").get_by_text("cancelled").wait_for()
    assert status_of(airflow_stack, waiting_job) == "cancelled"
    assert admin.frame.get_by_role("status").inner_text() == "Cancelled. The task stops at its next batch."
    assert admin.frame.locator("main").evaluate("each => each === document.activeElement")  # the button is gone


def hold_refreshes(admin: Tab, job_id: str) -> list[Route]:
    """Requests that the page on this job sends from now on; they wait until the test lets them go."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    admin.page.route(f"**/jobs/{job_id}", hold)
    return held


def refresh(admin: Tab) -> None:
    """Switch the refreshing off and on, which asks at once."""
    button = admin.frame.locator("[data-refresh]")
    button.click()
    button.click()


def hold_refresh(admin: Tab, held: list[Route]) -> None:
    """Until its request is among those that are held."""
    before = len(held)
    refresh(admin)
    wait_until(lambda: admin.page.evaluate("true") and len(held) > before, what="a request", timeout_s=30)


@pytest.mark.airflow("addresses of single jobs in the UI", from_="3.3.2")
def test_what_is_new_while_somebody_decides_does_not_take_the_focus(tab: OpenTab, waiting_job: str) -> None:
    admin = tab()
    admin.open(job_path(waiting_job))
    admin.frame.get_by_text("Timeline").wait_for()
    held = hold_refreshes(admin, waiting_job)
    hold_refresh(admin, held)
    button = admin.frame.get_by_role("button", name="Cancel")
    button.press("Enter")
    with admin.page.expect_response(f"**/jobs/{waiting_job}") as answered:
        held[0].continue_()
    answered.value.finished()
    admin.page.keyboard.press("Escape")
    assert button.evaluate("each => each === document.activeElement")


@pytest.mark.airflow("addresses of single jobs in the UI", from_="3.3.2")
def test_an_answer_that_is_late_does_not_bring_back_what_was(
    airflow_stack: AirflowStack, tab: OpenTab, waiting_job: str
) -> None:
    admin = tab()
    admin.open(job_path(waiting_job))
    headline = admin.frame.locator(".headline")
    headline.get_by_text("pending").wait_for()
    held = hold_refreshes(admin, waiting_job)
    hold_refresh(admin, held)
    late = held[0].fetch()
    airflow_stack.query("UPDATE hubspot.jobs SET status = 'cancelled' WHERE id = %s", waiting_job)
    hold_refresh(admin, held)
    held[1].continue_()
    headline.get_by_text("cancelled").wait_for()
    with admin.page.expect_response(f"**/jobs/{waiting_job}") as answered:
        held[0].fulfill(response=late)
    answered.value.finished()
    admin.frame.locator("body").evaluate("() => new Promise(requestAnimationFrame)")  # after whatever it would do
    assert headline.get_by_text("cancelled").is_visible()


@pytest.mark.airflow("addresses of single jobs in the UI", from_="3.3.2")
def test_a_page_that_stays_open_offers_what_the_job_has_become(
    airflow_stack: AirflowStack, tab: OpenTab, waiting_job: str
) -> None:
    admin = tab()
    admin.open(job_path(waiting_job))
    admin.frame.get_by_text("Timeline").wait_for()
    ending = "UPDATE hubspot.jobs SET mode = 'full', status = 'cancelled' WHERE id = %s"
    airflow_stack.query(ending, waiting_job)
    refresh(admin)
    admin.frame.get_by_role("button", name="Run again").press("Enter")
    admin.frame.get_by_role("dialog").get_by_text("mode = full").wait_for()
    assert ": cancelled" in admin.frame.locator("html").evaluate("each => each.ownerDocument.title")


@pytest.mark.airflow("addresses of single jobs in the UI", from_="3.3.2")
def test_a_viewer_finds_no_button(airflow_stack: AirflowStack, tab: OpenTab, waiting_job: str) -> None:
    ended_job = str(airflow_stack.job(airflow_stack.run_dag(HARBOR))["id"])
    admin, viewer = tab(), tab(VIEWER)
    for path, button in [(job_path(waiting_job), "Cancel"), (job_path(ended_job, HARBOR), "Run again")]:
        admin.open(path)
        admin.frame.get_by_role("button", name=button).wait_for()
        viewer.open(path)
        viewer.frame.get_by_text("Timeline").wait_for()
        assert viewer.frame.get_by_role("button", name="Cancel").count() == 0
        assert viewer.frame.get_by_role("button", name="Run again").count() == 0


def jobs_and_runs(stack: AirflowStack) -> tuple[list[dict[str, Any]], int]:
    """All that cancelling or running again would change."""
    jobs = stack.query("SELECT * FROM hubspot.jobs WHERE dag_id = %s OR dag_id IS NULL ORDER BY id", LUMEN)
    return jobs, stack.airflow.get(f"/dags/{LUMEN}/dagRuns")["total_entries"]


@pytest.mark.airflow("addresses of single jobs in the UI", from_="3.3.2")
@pytest.mark.parametrize(("ask", "said"), [("cancel", "Your Airflow user may not do this"), ("again", "Forbidden")])
def test_a_viewer_who_brings_a_button_back_and_presses_it_changes_nothing(
    airflow_stack: AirflowStack, tab: OpenTab, waiting_job: str, ask: str, said: str
) -> None:
    before = jobs_and_runs(airflow_stack)
    viewer = tab(VIEWER)
    viewer.open(job_path(waiting_job))
    viewer.frame.get_by_text("Timeline").wait_for()
    dialog = viewer.frame.locator(f"[data-dialog={ask}]")
    dialog.evaluate("each => each.showModal()")
    with viewer.page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        dialog.locator("[data-post]").click()
    assert answered.value.status == 403
    viewer.frame.get_by_role("status").get_by_text(said).wait_for()
    assert jobs_and_runs(airflow_stack) == before
    viewer.complaints.clear()  # the browser names the 403


def test_a_viewer_s_own_token_opens_the_page_and_neither_route_that_changes(
    airflow_stack: AirflowStack, waiting_job: str
) -> None:
    before = jobs_and_runs(airflow_stack)
    viewer = requests.Session()
    viewer.trust_env = False
    viewer.headers["Authorization"] = f"Bearer {token_of(airflow_stack.settings, VIEWER)}"
    url, job = airflow_stack.settings.url, f"/hubspot-deals/dags/{LUMEN}/jobs/{waiting_job}"
    again = {"logical_date": None, "conf": {"mode": "full"}}
    assert viewer.get(f"{url}{job}", timeout=30).status_code == 200
    assert viewer.post(f"{url}{job}/cancel", timeout=30).status_code == 403
    assert viewer.post(f"{url}/api/v2/dags/{LUMEN}/dagRuns", json=again, timeout=30).status_code == 403
    assert jobs_and_runs(airflow_stack) == before


def test_without_a_login_the_page_says_where_to_sign_in(airflow_stack: AirflowStack, tab: OpenTab) -> None:
    nobody = tab(None)
    answer = nobody.page.goto(f"{airflow_stack.settings.url}/hubspot-deals/")
    assert answer is not None
    assert answer.status == 401
    nobody.page.get_by_role("link", name="Sign in to Airflow").click()
    nobody.page.wait_for_url("**/auth/login**")


@pytest.mark.airflow("addresses of single jobs in the UI", from_="3.3.2")
def test_run_again_queues_a_run_of_the_same_kind(airflow_stack: AirflowStack, tab: OpenTab) -> None:
    asked: dict[str, object] = {"mode": "full", "properties": "hs_tcv"}
    run_id = airflow_stack.run_dag(LUMEN, asked)
    admin = tab()
    admin.open(job_path(str(airflow_stack.job(run_id)["id"])))
    admin.frame.get_by_role("button", name="Run again").click()
    admin.frame.get_by_role("dialog").get_by_role("button", name="Run again").click()
    admin.frame.get_by_text("is queued").wait_for()
    newest = airflow_stack.airflow.get(f"/dags/{LUMEN}/dagRuns", order_by="-run_after", limit=1)["dag_runs"][0]
    assert newest["dag_run_id"] != run_id
    assert newest["conf"] == asked
    airflow_stack.airflow.wait_for_run(LUMEN, newest["dag_run_id"])
