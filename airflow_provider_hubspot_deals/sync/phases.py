"""From a phase's name to its pages."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import jobs
from airflow_provider_hubspot_deals.exceptions import BadResponseError, ConfigurationError
from airflow_provider_hubspot_deals.extraction import plan
from airflow_provider_hubspot_deals.extraction.archived import archived_pages
from airflow_provider_hubspot_deals.extraction.confirming import confirmed_pages
from airflow_provider_hubspot_deals.extraction.dividing import divided_pages
from airflow_provider_hubspot_deals.extraction.listing import listed_pages
from airflow_provider_hubspot_deals.extraction.pages import DealSource, Page
from airflow_provider_hubspot_deals.extraction.readers import Readers
from airflow_provider_hubspot_deals.extraction.searching import changed_pages, fresh_pages
from airflow_provider_hubspot_deals.sync.checkpoint import Checkpoint, Window
from airflow_provider_hubspot_deals.sync.lookups import Lookups
from airflow_provider_hubspot_deals.sync.request import SyncRequest

log = logging.getLogger(__name__)

_DONE = "done"


@dataclass(frozen=True, slots=True)
class Reading:
    """What every phase reads with."""

    source: DealSource
    properties: Sequence[str]
    readers: Readers
    lookups: Lookups


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A phase about to be read.

    Attributes:
        checkpoint: with the window that the phase covers fixed in it.
        expected: how many deals its pages will hold, as far as that is known before.
    """

    checkpoint: Checkpoint
    pages: Iterator[Page]
    expected: int = 0


class Phases:
    """The phases of one job over one source."""

    def __init__(
        self,
        request: SyncRequest,
        reading: Reading,
        connection: Connection[Any],
        job: jobs.Job,
    ) -> None:
        self._request, self._reading, self._connection, self._job = request, reading, connection, job
        self._names = plan.PHASES[job.mode]

    def beginning(self) -> Checkpoint:
        """The checkpoint of an earlier attempt, or that of a job at its very start."""
        if self._job.checkpoint:
            return Checkpoint.from_json(self._job.checkpoint)
        return Checkpoint(started_at=self._now(), phase=self._names[0])

    def remaining(self, checkpoint: Checkpoint) -> tuple[str, ...]:
        """The phases from the checkpoint on."""
        return () if checkpoint.phase == _DONE else self._names[self._names.index(checkpoint.phase) :]

    def after(self, phase: str) -> str:
        """What follows a phase."""
        return (*self._names, _DONE)[self._names.index(phase) + 1]

    def open(self, phase: str, checkpoint: Checkpoint) -> Opened:
        """The pages of ``phase`` from the checkpoint on."""
        if phase in (plan.CHANGED, plan.FRESH) and phase not in checkpoint.windows:
            checkpoint = checkpoint.with_window(phase, self._window(phase, checkpoint))
        pages, expected = self._live_pages(checkpoint) if phase == plan.LIVE else (self._pages(phase, checkpoint), 0)
        return Opened(checkpoint=checkpoint, pages=pages, expected=expected)

    def index_horizon(self) -> datetime:
        """What happened later than this, HubSpot's search index may not show yet."""
        return self._now() - self._request.search_lag - self._request.overlap

    def modified_since_read(self, checkpoint: Checkpoint) -> int:
        """How many deals were modified after the last moment of which this job, or one before it, has read the changes.

        As many may be new in HubSpot. By its search index, as its count of all deals is.
        """
        fresh = checkpoint.windows.get(plan.FRESH)
        since = fresh[0] if fresh else self._job.watermark
        if since is None:
            return 0
        start, end = plan.fresh_window(since, self._now())
        return self._reading.source.search_deals(modified_from=start, modified_to=end, after_id=0).total

    def _live_pages(self, checkpoint: Checkpoint) -> tuple[Iterator[Page], int]:
        source, readers, properties = self._reading.source, self._reading.readers, self._reading.properties
        highest = source.highest_deal() if checkpoint.cursor is None else None
        pages = divided_pages(source, readers, properties=properties, cursor=checkpoint.cursor, highest=highest)
        return pages, highest.total if highest else 0

    def _pages(self, phase: str, checkpoint: Checkpoint) -> Iterator[Page]:
        cursor, lookups = checkpoint.cursor, self._reading.lookups
        source, readers, properties = self._reading.source, self._reading.readers, self._reading.properties
        if phase in plan.ARCHIVED_LISTS and self._job.mode == "full":  # reads again what no date tells, there too
            return listed_pages(source, readers, properties=properties, archived=True, cursor=cursor)
        if phase in plan.ARCHIVED_LISTS:
            not_stored_so = lookups.not_archived_so
            return archived_pages(source, readers, properties=properties, not_stored_so=not_stored_so, cursor=cursor)
        if phase == plan.ABSENT:
            absent_ids = lookups.absent_ids
            return confirmed_pages(source, readers, properties=properties, absent_ids=absent_ids, cursor=cursor)
        window = checkpoint.windows[phase]
        outdated = list if self._job.mode == "window" else lookups.outdated  # a window is read whatever is stored
        read = fresh_pages if phase == plan.FRESH else changed_pages
        return read(source, readers, properties=properties, window=window, outdated=outdated, cursor=cursor)

    def _window(self, phase: str, checkpoint: Checkpoint) -> Window:
        now = self._now()
        if phase == plan.FRESH:
            return plan.fresh_window(checkpoint.windows[plan.CHANGED][1], now)
        if self._job.mode == "window":
            start, end = self._request.window_start or plan.FIRST_INSTANT, self._request.window_end or now
            if start > now + plan.CLOCK_SLACK:
                raise ConfigurationError(
                    f"Organization {self._request.organization!r}: window_start {start.isoformat()} lies in the future "
                    "and no deal can have been modified by then; choose one in the past."
                )
            return start, max(start, end)
        return plan.changed_window(
            watermark=None if self._job.mode == "full" else self._job.watermark,
            started_at=checkpoint.started_at,
            now=now,
            search_lag=self._request.search_lag,
            overlap=self._request.overlap,
        )

    def _now(self) -> datetime:
        """HubSpot's clock; a worker's may be days off.

        Never ahead of PostgreSQL's: one wrong Date header would otherwise move the watermark past changes to come.
        """
        if self._reading.source.server_time is None:
            raise BadResponseError("HubSpot's answers carry no Date header; without its clock no window can be closed.")
        hubspot, database = self._reading.source.server_time.astimezone(UTC), jobs.database_time(self._connection)
        if hubspot - database > plan.CLOCK_SLACK:
            log.warning("HubSpot's clock is %s ahead of PostgreSQL's, which is used instead.", hubspot - database)
        return min(hubspot, database)
