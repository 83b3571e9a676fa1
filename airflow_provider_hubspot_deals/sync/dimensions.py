"""What deals point at, refreshed ahead of them. No label holds up deals: a list that cannot be read stays as it is."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from psycopg import Connection
from psycopg.types.json import Jsonb

from airflow_provider_hubspot_deals import dimensions, jobs, sql
from airflow_provider_hubspot_deals.deals.records import PortalFacts, Record
from airflow_provider_hubspot_deals.dimensions import Dimension, Listing
from airflow_provider_hubspot_deals.exceptions import (
    AuthenticationError,
    BadResponseError,
    HubSpotDealsError,
    HubSpotRefusedError,
    UpstreamUnavailableError,
)
from airflow_provider_hubspot_deals.sync.request import SyncRequest

log = logging.getLogger(__name__)


class DimensionSource(Protocol):
    """What is read beside deals."""

    def pipelines(self) -> list[Record]: ...
    def owners(self, *, archived: bool = False) -> Iterator[list[Record]]: ...


class Refresh:
    """The refresh of one attempt: portal facts and property definitions always, the lists when they are due.

    They are due in a full run, when they were last asked for longer than ``dimensions_every`` ago, and when the
    property definitions changed: HubSpot keeps properties for each stage, so that a new one shows there at once.
    """

    def __init__(
        self, request: SyncRequest, source: DimensionSource, connection: Connection[Any], job: jobs.Job
    ) -> None:
        self._request, self._source, self._connection, self._job = request, source, connection, job

    def run(self, portal: PortalFacts, definitions: Sequence[Record]) -> None:
        """Bring the tables up to date, in one or two short transactions.

        Raises:
            JobSuperseded: a newer attempt has taken over; nothing was written.
            AuthenticationError, RetriableError, DeferredError: what would stop the reading of deals just as well.
        """
        if self._note(portal, definitions):
            self._refresh_lists()

    def _note(self, portal: PortalFacts, definitions: Sequence[Record]) -> bool:
        """Store what has been read anyway; whether the lists are due."""
        connection, schema, keys = self._connection, self._job.schema, self._job.keys
        begins_full = self._job.mode == "full" and not self._job.checkpoint
        with sql.transaction(connection):
            jobs.lock_fence(connection, self._job)
            dimensions.store_portal(connection, schema, keys, portal)
            drift = dimensions.store_properties(connection, schema, keys, dimensions.property_rows(definitions))
            if drift:
                self._tell("schema_drift", drift.as_details())
            is_due = dimensions.are_due(connection, schema, keys, self._request.dimensions_every)
        if drift:
            log.info(
                "Job %s: deal properties changed: %d new, %d gone, %d of another type.",
                *(self._job.id, len(drift.appeared), len(drift.vanished), len(drift.retyped)),
            )
        return begins_full or bool(drift) or is_due

    def _refresh_lists(self) -> None:
        listings: dict[Dimension, Listing] = {}
        failures: dict[Dimension, HubSpotDealsError] = {}
        for dimension, read in ((Dimension.PIPELINES, self._pipelines), (Dimension.OWNERS, self._owners)):
            try:
                listings |= read()
            except AuthenticationError:
                raise
            except (HubSpotRefusedError, BadResponseError, UpstreamUnavailableError) as error:
                failures[dimension] = error
                log.warning("Job %s: %s stay as they are: %s", self._job.id, dimension, error)
                if isinstance(error, UpstreamUnavailableError):
                    break  # minutes of attempts are spent; the deals come first
        self._store(listings, failures)

    def _pipelines(self) -> Mapping[Dimension, Listing]:
        pipelines = self._source.pipelines()
        return {
            Dimension.PIPELINES: _believable(dimensions.pipeline_rows(pipelines), Dimension.PIPELINES),
            Dimension.STAGES: _believable(dimensions.stage_rows(pipelines), Dimension.STAGES),
        }

    def _owners(self) -> Mapping[Dimension, Listing]:
        owners = [
            owner for archived in (False, True) for page in self._source.owners(archived=archived) for owner in page
        ]
        return {Dimension.OWNERS: _believable(dimensions.owner_rows(owners), Dimension.OWNERS)}

    def _store(self, listings: Mapping[Dimension, Listing], failures: Mapping[Dimension, HubSpotDealsError]) -> None:
        connection, schema, keys = self._connection, self._job.schema, self._job.keys
        is_settled = all(isinstance(error, HubSpotRefusedError) for error in failures.values())
        with sql.transaction(connection):
            jobs.lock_fence(connection, self._job)
            written = {
                dimension: dimensions.store_listing(connection, schema, keys, dimension, listing)
                for dimension, listing in listings.items()
            }
            dimensions.record_reading(connection, schema, keys, read=listings, is_settled=is_settled)
            for dimension, error in failures.items():
                self._tell(
                    "dimension_unreadable", {"dimension": dimension, "error_code": error.code, "error": str(error)}
                )
        for dimension, counts in written.items():
            log.info(
                "Job %s: %s: %d new, %d changed, %d gone.",
                *(self._job.id, dimension, counts.inserted, counts.updated, counts.deleted),
            )

    def _tell(self, kind: str, details: Mapping[str, Any]) -> None:
        schema = self._job.schema
        sql.execute(self._connection, "dimensions.ensure_event_partition", {}, schema=schema)
        event = {**self._job.keys, "kind": kind, "details": Jsonb(dict(details))}
        sql.execute(self._connection, "dimensions.insert_event", event, schema=schema)


def _believable(listing: Listing, dimension: Dimension) -> Listing:
    """A portal has at least one of each; an empty list would mark every row as gone."""
    if not listing.rows:
        raise BadResponseError(f"HubSpot's list of {dimension.replace('_', ' ')} is empty or unusable.")
    if listing.skipped:
        log.warning("%d records of %s have no usable id; none is taken for gone.", listing.skipped, dimension)
    return listing
