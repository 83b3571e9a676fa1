"""What a job's row means."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_hubspot_deals.plugin.progress import progress_of
from tests.unit.plugin.rows import NOW, a_job


def test_a_job_that_knows_how_much_is_coming_has_a_share_a_rate_and_a_time_left() -> None:
    progress = progress_of(a_job(records_extracted=6_000, records_expected=24_000))
    assert (progress.share, progress.rate, progress.seconds_left) == (0.25, "100", 180.0)


@pytest.mark.parametrize("expected", [None, 0, 6_000, 5_999])
def test_without_knowing_what_is_coming_there_is_no_share_and_no_time_left(expected: int | None) -> None:
    progress = progress_of(a_job(records_extracted=6_000, records_expected=expected))
    assert (progress.share, progress.seconds_left, progress.rate) == (None, None, "100")


def test_a_job_that_has_read_nothing_yet_divides_by_nothing() -> None:
    progress = progress_of(a_job(records_extracted=0, records_expected=100))
    assert (progress.share, progress.seconds_left) == (0.0, None)
    assert (progress.rate, progress_of(a_job(start_time=NOW, records_extracted=5)).rate) == ("", "")


def test_an_ended_job_took_as_long_as_it_took() -> None:
    progress = progress_of(a_job(status="completed", end_time=NOW - timedelta(seconds=30), records_extracted=300))
    assert (progress.seconds, progress.rate, progress.share, progress.is_active) == (30.0, "10", None, False)


@pytest.mark.parametrize(
    ("columns", "word", "is_active"),
    [
        ({}, "running", True),
        ({"last_heartbeat": NOW - timedelta(seconds=121)}, "silent", True),
        ({"last_heartbeat": NOW - timedelta(seconds=120)}, "running", True),
        ({"status": "pending", "start_time": None}, "pending", True),
        ({"status": "pending", "resume_at": NOW + timedelta(hours=1)}, "waiting", True),
        ({"status": "pending", "resume_at": NOW - timedelta(hours=1)}, "pending", True),
        ({"status": "failed", "end_time": NOW}, "failed", False),
        ({"status": "cancelled", "end_time": NOW}, "cancelled", False),
        ({"status": None, "start_time": None, "records_extracted": None}, "none", False),
    ],
)
def test_the_word_says_how_a_job_is(columns: dict[str, Any], word: str, is_active: bool) -> None:
    progress = progress_of(a_job(**columns))
    assert (progress.word, progress.is_active) == (word, is_active)
