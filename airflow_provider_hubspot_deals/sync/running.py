"""One run, read from top to bottom: claim, check the portal, read phase by phase, complete."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import psycopg
from psycopg import Connection

from airflow_provider_hubspot_deals import jobs, migrations, sql
from airflow_provider_hubspot_deals.deals.parsing import DealParser
from airflow_provider_hubspot_deals.deals.records import PortalFacts
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from airflow_provider_hubspot_deals.extraction import plan
from airflow_provider_hubspot_deals.extraction.pages import DealSource
from airflow_provider_hubspot_deals.extraction.readers import Readers
from airflow_provider_hubspot_deals.kill_points import KillPoint, reached
from airflow_provider_hubspot_deals.sql.hanging_up import hung_up_after
from airflow_provider_hubspot_deals.sync.binding import check_portal, tell_insecure_role
from airflow_provider_hubspot_deals.sync.checkpoint import Checkpoint
from airflow_provider_hubspot_deals.sync.choices import choose
from airflow_provider_hubspot_deals.sync.clocks import latest_version
from airflow_provider_hubspot_deals.sync.committing import Commits, InDoubt
from airflow_provider_hubspot_deals.sync.companions import Companions, CompanionSource
from airflow_provider_hubspot_deals.sync.copying import Copying
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
    with database_errors(request.organization):
        attempt = _Run(request, client, connect, schema)
    with attempt.outcome():
        job = attempt.claim()
        if job.is_finished:
            log.info("Job %s of this run was completed before; nothing to do.", job.id)
            return _summary(request, job, _finished(job), began, was_finished_already=True)
        row = attempt.persevere(job)
        return _summary(request, attempt.job, row, began, portal=attempt.portal, count=attempt.count)


class _Run:
    """The working state of one attempt."""

    job: jobs.Job

    def __init__(
        self, request: SyncRequest, client: HubSpot, connect: Callable[[], Connection[Any]], schema: str
    ) -> None:
        self._request, self._client, self._connect, self._schema = request, client, connect, schema
        self._connection = connect()
        self._claim_in_doubt: str | None = None
        self._batch_in_doubt = InDoubt()
        self._recovery = Recovery(connect, request.order())
        self.portal: PortalFacts | None = None
        self.count: LiveCount | None = None
        self.meter = UsageMeter(client.usage)

    @contextmanager
    def outcome(self) -> Iterator[None]:
        """From before the claim on: a task can be stopped while that is being committed."""
        noted = job_outcome(
            self._connect,
            current=lambda: getattr(self, "job", None),  # there is none before the claim is written
            settle=self._settle,
            origin=self._request.origin,
            usage=self.meter.unreported,
        )
        with noted, database_errors(self._request.organization, self._connect, self._schema):
            try:
                yield
            finally:
                self._connection.close()  # else a statement that still runs keeps the job's row from being written

    def claim(self) -> jobs.Job:
        self._connection.autocommit = True  # transactions are opened where they are needed, and nowhere else
        with hung_up_after(self._connection, CLAIM_TIMEOUT_S):
            migrations.check(self._connection, self._schema)
            with jobs.being_claimed(self._connection, self._schema, self._request.order()) as self.job:
                self._claim_in_doubt = self.job.row.get("transaction_id")  # none where nothing is left to do
        self._claim_in_doubt = None
        return self.job

    def _settle(self, connection: Connection[Any], job: jobs.Job) -> None:
        """See how the transactions have ended of which that is not known."""
        if transaction_id := self._claim_in_doubt or self._recovery.in_doubt:
            jobs.settle(connection, job, transaction_id)
        batch = self._batch_in_doubt
        try:
            if batch.transaction_id and jobs.was_committed(connection, job, batch.transaction_id):
                batch.was_committed(self.meter)
        except DatabaseUnavailableError as obstacle:
            log.warning("Job %s: how its last batch has ended is not known: %s", job.id, obstacle)
        except psycopg.Error as error:  # its usage may be counted twice, and nothing more
            log.warning("Job %s: how its last batch has ended is not known: %s", job.id, type(error).__name__)

    def persevere(self, job: jobs.Job) -> Mapping[str, Any]:
        """The job to its end; from its checkpoint again each time that the connection to PostgreSQL is lost."""
        reached(KillPoint.CLAIMED)
        log.info("Job %s: %s run of %s, attempt %d.", job.id, job.mode, self._request.organization, job.attempt)
        self._begin(job)
        return self._execute_and_recover()

    def _execute_and_recover(self) -> Mapping[str, Any]:
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
        self._batch_in_doubt = InDoubt()
        self._commits = Commits(
            self._connection,
            job,
            self.meter,
            in_doubt=self._batch_in_doubt,
            progressed=self._recovery.progressed,
        )

    def _recover(self, error: psycopg.Error) -> None:
        taken_up = self._recovery.take_up(self.job, error, self._batch_in_doubt.transaction_id)
        if taken_up.was_committed:
            self._batch_in_doubt.was_committed(self.meter)
        with suppress(psycopg.Error):
            self._connection.close()
        self._connection = taken_up.connection
        self._client.renew()
        self._begin(taken_up.job)

    def _execute(self) -> Mapping[str, Any]:
        self.portal = self._client.portal_facts()
        check_portal(self._request, self._connection, self.job, self.portal)
        tell_insecure_role(self._connection, self.job)
        reached(KillPoint.PORTAL_CHECKED)
        definitions, self.job = Refresh(self._request, self._client, self._connection, self.job).run(self.portal)
        reached(KillPoint.DIMENSIONS_STORED)
        parser = DealParser(
            custom_properties(definitions),
            allow_negative_amounts=self._request.allow_negative_amounts,
            latest_version=latest_version(self._client.server_time, jobs.database_time(self._connection)),
        )
        choices = choose(self._request, self._connection, self.job, definitions)
        companions = Companions(self._request, self._client, self._connection, self.job, choices.history)
        reading = Reading(self._client, choices.properties, self._readers, self._lookups)
        phases = Phases(self._request, reading, self._connection, self.job)
        copying = Copying(
            request=self._request,
            client=self._client,
            phases=phases,
            parser=parser,
            lookups=self._lookups,
            companions=companions,
            commits=self._commits,
            stop_if_lost=self._stop_if_lost,
            page_number=self.job.row["pages_read"],
        )
        with self._readers, self._lookups:
            checkpoint = copying.run(phases.beginning())
            companions.finish()
        self._compare_counts(phases, checkpoint, copying.hubspot_total)
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

    def _compare_counts(self, phases: Phases, checkpoint: Checkpoint, total: int | None) -> None:
        horizon, unread = phases.index_horizon(), 0
        if total is None:  # of a chosen window, or of an attempt that went on behind the fresh phase
            total, unread = self._client.highest_deal().total, phases.modified_since_read(checkpoint)
        else:  # told in the fresh phase, after which a full run reads archived deals for as long as there are any
            horizon = min(horizon, checkpoint.windows[plan.FRESH][0] - self._request.overlap)
        self.count = compare_counts(self._connection, self.job, hubspot=total, horizon=horizon, unread=unread)

    def _stop_if_lost(self) -> None:
        if not self._heartbeat.check():
            with sql.transaction(self._connection):
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
