"""What the events of a job say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_hubspot_deals.plugin.timeline import Event, timeline
from tests.unit.plugin.rows import NOW

JOB: dict[str, Any] = {"created_at": NOW, "error_code": None, "error_message": None}


def an_event(kind: str, actor: str = "loader", number: int = 1, **details: Any) -> dict[str, Any]:
    return {"sequence": number, "occurred_at": NOW, "kind": kind, "actor": actor, "details": details}


def one(kind: str, **details: Any) -> Event:
    (event,) = timeline([an_event(kind, **details)], JOB)
    return event


@pytest.mark.parametrize(
    ("kind", "details", "title"),
    [
        ("started", {"attempt": 1}, "attempt 1 began"),
        ("resumed", {"attempt": 2}, "attempt 2 went on"),
        ("superseded", {"attempt": 1, "by_attempt": 2}, "attempt 2 took over"),
        ("phase", {"phase": "live"}, "phase live"),
        ("rate_limited", {}, "rate limited"),
        ("started", {}, "started"),
    ],
    ids=str,
)
def test_an_event_is_called_what_happened(kind: str, details: dict[str, Any], title: str) -> None:
    event = one(kind, **details)
    assert event.title == title
    said = {"by_attempt" if kind == "superseded" else "attempt", "phase"}
    assert not {name for name, _ in event.details} & {name.replace("_", " ") for name in said}


def test_ids_and_counts_of_nothing_are_folded_and_nothing_is_lost() -> None:
    event = one("completed", scan_id="s", run_id="r", epoch=2, records_extracted=1_200, records_deleted=0, hits=0)
    assert event.details == [("read", "1,200"), ("hits", "0")]
    assert event.folded == [("scan id", "s"), ("run id", "r"), ("epoch", "2"), ("deleted", "0"), ("by", "loader")]


def test_only_who_is_not_the_loader_is_named() -> None:
    rows = [an_event("created", "ada", epoch=1), an_event("started", attempt=1, epoch=2), an_event("cancelled", "bob")]
    events = timeline(rows, JOB)
    assert [event.actor for event in events] == ["ada", "", "bob"]
    assert [event.folded for event in events] == [[("epoch", "1")], [("epoch", "2"), ("by", "loader")], []]


def test_the_error_of_the_job_is_not_told_again_and_that_of_an_earlier_attempt_is() -> None:
    job = {**JOB, "error_code": "B", "error_message": "Second."}
    rows = [
        an_event("interrupted", error_code="A", error_message="First."),
        an_event("failed", error_code="B", error_message="Second."),
    ]
    assert [event.details for event in timeline(rows, job)] == [[("error code", "A"), ("error message", "First.")], []]


def test_an_event_of_another_day_says_which() -> None:
    later = {**an_event("note"), "occurred_at": NOW + timedelta(days=1, seconds=3)}
    (event,) = timeline([later], JOB)
    assert (event.clock, event.after) == ("2026-11-22 12:00:03", "+1 d")


def test_a_job_without_events_has_an_empty_timeline() -> None:
    assert timeline([], JOB) == []
