"""Pages → rows → one transaction per batch, with the checkpoint from which the next attempt goes on."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import jobs, loading, sql
from airflow_provider_hubspot_deals.deals.parsing import BadRecord, DealParser, DealRow
from airflow_provider_hubspot_deals.exceptions import SystemicDataError
from airflow_provider_hubspot_deals.extraction.pages import Event, IdRange, Page
from airflow_provider_hubspot_deals.extraction.plan import ARCHIVED_LISTS, LIVE
from airflow_provider_hubspot_deals.kill_points import KillPoint, reached
from airflow_provider_hubspot_deals.sync import refusals

BAD_SHARE_MAX = 0.2  # of a batch: more is no accident but a broken portal, property or parser
BAD_ROWS_MIN = 20  # below this, a share says nothing

BATCH_SIZE_MAX = 32 * 2**20  # bytes of rows; wide deals make small batches, so that memory stays flat

_LISTED_REASON = {LIVE: None} | dict.fromkeys(ARCHIVED_LISTS, "archived")  # of the stored deals that a list should hold


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """A page of which every record has become a row, or a bad record."""

    page: Page  # without its records, which take several times as much memory as their rows
    received: int  # records
    rows: list[DealRow]
    bad: list[BadRecord]
    size: int  # bytes of rows

    def share(self, rows_max: int) -> float:
        """How much of a batch of ``rows_max`` deals it fills, or would if it brought every deal that it names."""
        deals = max(self.received, len(self.page.listed), len(self.page.confirmed))
        return max(deals / rows_max, self.size / BATCH_SIZE_MAX)


def parsed(page: Page, parser: DealParser, page_number: int) -> ParsedPage:
    """Parse the records of a page."""
    rows, bad = parser.parse_page(page.records, page_number)
    size = sum(len(row.line) for row in rows)
    return ParsedPage(replace(page, records=[]), len(page.records), rows, bad, size)


@dataclass
class Batch:
    """What was read since the last commit, all of one phase."""

    phase: str
    rows: list[DealRow] = field(default_factory=list)
    bad: list[BadRecord] = field(default_factory=list)
    pages: int = 0
    received: int = 0
    size: int = 0
    expected: int = 0
    covers: list[IdRange] = field(default_factory=list)
    listed: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    vanished: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    confirmed: list[int] = field(default_factory=list)
    opened_at: float = field(default_factory=time.monotonic)

    def add(self, parsed_page: ParsedPage) -> None:
        """Take a page in."""
        page = parsed_page.page
        self.rows += parsed_page.rows
        self.bad += parsed_page.bad
        self.size += parsed_page.size
        if page.covers is not None:
            self._cover(page.covers)
        self.listed += page.listed
        self.events += page.events
        self.pages += 1
        self.received += parsed_page.received
        if self.phase != LIVE:  # of the live list the whole number is known from its beginning
            self.expected += parsed_page.received
        self.vanished += page.vanished
        self.gone += page.gone
        self.confirmed += page.confirmed

    @property
    def age_s(self) -> float:
        """Seconds since it was begun."""
        return time.monotonic() - self.opened_at

    def share(self, rows_max: int) -> float:
        """How full it is, when it may have ``rows_max`` deals."""
        return max(self.received / rows_max, self.size / BATCH_SIZE_MAX)

    def refuse_systemic_damage(self, organization: str) -> None:
        """Stop before a whole portal quietly moves to quarantine.

        Raises:
            SystemicDataError: more than a fifth of the batch cannot be stored.
        """
        if len(self.bad) >= BAD_ROWS_MIN and len(self.bad) > BAD_SHARE_MAX * self.received:
            reasons = ", ".join(sorted({record.reason_code for record in self.bad}))
            raise SystemicDataError(
                f"{len(self.bad)} of {self.received} deals of organization {organization!r} cannot be stored "
                f"({reasons}); nothing of this batch was written."
            )

    def _cover(self, covers: IdRange) -> None:
        """Pages of one reader follow each other; several readers leave several ranges."""
        for position, before in enumerate(self.covers):
            if before.high == covers.low:
                self.covers[position] = IdRange(low=before.low, high=covers.high)
                return
        self.covers.append(covers)


def write(
    connection: Connection[Any],
    job: jobs.Job,
    batch: Batch,
    *,
    progress: Mapping[str, Any],
    watermark: datetime | None,
    beside: Callable[[], None] = lambda: None,
    begun: Callable[[str], None] = lambda _: None,
) -> None:
    """Everything that a batch changes, or nothing.

    Args:
        progress: parameters of ``record_batch`` that the batch does not know: checkpoint, windows, API usage.
        watermark: new watermark when this batch ends a closed window, else None.
        beside: writes what else belongs to these deals, in the same transaction.
        begun: is told the transaction's id: until this function returns, it may or may not have been committed.

    Raises:
        JobCancelled, JobSuperseded: the job is no longer ours; nothing was written.
        SystemicDataError: see ``Batch.refuse_systemic_damage``.
        psycopg.Error: PostgreSQL refused or went away.
    """
    batch.refuse_systemic_damage(job.organization)
    tables = loading.Tables(schema=job.schema, leaf=job.leaf)
    with sql.transaction(connection):
        begun(jobs.lock_fence(connection, job))
        reached(KillPoint.BATCH_BEGUN)
        _note_absences(connection, tables, job, batch)
        stored = refusals.store(connection, tables, job.keys, batch.rows)
        if stored.refused:
            batch = replace(batch, rows=stored.taken, bad=batch.bad + stored.refused)
            batch.refuse_systemic_damage(job.organization)
        written = stored.written
        deleted = written.deleted
        if batch.gone:
            deleted += loading.mark_missing(connection, tables, job.keys, batch.gone)
        if batch.confirmed:
            loading.forget_absent(connection, tables, job.keys, batch.confirmed)
        loading.quarantine(connection, tables, job.keys, batch.bad)
        beside()
        reached(KillPoint.ROWS_WRITTEN)
        counts = {
            "phase": batch.phase,
            "pages": batch.pages,
            "received": batch.received,
            "expected": batch.expected,
            "inserted": written.inserted,
            "updated": written.updated,
            "unchanged": written.unchanged,
            "stale": written.stale,
            "duplicate": written.duplicate,
            "quarantined": len(batch.bad),
            "deleted": deleted,
            "value_issues": sum(row.issues for row in batch.rows),
        }
        jobs.record_batch(connection, job, {**counts, **progress})
        if watermark is not None:
            jobs.advance_watermark(connection, job, watermark)
        for event in batch.events:
            jobs.tell(connection, job, event.kind, event.details)
        if batch.bad:
            reasons = Counter(record.reason_code for record in batch.bad)
            jobs.tell(connection, job, "quarantined", {"records": len(batch.bad), "reasons": reasons})
        reached(KillPoint.BATCH_WRITTEN)


def _note_absences(connection: Connection[Any], tables: loading.Tables, job: jobs.Job, batch: Batch) -> None:
    if batch.vanished:
        loading.note_vanished(connection, tables, job.keys, batch.vanished)
    if batch.phase not in _LISTED_REASON:
        return
    listed = [row.deal_id for row in batch.rows] + batch.listed
    # A record that cannot be stored is still there.
    listed += [record.deal_id for record in batch.bad if record.deal_id]
    listed.sort()
    for covers in batch.covers:
        loading.note_absent(
            connection,
            tables,
            job.keys,
            low=covers.low,
            high=covers.high,
            listed=listed[bisect_right(listed, covers.low) : bisect_right(listed, covers.high)],
            deleted_reason=_LISTED_REASON[batch.phase],
        )
