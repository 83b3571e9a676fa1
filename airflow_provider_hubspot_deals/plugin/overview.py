"""The table of all organizations: searched, sorted and cut into pages here, since a thousand rows are little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.organizations.organization import STANDARD_TYPE
from airflow_provider_hubspot_deals.plugin import wording
from airflow_provider_hubspot_deals.plugin.progress import Progress, progress_of
from airflow_provider_hubspot_deals.plugin.sparkline import RUNS_MAX, Sparkline, sparkline

PAGE_ROWS = 50
SEARCH_MAX = 100  # characters
PAUSED, NO_SCHEDULE, NO_DAG = IDLE = "paused", "no schedule", "no DAG"  # why no run comes by itself

_URGENCY = ("failed", "silent", "waiting", "running", "pending", "cancelled", "none", "completed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the address of the page asks for; anything unknown means the usual."""

    search: str = ""
    sort: str = "organization"
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Dags:
    """What Airflow knows of its DAGs.

    Attributes:
        readable: those that the user may read.
        idle: those that start no run by themselves, and why.
        next_runs: when a clock starts the next one of each, idle or not, as far as Airflow has worked it out.
        built: those of organizations that an organizations file has now, whether one may read them or not.
        mistaken: those of them that only say what is wrong with the entry, and read nothing.
    """

    readable: Collection[str]
    idle: Mapping[str, str] = field(default_factory=dict)
    next_runs: Mapping[str, datetime] = field(default_factory=dict)
    built: Collection[str] = ()
    mistaken: Collection[str] = ()

    def why_idle(self, *dag_ids: str) -> str:
        """Why none of these, as far as the user may read them, starts a run; empty when one does."""
        reasons = [self.idle.get(dag_id, "") for dag_id in dag_ids if dag_id in self.readable]
        return min(reasons, key=IDLE.index) if reasons and all(reasons) else ""

    def next_run(self, *dag_ids: str) -> datetime | None:
        """When the first of these, as far as the user may read them, starts a run; None where none is known."""
        running = [
            each for each in dag_ids if each in self.readable and not (each in self.idle or each in self.mistaken)
        ]
        return min(filter(None, map(self.next_runs.get, running)), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationLine:
    """One row of the table: what the database says of it, and what that means."""

    row: Mapping[str, Any]
    progress: Progress
    behind_s: float | None  # how old the newest change may be that is not stored; None before the first run
    dag_id: str  # of this organization's DAGs, one that the user may read
    job_is_readable: bool
    idle: str = ""  # one of ``IDLE``, or empty
    has_mistake: bool = False  # its entry of the organizations file cannot be used, so nothing is read
    next_run: datetime | None = None
    runs: Sparkline | None = None

    @property
    def issues(self) -> int:
        """What somebody should look at: values of the newest job, and records that wait in quarantine."""
        return int(self.row["value_issues"] or 0) + int(self.row["quarantined"])

    @property
    def freshness(self) -> str:
        """``never``, ``idle``, ``stale`` or ``fresh``: whether a run has completed within the organization's own goal.

        Of an organization whose DAG is paused, without a schedule or gone nobody expects one.
        """
        if self.completed_s is None:
            return "never"
        if self.idle:
            return "idle"
        return "stale" if self.completed_s > 60 * self.row["stale_after_minutes"] else "fresh"

    @property
    def completed_s(self) -> float | None:
        """How long ago the last run completed."""
        return wording.seconds_between(self.row["last_sync_at"], self.row["now"])

    @property
    def next_run_s(self) -> float | None:
        """In how many seconds the next run starts; below zero when it is due."""
        return wording.seconds_between(self.row["now"], self.next_run)

    @property
    def ended_s(self) -> float | None:
        """How long ago the newest job ended; None while it is active."""
        return wording.seconds_between(self.row["end_time"], self.row["now"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One page of the table, and what all organizations together are doing.

    Attributes:
        counts: how many organizations by the word of their newest job, by ``stale`` and ``never``, and ``mistaken``.
        found: how many the search leaves.
    """

    lines: Sequence[OrganizationLine]
    choice: Choice
    pages: int
    found: int
    total: int
    counts: Mapping[str, int]
    deals: int
    changed_today: int
    api_calls_today: int


_SORTS: dict[str, Callable[[OrganizationLine], Any]] = {
    "organization": lambda line: line.row["name"].casefold(),
    "freshness": lambda line: (
        not line.has_mistake,
        bool(line.idle),
        line.behind_s is not None,
        -(line.behind_s or 0.0),
    ),
    "job": lambda line: _URGENCY.index(line.progress.word),
    "deals": lambda line: -line.row["deals"] if line.row["deals"] else 0,
    "changed": lambda line: -line.row["changed_today"],
    "calls": lambda line: -line.row["api_calls_today"],
    "issues": lambda line: -line.issues,
}
SORTS = tuple(_SORTS)


def read_overview(connection: Connection[Any], schema: str, dags: Dags, choice: Choice) -> Overview:
    """Read the organizations that belong to the DAGs that the user may read, those that have never run among them."""
    built = sorted(set(dags.built) & set(dags.readable))
    names = {"dag_ids": sorted(dags.readable), "built": built, "schema": schema}
    found = sql.rows(connection, "board.organizations", names, schema=schema)
    overview = arranged([line_of(row, dags) for row in found], choice)
    keys = {
        "organization_ids": [line.row["organization_id"] for line in overview.lines],
        "types": [line.row["type"] for line in overview.lines],
    }
    runs = sql.rows(connection, "board.recent_runs", {**keys, "runs_max": RUNS_MAX}, schema=schema)
    return _with_runs(overview, runs)


def line_of(row: Mapping[str, Any], dags: Dags) -> OrganizationLine:
    """Judge one row of ``board.organizations``."""
    return OrganizationLine(
        row=row,
        progress=progress_of(row),
        behind_s=wording.seconds_between(row["watermark"], row["now"]),
        dag_id=row["dag_id"] if row["dag_id"] in dags.readable else row["job_dag_id"],
        job_is_readable=row["job_dag_id"] in dags.readable,
        idle=dags.why_idle(row["dag_id"], row["job_dag_id"]),
        next_run=dags.next_run(row["dag_id"], row["job_dag_id"]),
        has_mistake=row["dag_id"] in dags.mistaken and row["dag_id"] in dags.readable,
    )


def arranged(lines: Sequence[OrganizationLine], choice: Choice) -> Overview:
    """Search, sort and cut out one page; a page beyond the last one is the last one."""
    found = [line for line in lines if _matches(line, choice.search)]
    found.sort(key=_by_name)
    found.sort(key=_SORTS.get(choice.sort, _SORTS["organization"]))
    pages = max(1, -(-len(found) // PAGE_ROWS))
    page = min(max(1, choice.page), pages)
    sort = choice.sort if choice.sort in _SORTS else "organization"
    return Overview(
        lines=found[(page - 1) * PAGE_ROWS : page * PAGE_ROWS],
        choice=Choice(search=choice.search, sort=sort, page=page),
        pages=pages,
        found=len(found),
        total=len(lines),
        counts=_counts(lines),
        deals=sum(line.row["deals"] or 0 for line in lines),
        changed_today=sum(line.row["changed_today"] for line in lines),
        api_calls_today=sum(line.row["api_calls_today"] for line in lines),
    )


def _counts(lines: Sequence[OrganizationLine]) -> Mapping[str, int]:
    counts = Counter([line.progress.word for line in lines] + [line.freshness for line in lines])
    counts["mistaken"] = sum(line.has_mistake for line in lines)
    return counts


def _matches(line: OrganizationLine, search: str) -> bool:
    """Every word stands somewhere in what names the organization."""
    names = " ".join(str(line.row[key] or "") for key in ("name", "slug", "type", "organization_id", "portal_id"))
    return all(word in names.casefold() for word in search[:SEARCH_MAX].casefold().split())


def _by_name(line: OrganizationLine) -> tuple[str, str, bool, str]:
    type_ = line.row["type"]
    return line.row["name"].casefold(), line.row["slug"], type_ != STANDARD_TYPE, type_


def _with_runs(overview: Overview, found: Sequence[Mapping[str, Any]]) -> Overview:
    by_key = {(each["organization_id"], each["type"]): each for each in found}
    lines = []
    for line in overview.lines:
        recent = by_key[line.row["organization_id"], line.row["type"]]
        lines.append(replace(line, runs=sparkline(recent["runs"])))
    return replace(overview, lines=lines)
