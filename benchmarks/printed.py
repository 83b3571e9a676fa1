"""The filters that the two schema documents print, with an organization and a job in their places."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from benchmarks.deals import Large
from tests.integration.documents import Statement, statements

SEARCH_PATH = "SET search_path = hubspot_reporting, hubspot"
ORGANIZATION = re.compile(r"'(tenant|org)-123'")
JOB = re.compile(r"'(job-uuid|job-id|uuid-1|your-scan-id|(hubspot-|my-)?scan-001)'")


@dataclass(frozen=True, slots=True)
class Filter:
    """A printed statement with the job that stands in it."""

    statement: Statement
    job: str  # "daily", "full", or "" where the statement names none
    table: str
    text: str


def filters(large: Large) -> list[Filter]:
    """Every printed SELECT and UPDATE; one that names a job of deals once for a small and once for a large one."""
    return [
        Filter(statement, job, table_of(statement, large), filled(statement, large.id, job_id))
        for statement in statements()
        if statement.verb in {"SELECT", "UPDATE scan_jobs"}
        for job, job_id in jobs_for(statement, large)
    ]


def jobs_for(statement: Statement, large: Large) -> list[tuple[str, UUID]]:
    """Which jobs stand for the placeholder, by name."""
    if JOB.search(statement.text) and table_of(statement, large) == large.leaf:
        return [("daily", large.daily_job), ("full", large.full_job)]
    return [("", large.active_job)]


def table_of(statement: Statement, large: Large) -> str:
    """The table that its filter is about."""
    return large.leaf if re.search(r"\bhubspot_deals\b\s*\n?WHERE", statement.text) else "jobs"


def filled(statement: Statement, organization: UUID, job: UUID) -> str:
    """With a UUID for each placeholder."""
    return JOB.sub(f"'{job}'", ORGANIZATION.sub(f"'{organization}'", statement.text))
