"""From a phase's name to its pages."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import jobs, loading
from airflow_provider_hubspot_deals.exceptions import BadResponseError, ConfigurationError
from airflow_provider_hubspot_deals.extraction import plan
from airflow_provider_hubspot_deals.extraction.confirming import confirmed_pages
from airflow_provider_hubspot_deals.extraction.listing import listed_pages
from airflow_provider_hubspot_deals.extraction.pages import DealSource, Page
from airflow_provider_hubspot_deals.extraction.searching import changed_pages
from airflow_provider_hubspot_deals.sync.checkpoint import Checkpoint, Window
from airflow_provider_hubspot_deals.sync.request import SyncRequest

log = logging.getLogger(__name__)

_DONE = "done"


class Phases:
    """The phases of one job over one source."""

    def __init__(
        self,
        request: SyncRequest,
        source: DealSource,
        connection: Connection[Any],
        job: jobs.Job,
        properties: Sequence[str],
    ) -> None:
        self._request, self._source, self._connection, self._job = request, source, connection, job
        self._properties = properties
        self._tables = loading.Tables(schema=job.schema, leaf=job.leaf)
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

    @staticmethod
    def begins_live(checkpoint: Checkpoint) -> bool:
        """Whether the list of all live deals is about to be read from its start."""
        return checkpoint.phase == plan.LIVE and checkpoint.cursor is None

    def open(self, phase: str, checkpoint: Checkpoint) -> tuple[Checkpoint, Iterator[Page]]:
        """The pages of ``phase``, and the checkpoint with the window that they cover fixed in it."""
        if phase in (plan.CHANGED, plan.FRESH) and phase not in checkpoint.windows:
            checkpoint = checkpoint.with_window(phase, self._window(phase, checkpoint))
        return checkpoint, self._pages(phase, checkpoint)

    def _pages(self, phase: str, checkpoint: Checkpoint) -> Iterator[Page]:
        source, properties, cursor = self._source, self._properties, checkpoint.cursor
        if phase in (plan.LIVE, *plan.ARCHIVED_LISTS):
            archived = phase in plan.ARCHIVED_LISTS
            return listed_pages(source, properties=properties, archived=archived, cursor=cursor)
        if phase == plan.ABSENT:
            return confirmed_pages(source, properties=properties, absent_ids=self._absent_ids, cursor=cursor)
        window = checkpoint.windows[phase]
        outdated = list if self._job.mode == "window" else self._outdated  # a window is read again whatever is stored
        return changed_pages(source, properties=properties, window=window, outdated=outdated, cursor=cursor)

    def _window(self, phase: str, checkpoint: Checkpoint) -> Window:
        now = self._now()
        if phase == plan.FRESH:
            return plan.fresh_window(checkpoint.windows[plan.CHANGED][1], now)
        if self._job.mode == "window":
            start, end = self._request.window_start or plan.FIRST_INSTANT, self._request.window_end or now
            if start > end:
                raise ConfigurationError(
                    f"Organization {self._request.organization!r}: window_start {start.isoformat()} lies in the future."
                )
            return start, end
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
        if self._source.server_time is None:
            raise BadResponseError("HubSpot's answers carry no Date header; without its clock no window can be closed.")
        hubspot, database = self._source.server_time.astimezone(UTC), jobs.database_time(self._connection)
        if hubspot - database > plan.CLOCK_SLACK:
            log.warning("HubSpot's clock is %s ahead of PostgreSQL's, which is used instead.", hubspot - database)
        return min(hubspot, database)

    def _outdated(self, versions: Mapping[int, str | None]) -> list[int]:
        return loading.outdated(self._connection, self._tables, versions)

    def _absent_ids(self, after_id: int, limit: int) -> list[int]:
        return loading.absent_ids(self._connection, self._tables, self._job.keys, after_id, limit)
