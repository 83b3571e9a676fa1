"""A bar that grows with the job's row while its run works; lines where nobody watches."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from airflow_provider_hubspot_deals.cli.printing import complain
from airflow_provider_hubspot_deals.exceptions import HubSpotDealsError

INTERVAL_S = 1.0
LINE_INTERVAL_S = 5.0

JobRow = Mapping[str, Any]


class Display(Protocol):
    """Shows how far a job has come."""

    def show(self, job: JobRow) -> None: ...
    def close(self) -> None: ...


class Watching:
    """Context manager: looks at the job every now and then, and shows it.

    Args:
        look: returns the job's row, None as long as there is none; what it raises only delays the next look.
    """

    def __init__(self, look: Callable[[], JobRow | None], display: Display) -> None:
        self._look, self._display = look, display
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._finished.set()
        self._thread.join(timeout=INTERVAL_S if kind else 5.0)
        self._display.close()

    def _watch(self) -> None:
        while True:
            is_last = self._finished.wait(INTERVAL_S)
            with suppress(HubSpotDealsError):
                if job := self._look():
                    self._display.show(job)
            if is_last:
                return


class Bar:
    """One redrawn line on a terminal."""

    def __init__(self, title: str) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("deals [dim]{task.fields[activity]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task(title, total=None, activity="asking HubSpot")
        self._progress.start()

    def show(self, job: JobRow) -> None:
        """Draw the bar anew."""
        self._progress.update(
            self._task,
            completed=job["records_extracted"],
            total=max(job["records_expected"] or 0, job["records_extracted"]) or None,
            activity=activity(job),
        )

    def close(self) -> None:
        """Leave it as it stands."""
        self._progress.stop()


class Lines:
    """A line when the job does something else, and every few seconds while it grows."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._shown: tuple[str, int] = ("", 0)
        self._at = 0.0

    def show(self, job: JobRow) -> None:
        """Print a line, if it would say something new."""
        doing, deals = activity(job), job["records_extracted"]
        grown = deals != self._shown[1] and time.monotonic() - self._at > LINE_INTERVAL_S
        if doing != self._shown[0] or grown:
            complain(f"{self._title}: {doing}, {deals:,} deals")
            self._shown, self._at = (doing, deals), time.monotonic()

    def close(self) -> None:
        """Nothing to put away."""


def display_for(title: str) -> Display:
    """A bar on a terminal, else lines; both beside the answer, on standard error."""
    return Bar(title) if sys.stderr.isatty() else Lines(title)


def activity(job: JobRow) -> str:
    """What a job does now, in a few words."""
    doing = job["phase"] or "asking HubSpot" if job["status"] == "running" else job["status"]
    return f"{job['mode']}: {doing}"
