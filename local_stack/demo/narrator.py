"""What the person at the terminal sees: steps with their times, on a terminal with a spinner, in a file as lines."""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

LINE_WIDTH = 160  # of output that is not a terminal


class Narrator:
    """Tells the story and remembers how long each step took.

    Attributes:
        seconds: step → seconds, in order.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal:
            self.console = Console(file=self.console.file, highlight=False, width=LINE_WIDTH)
        self.started = time.monotonic()
        self.seconds: dict[str, float] = {}

    @property
    def is_live(self) -> bool:
        """Whether somebody watches a terminal, where lines may be redrawn."""
        return self.console.is_terminal

    def say(self, text: RenderableType = "") -> None:
        """A line, a table, …"""
        self.console.print(text)

    def quote(self, text: str) -> None:
        """Text to be copied: as it is, long lines left to the terminal."""
        self.console.print(text, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Something went wrong; printed as it is, never read as markup."""
        self.console.print(text, style="bold red", markup=False, soft_wrap=True)

    @contextmanager
    def step(self, what: str, *, spinner: bool = True) -> Iterator[None]:
        """A part that takes a while: spinner while it lasts, one line with its time when it is done.

        Without `spinner` the step draws something of its own; rich shows one moving thing at a time.
        """
        started = time.monotonic()
        if not (self.is_live and spinner):
            self.say(f"… {what}")
        with self.console.status(what) if spinner else nullcontext():
            yield
        self.seconds[what] = round(time.monotonic() - started, 2)
        self.say(f"[green]✓[/green] {what} [dim]{self.seconds[what]:.1f} s[/dim]")

    def elapsed_s(self) -> float:
        """Since the beginning."""
        return round(time.monotonic() - self.started, 1)
