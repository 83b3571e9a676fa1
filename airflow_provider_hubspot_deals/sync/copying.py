"""Phase by phase: pages are read and parsed ahead, gathered into batches, and those committed one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from airflow_provider_hubspot_deals.deals.parsing import DealParser
from airflow_provider_hubspot_deals.extraction.pages import Page
from airflow_provider_hubspot_deals.kill_points import KillPoint, reached
from airflow_provider_hubspot_deals.sync.ahead import ReadAhead
from airflow_provider_hubspot_deals.sync.batches import Batch, ParsedPage, parsed
from airflow_provider_hubspot_deals.sync.checkpoint import Checkpoint
from airflow_provider_hubspot_deals.sync.committing import Commits
from airflow_provider_hubspot_deals.sync.companions import Companions
from airflow_provider_hubspot_deals.sync.lookups import Lookups
from airflow_provider_hubspot_deals.sync.phases import Phases
from airflow_provider_hubspot_deals.sync.request import SyncRequest

AHEAD_WEIGHT_MAX = 32 * 2**20  # bytes, about, that wait parsed while a batch is written: two usual batches


class Abandonable(Protocol):
    """A HubSpot client whose questions under way can be given up."""

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
    client: Abandonable
    phases: Phases
    parser: DealParser
    lookups: Lookups
    companions: Companions
    commits: Commits
    stop_if_lost: Callable[[], None]
    page_number: int
    hubspot_total: int | None = None

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
                if cursor is not None and batch.is_full(self.request.batch_rows, self.request.batch_seconds):
                    checkpoint = checkpoint.at(phase, cursor)
                    self.commits.commit(batch, checkpoint, self.companions)
                    batch = Batch(phase)
            checkpoint = checkpoint.at(self.phases.after(phase), None)
            if batch.pages:
                self.commits.commit(batch, checkpoint, self.companions, ends_phase=True)
        return checkpoint

    def _parsed(self, pages: Iterable[Page]) -> Iterator[ParsedPage]:
        for page in pages:
            self.page_number += 1
            if page.total is not None:
                self.hubspot_total = page.total
            yield parsed(page, self.parser, self.page_number)

    @contextmanager
    def _made_ahead(self, pages: Iterator[ParsedPage]) -> Iterator[Iterable[ParsedPage]]:
        if self.request.requests_in_flight == 1:
            yield pages
            return
        with ReadAhead(pages, weight_max=AHEAD_WEIGHT_MAX, while_waiting=self.stop_if_lost) as ahead:
            try:
                yield ahead
            except BaseException:
                self.client.abandon()
                self.lookups.close()
                raise
