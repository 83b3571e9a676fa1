"""What the demo reads, and once writes, in our database. The same statements serve anybody with psql."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row, dict_row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from psycopg import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A row of `jobs`, as far as the demo shows it."""

    id: UUID
    dag_id: str
    run_id: str
    status: str
    mode: str | None
    phase: str | None
    records_extracted: int
    records_inserted: int
    records_updated: int
    records_unchanged: int
    records_deleted: int
    value_issues: int
    records_quarantined: int
    pages_read: int
    api_calls: int
    seconds: float | None
    error_message: str | None


def jobs_of_runs(connection: Connection[Any], run_ids: Sequence[str]) -> dict[str, Job]:
    """The newest job of each DAG among these runs, by DAG id."""
    statement = """
        SELECT DISTINCT ON (dag_id)
               id, dag_id, run_id, status, mode, phase, records_extracted, records_inserted, records_updated,
               records_unchanged, records_deleted, value_issues, records_quarantined, pages_read, api_calls,
               extract(epoch FROM coalesce(end_time, clock_timestamp()) - start_time)::float8 AS seconds, error_message
          FROM hubspot.jobs
         WHERE run_id = ANY (%s)
         ORDER BY dag_id, created_at DESC
    """
    with connection.transaction(), connection.cursor(row_factory=class_row(Job)) as cursor:
        return {job.dag_id: job for job in cursor.execute(statement, [list(run_ids)])}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDeals:
    """Rows of one organization and type."""

    live: int
    archived: int  # in HubSpot's recycle bin
    merged: int  # gone into another deal


def stored_deals(connection: Connection[Any], organization_id: UUID, type_: str) -> StoredDeals:
    """How many deals are stored, by what became of them in HubSpot."""
    statement = """
        SELECT count(*) FILTER (WHERE NOT archived) AS live,
               count(*) FILTER (WHERE _deleted_reason = 'archived') AS archived,
               count(*) FILTER (WHERE _deleted_reason = 'merged') AS merged
          FROM hubspot.hubspot_deals
         WHERE _organization_id = %s AND _type = %s
    """
    with connection.transaction(), connection.cursor(row_factory=class_row(StoredDeals)) as cursor:
        found = cursor.execute(statement, [organization_id, type_]).fetchone()
        return found or StoredDeals(live=0, archived=0, merged=0)


def written_deals(connection: Connection[Any], job_id: UUID) -> list[dict[str, Any]]:
    """The rows that one job wrote last: `hubspot_deal_id`, `_deleted_reason`, `_merged_into`."""
    statement = """
        SELECT hubspot_deal_id, _deleted_reason, _merged_into FROM hubspot.hubspot_deals
         WHERE _scan_id = %s ORDER BY hubspot_deal_id
    """
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, [job_id]).fetchall()


def recent_deals(connection: Connection[Any], limit: int = 3) -> list[dict[str, Any]]:
    """The deals that changed last in HubSpot, of any organization."""
    statement = """
        SELECT organizations.slug AS organization, _type AS type, hubspot_deal_id, dealname, amount, dealstage,
               closedate::date AS closedate, hs_lastmodifieddate
          FROM hubspot.hubspot_deals
          JOIN hubspot.organizations ON organizations.id = _organization_id
         WHERE NOT archived
         ORDER BY hs_lastmodifieddate DESC NULLS LAST
         LIMIT %s
    """
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, [limit]).fetchall()


def has_finished_jobs(connection: Connection[Any]) -> bool:
    """Whether an earlier run loaded anything."""
    with connection.transaction():
        return connection.execute("SELECT FROM hubspot.jobs WHERE status = 'completed' LIMIT 1").fetchone() is not None


def cancel_unfinished(connection: Connection[Any]) -> int:
    """Cancel the jobs that an interrupted demo left behind, while nothing runs; how many there were.

    They would keep the next run of their organization waiting for a sign of life.
    """
    with connection.transaction():
        return connection.execute(
            "UPDATE hubspot.jobs SET status = 'cancelled' WHERE status IN ('pending', 'running')"
        ).rowcount
