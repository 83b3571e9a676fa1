"""Whether a job that an earlier call left waiting is what is asked for now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_hubspot_deals.cli.run_request import RunRequest

MOMENT = datetime(2026, 11, 21, 8, tzinfo=UTC)
WINDOW = {"mode": "window", "config": {"window_start": MOMENT.isoformat(), "window_end": None}}


def job(mode: str | None, **config: Any) -> dict[str, Any]:
    return {"mode": mode, "config": config or None}


@pytest.mark.parametrize(
    ("wanted", "waiting", "is_met"),
    [
        (RunRequest(), job("full"), True),
        (RunRequest(), job("incremental"), True),
        (RunRequest(), WINDOW, False),
        (RunRequest(mode="full"), job("full"), True),
        (RunRequest(mode="full"), job("incremental"), False),
        (RunRequest(mode="incremental"), job("full"), False),
        (RunRequest(mode="window", window_start=MOMENT), WINDOW, True),
        (RunRequest(mode="window", window_end=MOMENT), WINDOW, False),
        (RunRequest(mode="window", window_start=MOMENT), job("full"), False),
    ],
)
def test_a_waiting_job_is_gone_on_with_when_it_does_what_is_asked(
    wanted: RunRequest, waiting: dict[str, Any], is_met: bool
) -> None:
    assert wanted.is_met_by(waiting) == is_met


@pytest.mark.parametrize("asked", [job("full"), job("incremental"), WINDOW])
def test_a_job_is_what_was_asked_of_it(asked: dict[str, Any]) -> None:
    assert RunRequest.of(asked).is_met_by(asked)


def test_a_job_that_nobody_has_begun_is_asked_for_as_usual() -> None:
    assert RunRequest.of(job(None)) == RunRequest()
