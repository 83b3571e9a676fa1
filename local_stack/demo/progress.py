"""Bars that grow with the `jobs` table while Airflow works; lines when nobody watches."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.progress import TaskID

    from local_stack.demo.jobs import Job
    from local_stack.demo.narrator import Narrator

LINE_INTERVAL_S = 3.0


class Bars(Protocol):
    """Shows how far each DAG's job has come."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    def show(self, dag_id: str, job: Job | None) -> None:
        """The job as it stands now; None while Airflow has not started its task."""


def bars_for(narrator: Narrator, totals: Mapping[str, int | None]) -> Bars:
    """Bars on a terminal, else lines. `totals`: deals to expect by DAG id, None when that is unknown."""
    return LiveBars(narrator, totals) if narrator.is_live else Lines(narrator)


def activity(job: Job | None) -> str:
    """What a job does now, in a few words."""
    if job is None:
        return "Airflow starts the task"
    if job.status == "running":
        return f"{job.mode}: {job.phase or 'asking HubSpot'}"
    return f"{job.mode}: {job.status}"


class LiveBars:
    """One redrawn bar a DAG."""

    def __init__(self, narrator: Narrator, totals: Mapping[str, int | None]) -> None:
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("deals · [dim]{task.fields[activity]}"),
            TimeElapsedColumn(),
            console=narrator.console,
        )
        self._tasks: dict[str, TaskID] = {
            dag_id: self._progress.add_task(dag_id, total=total, activity=activity(None))
            for dag_id, total in totals.items()
        }

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._progress.stop()

    def show(self, dag_id: str, job: Job | None) -> None:
        task = self._tasks[dag_id]
        if job is not None:
            self._progress.update(task, completed=job.records_extracted)
            if job.status == "completed":
                self._progress.update(task, total=job.records_extracted)
        self._progress.update(task, activity=activity(job))


class Lines(AbstractContextManager["Lines"]):
    """One line when a job changes what it does, and every few seconds while it grows."""

    def __init__(self, narrator: Narrator) -> None:
        self._narrator = narrator
        self._shown: dict[str, tuple[str, int, float]] = {}

    def __exit__(self, *_exception: object) -> None:
        """Nothing to put away."""

    def show(self, dag_id: str, job: Job | None) -> None:
        doing, deals, now = activity(job), job.records_extracted if job else 0, time.monotonic()
        was_doing, had_deals, shown_at = self._shown.get(dag_id, ("", 0, 0.0))
        if doing != was_doing or (deals != had_deals and now - shown_at > LINE_INTERVAL_S):
            self._narrator.say(f"  {dag_id}: {doing}, {deals:,} deals")
            self._shown[dag_id] = (doing, deals, now)
