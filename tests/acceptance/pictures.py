"""What every picture of a browser tab has in common."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator, Page, ViewportSize

PLACE = "SCREENSHOTS"  # environment variable: the folder for the pictures
TALL: ViewportSize = {"width": 1280, "height": 1000}  # shows what of a form lies below the usual window


def take_picture(name: str, page: Page, otherwise: Path) -> None:
    """Write what the window shows, once nothing moves any more: into the folder that was asked for, or another."""
    folder = Path(os.environ.get(PLACE) or otherwise)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", animations="disabled", caret="hide")


def what_is_read(frame: FrameLocator) -> str:
    """The words on the page, whatever the lines."""
    return re.sub(r"\s+", " ", frame.locator("body").inner_text())
