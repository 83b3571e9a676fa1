"""Chromium without a screen, signed in to the stack's Airflow, and without a way out of this machine."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NoReturn

import pytest
import requests

from local_stack.demo.visiting import PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, FrameLocator, Page, ViewportSize

    from local_stack.airflow_settings import AirflowSettings

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
BROWSER_TESTS = "BROWSER_TESTS"  # environment variable: with ``required`` a missing Chromium is a failure
COOKIE = "_token"
Theme = Literal["light", "dark"]
WINDOW: ViewportSize = {"width": 1280, "height": 800}
WAIT_MS = 30_000
# A 401 before the login, and requests of a page that was left, are Airflow's everyday life.
HARMLESS = ("401", "ERR_ABORTED")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium. Where there is none, a test that requires it fails, any other is skipped."""
    try:
        from playwright import sync_api
    except ImportError:
        without("playwright is not installed")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        without("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        # Root has no sandbox, and containers have a small /dev/shm. No name is found but that of this machine.
        nowhere = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
        flags = ["--no-sandbox", "--disable-dev-shm-usage", nowhere]
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


def without(reason: str) -> NoReturn:
    """End a test that cannot have its browser."""
    if os.environ.get(BROWSER_TESTS) != "required":
        pytest.skip(reason)
    pytest.fail(f"{reason}: install it (Debian: apt-get install chromium), or unset {BROWSER_TESTS}", pytrace=False)


class Tab:
    """One browser tab, signed in with a token or not at all, and what went wrong in it."""

    def __init__(self, browser: Browser, url: str, token: str | None, *, theme: Theme = "light") -> None:
        self.url = url
        self.complaints: list[str] = []
        context = browser.new_context(viewport=WINDOW, color_scheme=theme, locale="en-US", timezone_id="UTC")
        context.set_default_timeout(WAIT_MS)
        if token is not None:
            context.add_cookies([{"name": COOKIE, "value": token, "url": self.url}])
        context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        context.on("request", lambda request: self._watch(request.url))
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and not any(harmless in text for harmless in HARMLESS):
            self.complaints.append(text)

    def _watch(self, url: str) -> None:
        if not url.startswith((f"{self.url}/", "data:", "blob:")):
            self.complaints.append(f"asked for {url}")

    def open(self, path: str = PAGE) -> None:
        """An address of Airflow's UI."""
        self.page.goto(f"{self.url}{path}")

    @property
    def frame(self) -> FrameLocator:
        """Our page, as Airflow frames it, once its script has run: the theme is the last that it sees to."""
        frame = self.page.frame_locator("iframe[title='HubSpot deals']")
        frame.locator("html[data-theme]").wait_for(state="attached")
        return frame


OpenTab = Callable[..., Tab]


def token_of(settings: AirflowSettings, user: str) -> str:
    """A token such as the login form leaves in the cookie."""
    password = json.loads(settings.password_file.read_text())[user]
    answer = requests.post(
        f"{settings.url}/auth/token", json={"username": user, "password": password}, timeout=30, proxies={"http": ""}
    )
    answer.raise_for_status()
    token: str = answer.json()["access_token"]
    return token
