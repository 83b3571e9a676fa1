"""Pages → rows → one transaction per batch, with the checkpoint from which the next attempt goes on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import jobs, loading, sql
from airflow_provider_hubspot_deals.deals.parsing import BadRecord, DealParser, DealRow
from airflow_provider_hubspot_deals.exceptions import SystemicDataError
from airflow_provider_hubspot_deals.extraction.pages import IdRange, Page
from airflow_provider_hubspot_deals.extraction.plan import ARCHIVED_LISTS, LIVE

BAD_SHARE_MAX = 0.2  # of a batch: more is no accident but a broken portal, property or parser
BAD_ROWS_MIN = 20  # below this, a share says nothing

BATCH_SIZE_MAX = 32 * 2**20  # bytes of rows; wide deals make small batches, so that memory stays flat

_LISTED_REASON = {LIVE: None} | dict.fromkeys(ARCHIVED_LISTS, "archived")  # of the stored deals that a list should hold


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
    covers: IdRange | None = None
    vanished: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    confirmed: list[int] = field(default_factory=list)
    opened_at: float = field(default_factory=time.monotonic)

    def add(self, page: Page, parser: DealParser, page_number: int) -> None:
        """Parse a page into the batch."""
        parsed = parser.parse_page(page.records, page_number)
        self.rows += parsed.rows
        self.bad += parsed.bad
        self.size += sum(len(row.line) for row in parsed.rows)
        self.covers = self._joined(page.covers)
        self.pages += 1
        self.received += len(page.records)
        if self.phase != LIVE:  # of the live list the whole number is known from its beginning
            self.expected += len(page.records)
        self.vanished += page.vanished
        self.gone += page.gone
        self.confirmed += page.confirmed

    def is_full(self, rows_max: int, seconds_max: float) -> bool:
        """Whether it is time to commit."""
        too_old = time.monotonic() - self.opened_at >= seconds_max
        return too_old or self.received >= rows_max or self.size >= BATCH_SIZE_MAX

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

    def _joined(self, page_covers: IdRange | None) -> IdRange | None:
        if self.pages == 0 or page_covers is None:
            return page_covers
        return self.covers and IdRange(low=self.covers.low, high=page_covers.high)


def write(
    connection: Connection[Any], job: jobs.Job, batch: Batch, *, progress: Mapping[str, Any], watermark: datetime | None
) -> None:
    """Everything that a batch changes, or nothing.

    Args:
        progress: parameters of ``record_batch`` that the batch does not know: checkpoint, windows, API usage.
        watermark: new watermark when this batch ends a closed window, else None.

    Raises:
        JobCancelled, JobSuperseded: the job is no longer ours; nothing was written.
        SystemicDataError: see ``Batch.refuse_systemic_damage``.
        psycopg.Error: PostgreSQL refused or went away.
    """
    batch.refuse_systemic_damage(job.organization)
    tables = loading.Tables(schema=job.schema, leaf=job.leaf)
    with sql.transaction(connection):
        jobs.lock_fence(connection, job)
        _note_absences(connection, tables, job, batch)
        written = loading.store(connection, tables, job.keys, batch.rows)
        deleted = written.deleted
        if batch.gone:
            deleted += loading.mark_missing(connection, tables, job.keys, batch.gone)
        if batch.confirmed:
            loading.forget_absent(connection, tables, job.keys, batch.confirmed)
        loading.quarantine(connection, tables, job.keys, batch.bad)
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
        if batch.bad:
            reasons = Counter(record.reason_code for record in batch.bad)
            jobs.tell(connection, job, "quarantined", {"records": len(batch.bad), "reasons": reasons})


def _note_absences(connection: Connection[Any], tables: loading.Tables, job: jobs.Job, batch: Batch) -> None:
    if batch.vanished:
        loading.note_vanished(connection, tables, job.keys, batch.vanished)
    if batch.covers is None or batch.phase not in _LISTED_REASON:
        return
    listed = [row.deal_id for row in batch.rows]
    # A record that cannot be stored is still there.
    listed += [int(written) for record in batch.bad if (written := record.deal_id_text or "").isdecimal()]
    loading.note_absent(
        connection,
        tables,
        job.keys,
        low=batch.covers.low,
        high=batch.covers.high,
        listed=listed,
        deleted_reason=_LISTED_REASON[batch.phase],
    )
