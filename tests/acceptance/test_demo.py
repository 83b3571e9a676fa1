"""`./run demo` until somebody leaves, and `./run demo --once`: everything at first, then exactly what changed.

Nothing is left running. ``SCREENSHOTS=docs/images ./run test acceptance -k "screenshots or picture"`` renews the
pictures of the first: of its terminal, and of what its visitor sees in a browser.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local_stack.airflow_rest import AirflowClient
from local_stack.postgres import EmbeddedPostgres
from tests.acceptance.browser import COOKIE, WINDOW, Tab, chromium
from tests.acceptance.demo_picture import draw, stale_lines
from tests.acceptance.demo_visit import LAST_WORDS, ROOT, Login, Visit, demo, processes_of
from tests.acceptance.forms import labels, new_connection, sign_in
from tests.acceptance.pictures import PLACE, TALL, take_picture, what_is_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Failure = BaseException | None

PICTURE = "demo.svg"
NORTHWIND = "hubspot_deals_northwind"
pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of the demo's databases, state and logs."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    yield folder
    EmbeddedPostgres(folder / "postgres").delete()


@pytest.fixture(scope="module")
def seen() -> dict[str, Failure]:
    """How each look at the first demo ended, by the name of its picture."""
    return {}


@pytest.fixture(scope="module")
def health() -> dict[str, str]:
    """What Airflow said of its parts during the first demo."""
    return {}


@pytest.fixture(scope="module")
def first(directory: Path, seen: dict[str, Failure], health: dict[str, str]) -> Visit:
    """Somebody who waits until all is there, looks around, and presses Ctrl-C."""

    def visit(login: Login) -> None:
        health.update(AirflowClient(*login).health())
        seen.update(look_around(login, directory.with_name("pictures")))

    return demo(directory, look_around=visit)


def look_around(login: Login, folder: Path) -> dict[str, Failure]:
    """Take each picture; what fails is for the test of that picture to say, since the demo goes on."""
    try:
        with chromium() as browser:
            light = Tab(browser, login.url, None)  # one for all of them: a new one loads all of Airflow's UI anew
            light.open("/")
            sign_in(light.page, login.user, login.password)
            dark = Tab(browser, login.url, token_in(light), theme="dark")
            return {name: look(name, dark if name.endswith("dark") else light, folder) for name in LOOKS}
    except (Exception, pytest.skip.Exception, pytest.fail.Exception) as failure:  # noqa: BLE001 - it is raised later
        return dict.fromkeys(LOOKS, failure)


def token_in(tab: Tab) -> str:
    """What the login form has left."""
    (token,) = (each["value"] for each in tab.page.context.cookies() if each["name"] == COOKIE)
    return token


def look(name: str, tab: Tab, folder: Path) -> Failure:
    """Look at what the picture shows, take it, and listen whether the tab complained since the last."""
    tab.page.set_viewport_size(WINDOW)
    try:
        LOOKS[name](tab)
        take_picture(name, tab.page, folder)
        assert tab.complaints == []
    except Exception as failure:  # noqa: BLE001 - the test of this picture raises it
        return failure
    finally:
        tab.complaints.clear()
    return None


def at_a_new_connection(admin: Tab) -> None:
    admin.open("/connections")
    form = new_connection(admin.page, "hubspot_acme")
    admin.page.set_viewport_size(TALL)
    assert labels(form, "Standard Fields") == ["Description", "API address", "Access token", "Port"]


def at_the_trigger_form(admin: Tab) -> None:
    admin.open(f"/dags/{NORTHWIND}")
    admin.page.get_by_test_id("trigger-dag-button").click()
    form = admin.page.get_by_role("dialog")
    admin.page.set_viewport_size(TALL)
    assert labels(form, "What to read") == ["Mode"]
    form.get_by_text("Automatic: everything when due, else what changed").wait_for()


def at_the_grid(admin: Tab) -> None:
    admin.open(f"/dags/{NORTHWIND}")
    for expected in ("load_deals", "Last Dag Run", "na1"):
        admin.page.get_by_text(expected).first.wait_for()


def at_the_page(admin: Tab) -> None:
    admin.open()
    read = what_is_read(admin.frame)
    for expected in ("4 organizations", "0 failed", "20,", "Aurora Energie", "Kiosk", "sandbox", "no schedule"):
        assert expected in read
    assert read.count("completed full · ") == 4


def at_a_job(admin: Tab) -> None:
    admin.open()
    admin.frame.get_by_role("link", name="Newest job of Northwind Traders: completed", exact=True).click()
    admin.frame.get_by_role("heading", name="Timeline").wait_for()
    read = what_is_read(admin.frame)
    for expected in ("completed", "deals read", "phase live", "Log of the task", "Run again"):
        assert expected in read
    assert "What to do" not in read


LOOKS: dict[str, Callable[[Tab], None]] = {
    "connection": at_a_new_connection,
    "trigger": at_the_trigger_form,
    "grid": at_the_grid,
    "page-light": at_the_page,
    "page-dark": at_the_page,
    "job": at_a_job,
}


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.usefixtures("first")
def test_screenshots_of_what_the_running_demo_shows(name: str, seen: dict[str, Failure]) -> None:
    if failure := seen[name]:
        raise failure


@pytest.mark.usefixtures("first")
def test_every_part_of_the_demos_airflow_works_also_the_one_that_wakes_what_waits(health: dict[str, str]) -> None:
    assert health == dict.fromkeys(("metadatabase", "scheduler", "dag_processor", "triggerer"), "healthy")


def test_the_picture_of_the_demo_shows_what_it_prints(first: Visit) -> None:
    assert first.status == 0, first.output
    shown = first.output[: first.output.index("\n", first.output.index(LAST_WORDS)) + 1]
    picture = Path(os.environ.get(PLACE) or ROOT / "docs" / "images") / PICTURE
    if os.environ.get(PLACE):
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_text(draw(shown), "utf-8")
    assert stale_lines(picture.read_text("utf-8"), shown) == []


def test_the_demo_loads_everything_and_then_exactly_what_changed(first: Visit, directory: Path) -> None:
    assert first.status == 0, first.output
    assert processes_of(directory) == []
    assert first.figures["succeeded"] is True
    organizations = first.figures["organizations"]
    assert {(each["organization"], each["type"]): each["stored"]["live"] for each in organizations} == {
        ("northwind", "standard"): 20_000,
        ("northwind", "sandbox"): 500,
        ("aurora", "standard"): 5_000,
        ("kiosk", "standard"): 300,
    }
    assert {each["job"]["mode"] for each in organizations} == {"full"}

    second = demo(directory, "--once")
    assert second.status == 0, second.output
    assert "Changes since the last run" in second.output
    assert LAST_WORDS not in second.output
    organizations = second.figures["organizations"]
    assert {each["job"]["mode"] for each in organizations} == {"incremental"}
    for each in organizations:
        assert each["changes"] == {"created": 3, "edited": 5, "archived": 2, "merged pairs": 1}
        assert each["changes_exact"] is True
        assert (each["job"]["records_inserted"], each["job"]["records_deleted"]) == (4, 4)
    assert processes_of(directory) == []
