"""What a person sees while a sync runs."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from airflow_provider_hubspot_deals.cli import progress
from airflow_provider_hubspot_deals.cli.progress import Lines, Watching
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError

RUNNING = {"status": "running", "mode": "full", "phase": None, "records_extracted": 0, "records_expected": None}


class Seen:
    """Remembers what it was to show."""

    def __init__(self) -> None:
        self.jobs: list[Any] = []
        self.is_closed = False
        self.something = threading.Event()

    def show(self, job: Any) -> None:
        self.jobs.append(job)
        self.something.set()

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "INTERVAL_S", 0.01)


def test_the_last_state_is_shown_however_short_the_run_was() -> None:
    seen = Seen()
    with Watching(lambda: {**RUNNING, "status": "completed"}, seen):
        pass
    assert seen.jobs[-1]["status"] == "completed"
    assert seen.is_closed


def test_a_look_that_fails_or_finds_nothing_only_delays_the_next_one() -> None:
    seen = Seen()
    looks = iter([None, DatabaseUnavailableError("away"), RUNNING])

    def look() -> Any:
        found = next(looks, RUNNING)
        if isinstance(found, Exception):
            raise found
        return found

    with Watching(look, seen):
        assert seen.something.wait(10)
    assert set(map(str, seen.jobs)) == {str(RUNNING)}


def test_without_a_terminal_a_line_says_what_has_changed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines("acme")
    for job in (RUNNING, RUNNING, {**RUNNING, "phase": "live", "records_extracted": 5000}):
        lines.show(job)
    lines.show({**RUNNING, "phase": "live", "records_extracted": 5001})
    lines.close()
    assert capsys.readouterr().err.splitlines() == [
        "acme: full: asking HubSpot, 0 deals",
        "acme: full: live, 5,000 deals",
    ]
