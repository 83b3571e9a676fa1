"""Phase by phase: pages are read and parsed ahead, gathered into batches, and those committed one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from airflow_provider_hubspot_deals.deals.parsing import DealParser
from airflow_provider_hubspot_deals.extraction.pages import Page
from airflow_provider_hubspot_deals.kill_points import KillPoint, reached
from airflow_provider_hubspot_deals.sync.allowance import Allowance
from airflow_provider_hubspot_deals.sync.batches import Batch, ParsedPage, parsed
from airflow_provider_hubspot_deals.sync.checkpoint import Checkpoint
from airflow_provider_hubspot_deals.sync.committing import Commits
from airflow_provider_hubspot_deals.sync.companions import Companions
from airflow_provider_hubspot_deals.sync.lookups import Lookups
from airflow_provider_hubspot_deals.sync.phases import Phases
from airflow_provider_hubspot_deals.sync.reading_ahead import ReadAhead
from airflow_provider_hubspot_deals.sync.request import SyncRequest


class Asking(Protocol):
    """A HubSpot client whose questions under way are so many, and can be given up."""

    @property
    def requests_in_flight(self) -> int: ...
    def abandon(self) -> None: ...


@dataclass(kw_only=True)
class Copying:
    """The deals of one attempt, from HubSpot's pages to committed batches.

    Attributes:
        stop_if_lost: raises once the job is no longer this attempt's.
        page_number: of the page read last, counted over all attempts.
        hubspot_total: how many live deals HubSpot's search index counted last; None when no page told.
    """

    request: SyncRequest
    client: Asking
    phases: Phases
    parser: DealParser
    lookups: Lookups
    companions: Companions
    commits: Commits
    stop_if_lost: Callable[[], None]
    page_number: int
    hubspot_total: int | None = None
    allowance: Allowance = field(init=False)

    def __post_init__(self) -> None:
        self.allowance = Allowance(self.request.batch_rows, self._under_way)

    def run(self, checkpoint: Checkpoint) -> Checkpoint:
        """Copy what remains after ``checkpoint``; the last one."""
        for phase in self.phases.remaining(checkpoint):
            checkpoint = self._copy(phase, checkpoint)
        return checkpoint

    def _copy(self, phase: str, checkpoint: Checkpoint) -> Checkpoint:
        opened = self.phases.open(phase, checkpoint)
        checkpoint = opened.checkpoint
        batch = Batch(phase, expected=opened.expected)
        reached(KillPoint.PHASE_OPENED)
        with self._made_ahead(self._parsed(opened.pages)) as pages:
            for parsed_page in pages:
                self.stop_if_lost()
                batch.add(parsed_page)
                reached(KillPoint.PAGE_READ)
                self.companions.see(parsed_page.rows)
                cursor = parsed_page.page.cursor
                if cursor is not None and self._is_due(batch):
                    checkpoint = checkpoint.at(phase, cursor)
                    self.commits.commit(batch, checkpoint, self.companions)
                    batch = Batch(phase)
            checkpoint = checkpoint.at(self.phases.after(phase), None)
            if batch.pages:
                self.commits.commit(batch, checkpoint, self.companions, ends_phase=True)
        return checkpoint

    def _is_due(self, batch: Batch) -> bool:
        if batch.age_s >= self.request.batch_seconds:
            return True
        if self._reads_ahead:
            return self.allowance.is_due(batch)
        return batch.share(self.request.batch_rows) >= 1

    @property
    def _reads_ahead(self) -> bool:
        return self.request.requests_in_flight > 1

    def _under_way(self) -> int:
        return min(self.client.requests_in_flight, self.request.requests_in_flight)

    def _parsed(self, pages: Iterable[Page]) -> Iterator[ParsedPage]:
        for page in pages:
            self.page_number += 1
            if page.total is not None:
                self.hubspot_total = page.total
            yield parsed(page, self.parser, self.page_number)

    @contextmanager
    def _made_ahead(self, pages: Iterator[ParsedPage]) -> Iterator[Iterable[ParsedPage]]:
        if not self._reads_ahead:
            yield pages
            return
        allowance = self.allowance
        with ReadAhead(pages, weigh=allowance.weigh, room=allowance.room, while_waiting=self.stop_if_lost) as ahead:
            try:
                yield ahead
            except BaseException:
                self.client.abandon()
                self.lookups.close()
                raise
