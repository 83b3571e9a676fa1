"""One run, read from top to bottom: claim, check the portal, read phase by phase, complete."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Protocol, Self

import psycopg
from psycopg import Connection

from airflow_provider_hubspot_deals import jobs, migrations
from airflow_provider_hubspot_deals.deals.parsing import DealParser
from airflow_provider_hubspot_deals.deals.records import PortalFacts
from airflow_provider_hubspot_deals.exceptions import WrongPortalError
from airflow_provider_hubspot_deals.extraction import plan
from airflow_provider_hubspot_deals.extraction.pages import DealSource, Page
from airflow_provider_hubspot_deals.extraction.readers import Readers
from airflow_provider_hubspot_deals.kill_points import KillPoint, reached
from airflow_provider_hubspot_deals.sql.line import hung_up_after
from airflow_provider_hubspot_deals.sync.ahead import ReadAhead
from airflow_provider_hubspot_deals.sync.batches import Batch, ParsedPage, parsed, write
from airflow_provider_hubspot_deals.sync.checkpoint import Checkpoint
from airflow_provider_hubspot_deals.sync.choices import choose
from airflow_provider_hubspot_deals.sync.companions import Companions, CompanionSource
from airflow_provider_hubspot_deals.sync.counting import LiveCount, compare_counts
from airflow_provider_hubspot_deals.sync.dimensions import DimensionSource, Refresh
from airflow_provider_hubspot_deals.sync.heartbeat import Heartbeat
from airflow_provider_hubspot_deals.sync.lookups import Lookups
from airflow_provider_hubspot_deals.sync.outcome import database_errors, job_outcome
from airflow_provider_hubspot_deals.sync.phases import Phases, Reading
from airflow_provider_hubspot_deals.sync.properties import custom_properties
from airflow_provider_hubspot_deals.sync.recovery import Recovery
from airflow_provider_hubspot_deals.sync.request import SyncRequest, SyncSummary
from airflow_provider_hubspot_deals.sync.usage import ApiUsage, UsageMeter

log = logging.getLogger(__name__)

CLAIM_TIMEOUT_S = 60.0  # a silent database is noticed by the heartbeat only once there is a job
AHEAD_WEIGHT_MAX = 32 * 2**20  # bytes, about, that wait parsed while a batch is written: two usual batches


class HubSpot(DealSource, DimensionSource, CompanionSource, Protocol):
    """What a run needs of the HubSpot client."""

    @property
    def usage(self) -> ApiUsage: ...
    def portal_facts(self) -> PortalFacts: ...
    def abandon(self) -> None: ...
    def renew(self) -> None: ...


def run(
    request: SyncRequest, *, client: HubSpot, connect: Callable[[], Connection[Any]], schema: str = "hubspot"
) -> SyncSummary:
    """Bring one organization's deals up to date.

    Args:
        connect: opens a psycopg 3 connection; called for the data, the heartbeat, and what reading ahead looks up.

    Raises:
        FatalError: configuration, schema, portal, scopes, data: retrying changes nothing.
        RetriableError: HubSpot or PostgreSQL failed for now; the job waits for its next attempt.
        DeferredError: HubSpot asks for a long pause; the job is pending with its checkpoint.
        JobStopped: another run is active, or this one was cancelled or replaced.
    """
    request.validate()
    began = time.monotonic()
    with database_errors(request.organization, connect, schema):
        connection = connect()
        with _Run(request, client, connect, connection) as attempt:
            connection.autocommit = True  # transactions are opened where they are needed, and nowhere else
            with hung_up_after(connection, CLAIM_TIMEOUT_S):
                migrations.check(connection, schema)
                job = jobs.claim(connection, schema, request.order())
            if job.is_finished:
                log.info("Job %s of this run was completed before; nothing to do.", job.id)
                return _summary(request, job, _finished(job), began, was_finished_already=True)
            reached(KillPoint.CLAIMED)
            log.info("Job %s: %s run of %s, attempt %d.", job.id, job.mode, request.organization, job.attempt)
            row = attempt.persevere(job)
            return _summary(request, attempt.job, row, began, portal=attempt.portal, count=attempt.count)


class _Run:
    """The working state of one attempt."""

    job: jobs.Job

    def __init__(
        self,
        request: SyncRequest,
        client: HubSpot,
        connect: Callable[[], Connection[Any]],
        connection: Connection[Any],
    ) -> None:
        self._request, self._client, self._connect, self._connection = request, client, connect, connection
        self._recovery = Recovery(connect, request.order())
        self.portal: PortalFacts | None = None
        self.count: LiveCount | None = None
        self.meter = UsageMeter(client.usage)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def persevere(self, job: jobs.Job) -> Mapping[str, Any]:
        """The job to its end; from its checkpoint again each time that the connection to PostgreSQL is lost."""
        self._begin(job)
        with (
            job_outcome(self._connect, lambda: self.job, self._request.origin, self.meter.unreported),
            database_errors(self._request.organization, self._connect, job.schema),
        ):
            while True:
                try:
                    with self._heartbeat:
                        return self._execute()
                except psycopg.Error as error:
                    self._recover(error)
                if self.job.is_finished:  # the connection was lost after that
                    return _finished(self.job)

    def _begin(self, job: jobs.Job) -> None:
        self.job = job
        self._heartbeat = Heartbeat(self._connect, job, self._connection)
        self._readers, self._lookups = Readers(self._request.requests_in_flight), Lookups(self._connect, job)
        self._hubspot_total: int | None = None
        self._page_number: int = job.row["pages_read"]
        self._in_doubt: tuple[str, Mapping[str, Any]] | None = None

    def _recover(self, error: psycopg.Error) -> None:
        transaction_id, usage = self._in_doubt or (None, {})
        taken_up = self._recovery.take_up(self.job, error, transaction_id)
        if taken_up.was_committed:
            self.meter.reported(usage)
        with suppress(psycopg.Error):
            self._connection.close()
        self._connection = taken_up.connection
        self._client.renew()
        self._begin(taken_up.job)

    def _execute(self) -> Mapping[str, Any]:
        self.portal = self._client.portal_facts()
        self._check_portal(self.portal)
        reached(KillPoint.PORTAL_CHECKED)
        definitions, self.job = Refresh(self._request, self._client, self._connection, self.job).run(self.portal)
        reached(KillPoint.DIMENSIONS_STORED)
        parser = DealParser(custom_properties(definitions), allow_negative_amounts=self._request.allow_negative_amounts)
        choices = choose(self._request, self._connection, self.job, definitions)
        self._companions = Companions(self._request, self._client, self._connection, self.job, choices.history)
        reading = Reading(self._client, choices.properties, self._readers, self._lookups)
        phases = Phases(self._request, reading, self._connection, self.job)
        checkpoint = phases.beginning()
        with self._readers, self._lookups:
            for phase in phases.remaining(checkpoint):
                checkpoint = self._read(phases, phase, checkpoint, parser)
            self._companions.finish()
        self._compare_counts(phases)
        reached(KillPoint.READING_FINISHED)
        row = jobs.complete(
            self._connection,
            self.job,
            selection=self._request.selection,
            started_at=checkpoint.started_at,
            usage=self.meter.unreported(),
        )
        reached(KillPoint.COMPLETED)
        return row

    def _check_portal(self, facts: PortalFacts) -> None:
        """A token of another portal stops here, before the first write of a deal."""
        for expected in (self._request.portal_id, self.job.portal_id):
            if expected is not None and expected != facts.portal_id:
                raise WrongPortalError(
                    f"The HubSpot token of organization {self._request.organization!r} (type {self._request.type!r}) "
                    f"opens portal {facts.portal_id}, but this organization's portal is {expected}. "
                    "Put the right token into its connection."
                )
        if self.job.portal_id is None:
            jobs.bind_portal(self._connection, self.job, facts.portal_id)

    def _read(self, phases: Phases, phase: str, checkpoint: Checkpoint, parser: DealParser) -> Checkpoint:
        opened = phases.open(phase, checkpoint)
        checkpoint = opened.checkpoint
        batch = Batch(phase, expected=opened.expected)
        reached(KillPoint.PHASE_OPENED)
        with self._made_ahead(self._parsed(opened.pages, parser)) as pages:
            for parsed_page in pages:
                self._stop_if_lost()
                batch.add(parsed_page)
                reached(KillPoint.PAGE_READ)
                self._companions.see(parsed_page.rows)
                cursor = parsed_page.page.cursor
                if cursor is not None and batch.is_full(self._request.batch_rows, self._request.batch_seconds):
                    checkpoint = checkpoint.at(phase, cursor)
                    self._commit(batch, checkpoint)
                    batch = Batch(phase)
            checkpoint = checkpoint.at(phases.after(phase), None)
            if batch.pages:
                self._commit(batch, checkpoint, ends_phase=True)
        return checkpoint

    def _parsed(self, pages: Iterable[Page], parser: DealParser) -> Iterator[ParsedPage]:
        for page in pages:
            self._page_number += 1
            if page.total is not None:
                self._hubspot_total = page.total
            yield parsed(page, parser, self._page_number)

    @contextmanager
    def _made_ahead(self, pages: Iterator[ParsedPage]) -> Iterator[Iterable[ParsedPage]]:
        if self._request.requests_in_flight == 1:
            yield pages
            return
        with ReadAhead(pages, weight_max=AHEAD_WEIGHT_MAX, while_waiting=self._stop_if_lost) as ahead:
            try:
                yield ahead
            except BaseException:
                self._client.abandon()
                self._lookups.close()
                raise

    def _compare_counts(self, phases: Phases) -> None:
        total = self._client.highest_deal().total if self._hubspot_total is None else self._hubspot_total
        self.count = compare_counts(self._connection, self.job, hubspot=total, horizon=phases.index_horizon())

    def _commit(self, batch: Batch, checkpoint: Checkpoint, *, ends_phase: bool = False) -> None:
        beside = self._companions.read()
        window = checkpoint.windows.get(plan.CHANGED)
        settles = ends_phase and batch.phase == plan.CHANGED and self.job.mode != "window"
        progress = {
            "checkpoint": checkpoint.as_json(),
            "window_start": window[0] if window else None,
            "window_end": window[1] if window else None,
            **(usage := self.meter.unreported()),
        }
        write(
            self._connection,
            self.job,
            batch,
            progress=progress,
            watermark=window[1] if settles and window else None,
            beside=lambda: self._companions.store(beside),
            begun=partial(self._doubt, usage),
        )
        reached(KillPoint.BATCH_COMMITTED)
        self._in_doubt = None
        self.meter.reported(usage)
        self._recovery.progressed()
        log.info("Job %s: %s, %d deals read in this batch.", self.job.id, batch.phase, batch.received)

    def _doubt(self, usage: Mapping[str, Any], transaction_id: str) -> None:
        self._in_doubt = (transaction_id, usage)

    def _stop_if_lost(self) -> None:
        if not self._heartbeat.check():
            raise jobs.stopped(self._connection, self.job)


def _finished(job: jobs.Job) -> Mapping[str, Any]:
    return {**job.row, "watermark": job.watermark}


def _summary(
    request: SyncRequest,
    job: jobs.Job,
    row: Mapping[str, Any],
    began: float,
    *,
    portal: PortalFacts | None = None,
    count: LiveCount | None = None,
    was_finished_already: bool = False,
) -> SyncSummary:
    return SyncSummary(
        job_id=job.id,
        organization=request.organization,
        type=request.type,
        mode=row["mode"],
        status=row["status"],
        attempt=row["attempt"],
        portal_id=portal.portal_id if portal else job.portal_id,
        ui_domain=portal.ui_domain if portal else "",
        watermark=row["watermark"],
        seconds=round(time.monotonic() - began, 3),
        counts={name: row[name] for name in jobs.COUNTS},
        live_deals=count.stored if count else None,
        hubspot_live_deals=count.hubspot if count else None,
        was_finished_already=was_finished_already,
    )
