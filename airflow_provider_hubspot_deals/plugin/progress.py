"""How a job is doing, from its row: the words, the bar and the time left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_hubspot_deals.jobs.model import SILENCE_MAX
from airflow_provider_hubspot_deals.plugin import wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the page says about a job.

    Attributes:
        word: ``running``, ``silent``, ``waiting``, ``pending``, ``completed``, ``failed``, ``cancelled`` or ``none``.
        is_active: it may still write; it can be cancelled.
        share: how much is read, 0 to 1; None when that is not known beforehand.
        rate: deals a second since the job began, or since it went on after a pause; empty while none is read.
        seconds_left: at that rate; None when it cannot be known.
    """

    word: str
    is_active: bool
    seconds: float | None
    share: float | None
    rate: str
    seconds_left: float | None


def progress_of(job: Mapping[str, Any]) -> Progress:
    """Judge a job by its row and ``now``, the database's clock; a row whose ``status`` is None is of no job."""
    seconds = wording.seconds_between(job["start_time"], job["end_time"] or job["now"])
    done, expected = job["records_extracted"] or 0, job["records_expected"] or 0
    is_reading = job["status"] == "running" and expected > done
    share = done / expected if is_reading else None
    read, read_in = _read_lately(job, done, seconds)
    return Progress(
        word=_word(job),
        is_active=job["status"] in {"pending", "running"},
        seconds=seconds,
        share=share,
        rate=wording.rate(read, read_in),
        seconds_left=read_in * (expected - done) / read if is_reading and read_in and read else None,
    )


def _read_lately(job: Mapping[str, Any], done: int, seconds: float | None) -> tuple[int, float | None]:
    """Deals, and in how many seconds: a job may have waited for hours between two attempts."""
    since = job.get("going_on_since")
    return (int(job["read_since"]), wording.seconds_between(since, job["now"])) if since else (done, seconds)


def _word(job: Mapping[str, Any]) -> str:
    now, status = job["now"], job["status"]
    if status is None:
        return "none"
    if status == "running" and job["last_heartbeat"] and now - job["last_heartbeat"] > SILENCE_MAX:
        return "silent"
    if status == "pending" and job["resume_at"] and job["resume_at"] > now:
        return "waiting"
    return str(status)
