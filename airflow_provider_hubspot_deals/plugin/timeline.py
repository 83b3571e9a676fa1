"""The timeline of a job: what its events say to who reads them; what only a database asks for is folded away."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airflow_provider_hubspot_deals.plugin import wording

_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?([+-]\d{2}:\d{2}|Z)\Z", re.ASCII
)  # as JSON has it

# What happened, with the detail that says it; other kinds are words already.
_TITLES = {
    "started": ("attempt", "attempt {} began"),
    "resumed": ("attempt", "attempt {} went on"),
    "superseded": ("by_attempt", "attempt {} took over"),
    "phase": ("phase", "phase {}"),
}
_IDS = frozenset(
    {"type", "scan_id", "dag_id", "run_id", "epoch", "try_number", "by_try_number", "application", "client_address"}
)
_ERROR = ("error_code", "error_message")
_NAMES = {column: name for name, column in wording.COUNTS} | {"records_expected": "expected", "api_calls": "API calls"}
_COUNTS = frozenset(_NAMES) | {"pages_read"}
Detail = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the timeline.

    Attributes:
        number: of the event within its job.
        clock: its time, with the date where that is not the day on which the job was created.
        after: how long after that.
        actor: who did it, if not who did the rest.
        details: what to read.
        folded: ids and counts of nothing, with the usual actor behind them.
    """

    number: int
    at: datetime
    clock: str
    after: str
    kind: str
    title: str
    actor: str
    details: Sequence[Detail]
    folded: Sequence[Detail]


def timeline(rows: Sequence[Mapping[str, Any]], job: Mapping[str, Any]) -> list[Event]:
    """The events of this job; its own error stands above them already."""
    usual = next((row["actor"] for row in rows if row["kind"] == "started"), rows[0]["actor"] if rows else "")
    return [_event(row, job, usual) for row in rows]


def _event(row: Mapping[str, Any], job: Mapping[str, Any], usual_actor: str) -> Event:
    at, created_at = row["occurred_at"], job["created_at"]
    title, said = _title(row)
    known = {said, *(name for name in _ERROR if row["details"].get(name) == job[name])}
    told = [(name, value) for name, value in row["details"].items() if name not in known]
    is_usual = row["actor"] == usual_actor
    folded = [_detail(*each) for each in told if _is_folded(*each)]
    return Event(
        number=row["sequence"],
        at=at,
        clock=f"{at:%H:%M:%S}" if at.date() == created_at.date() else f"{at:%Y-%m-%d %H:%M:%S}",
        after=f"+{wording.duration((at - created_at).total_seconds())}",
        kind=row["kind"],
        title=title,
        actor="" if is_usual else row["actor"],
        details=[_detail(*each) for each in told if not _is_folded(*each)],
        folded=[*folded, ("by", row["actor"])] if folded and is_usual else folded,
    )


def _title(row: Mapping[str, Any]) -> tuple[str, str]:
    """What happened, and which of the details that says."""
    detail, title = _TITLES.get(row["kind"], ("", ""))
    value = row["details"].get(detail)
    if value is None:  # others may write events too
        return row["kind"].replace("_", " "), ""
    return title.format(_text(value)), detail


def _is_folded(name: str, value: object) -> bool:
    return name in _IDS or (name in _COUNTS and value == 0)


def _detail(name: str, value: object) -> Detail:
    return _NAMES.get(name, name.replace("_", " ")), _text(value)


def _text(value: object) -> str:
    if isinstance(value, str) and _MOMENT.match(value):
        with suppress(ValueError, OverflowError):  # others may write events too: the 99th of May
            return wording.moment(datetime.fromisoformat(value).astimezone(UTC))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
