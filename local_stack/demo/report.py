"""What a demo run came to: tables for the person, figures for `--json`, and whether it all agrees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_stack.demo.changes import ChangeCheck
    from local_stack.demo.jobs import StoredDeals
    from local_stack.demo.runs import Outcome
    from local_stack.simulator import PortalCounts

NAME_WIDTH = 40
JOB_FIGURES = (
    "status",
    "mode",
    "records_extracted",
    "records_inserted",
    "records_updated",
    "records_unchanged",
    "records_deleted",
    "value_issues",
    "records_quarantined",
    "pages_read",
    "api_calls",
    "seconds",
)


@dataclass(frozen=True, slots=True)
class OrganizationResult:
    """One organization and type after its run."""

    outcome: Outcome
    stored: StoredDeals
    at_hubspot: PortalCounts
    changes: ChangeCheck | None  # None on a first run

    @property
    def label(self) -> str:
        """`northwind` or `northwind sandbox`."""
        organization = self.outcome.run.organization
        return organization.slug if organization.type == "standard" else f"{organization.slug} {organization.type}"

    @property
    def counts_agree(self) -> bool:
        """Whether we hold exactly as many live and archived deals as HubSpot."""
        return (self.stored.live, self.stored.archived) == (self.at_hubspot.live, self.at_hubspot.archived)

    @property
    def is_good(self) -> bool:
        """Whether everything about it is as it should be."""
        return self.outcome.succeeded and self.counts_agree and (self.changes is None or self.changes.is_exact)

    def figures(self) -> dict[str, Any]:
        """For `--json`."""
        job = self.outcome.job
        return {
            "organization": self.outcome.run.organization.slug,
            "type": self.outcome.run.organization.type,
            "dag_id": self.outcome.run.dag_id,
            "run_id": self.outcome.run.run_id,
            "run_state": self.outcome.state,
            "job": {name: getattr(job, name) for name in JOB_FIGURES} if job else None,
            "stored": {"live": self.stored.live, "archived": self.stored.archived, "merged": self.stored.merged},
            "at_hubspot": {"live": self.at_hubspot.live, "archived": self.at_hubspot.archived},
            "counts_agree": self.counts_agree,
            "changes": self.changes.changes.counts() if self.changes else None,
            "changes_exact": self.changes.is_exact if self.changes else None,
        }


def mark(good: bool) -> str:
    """A tick or a cross."""
    return "[green]✓[/green]" if good else "[bold red]✗[/bold red]"


def jobs_table(results: Sequence[OrganizationResult]) -> Table:
    """One line an organization: job, deals on both sides, cost."""
    table = Table("organization", "job", "mode", title="Jobs", title_justify="left")
    for heading in ("deals here", "at HubSpot", "archived", "issues", "pages", "API calls", "seconds", ""):
        table.add_column(heading, justify="right")
    for result in results:
        table.add_row(*_job_cells(result))
    return table


def _job_cells(result: OrganizationResult) -> list[str]:
    job = result.outcome.job
    ends = [
        f"{result.stored.live:,}",
        f"{result.at_hubspot.live:,}",
        f"{result.stored.archived:,} of {result.at_hubspot.archived:,}",
    ]
    if job is None:
        return [result.label, "none", "", *ends, "", "", "", "", mark(good=False)]
    issues = f"{job.value_issues + job.records_quarantined:,}"
    cost = [f"{job.pages_read:,}", f"{job.api_calls:,}", f"{job.seconds or 0:.1f}"]
    return [result.label, job.status, job.mode or "", *ends, issues, *cost, mark(result.is_good)]


def changes_table(results: Sequence[OrganizationResult]) -> Table:
    """What people changed at HubSpot, and which rows the run wrote."""
    table = Table("organization", "changed at HubSpot", title="Changes since the last run", title_justify="left")
    for heading in ("rows inserted", "updated", "marked deleted", "read but unchanged", "exactly those"):
        table.add_column(heading, justify="right")
    for result in results:
        job = result.outcome.job
        if result.changes and job:
            done = ", ".join(f"{count} {what}" for what, count in result.changes.changes.counts().items())
            counts = (job.records_inserted, job.records_updated, job.records_deleted, job.records_unchanged)
            table.add_row(result.label, done, *(f"{count:,}" for count in counts), mark(result.changes.is_exact))
    return table


def deals_table(rows: Sequence[dict[str, Any]]) -> Table:
    """A few rows as they stand in PostgreSQL."""
    table = Table(title=f"{len(rows)} rows of hubspot.hubspot_deals, changed last", title_justify="left")
    for name in rows[0] if rows else ():
        table.add_column(name, justify="right" if name in ("hubspot_deal_id", "amount") else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(cell(value) for value in row.values()))
    return table


def cell(value: object) -> str:
    """A value for a table cell: short, and never read as markup."""
    text = "" if value is None else f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "hour") else str(value)
    return escape(text if len(text) <= NAME_WIDTH else f"{text[: NAME_WIDTH - 1]}…")
