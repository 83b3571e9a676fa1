"""What deals point at, refreshed ahead of them. No label holds up deals: a list that cannot be read stays as it is."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from psycopg import Connection

from airflow_provider_hubspot_deals import dimensions, jobs, sql
from airflow_provider_hubspot_deals.deals.records import PortalFacts, Record
from airflow_provider_hubspot_deals.dimensions import Dimension, Listing, PropertyDrift
from airflow_provider_hubspot_deals.exceptions import (
    AuthenticationError,
    BadResponseError,
    HubSpotDealsError,
    HubSpotRefusedError,
    UpstreamUnavailableError,
)
from airflow_provider_hubspot_deals.sync.definitions import Definitions, DefinitionSource, read_definitions
from airflow_provider_hubspot_deals.sync.request import SyncRequest

log = logging.getLogger(__name__)


class DimensionSource(DefinitionSource, Protocol):
    """What is read beside deals."""

    def exchange_rates(self) -> list[Record]: ...
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

    def run(self, portal: PortalFacts) -> tuple[list[Record], jobs.Job]:
        """Bring the tables up to date, in one or two short transactions.

        Returns:
            The definitions of the deal properties; and the job, without its checkpoint if it has to begin again.

        Raises:
            JobSuperseded: a newer attempt has taken over; nothing was written.
            AuthenticationError, RetriableError, DeferredError: what would stop the reading of deals just as well.
        """
        is_due = self._is_due()
        definitions = read_definitions(
            self._source,
            self._connection,
            self._job,
            asks_for_sensitive=self._request.sensitive_properties,
            is_due=is_due,
        )
        drift = self._note(portal, definitions)
        if is_due or drift:
            self._refresh_lists(has_rates=bool(portal.additional_currencies))
        begins_again = self._job.mode == "full" and drift.asks_for_full_run
        return definitions.known, replace(self._job, checkpoint=None) if begins_again else self._job

    def _is_due(self) -> bool:
        every = self._request.dimensions_every
        if self._job.mode == "full" and not self._job.checkpoint:
            return True
        with sql.transaction(self._connection):
            return dimensions.are_due(self._connection, self._job.schema, self._job.keys, every)

    def _note(self, portal: PortalFacts, definitions: Definitions) -> PropertyDrift:
        """Store what has been read anyway; how the property definitions have changed."""
        connection, schema, keys = self._connection, self._job.schema, self._job.keys
        listing = dimensions.property_rows(definitions.listed)
        with sql.transaction(connection):
            jobs.lock_fence(connection, self._job)
            dimensions.store_portal(connection, schema, keys, portal)
            drift = dimensions.store_properties(connection, schema, keys, listing, definitions.levels)
            if drift:
                jobs.tell(connection, self._job, "schema_drift", drift.as_details(jobs.EVENT_NAMES_MAX))
            for level, error in definitions.refusals.items():
                details = {"sensitivity": level, "error_code": error.code, "error": str(error)}
                jobs.tell(connection, self._job, "sensitive_properties_unreadable", details)
        if drift:
            log.info(
                "Job %s: deal properties changed: %d new, %d gone, %d of another type.%s",
                *(self._job.id, len(drift.appeared), len(drift.vanished), len(drift.retyped)),
                f" Deals may have values of the new ones already: {self._reader_of_all()} reads all."
                if drift.asks_for_full_run
                else "",
            )
        return drift

    def _reader_of_all(self) -> str:
        return "this run" if self._job.mode == "full" else "the next automatic run"

    def _refresh_lists(self, *, has_rates: bool) -> None:
        listings: dict[Dimension, Listing] = {}
        failures: dict[Dimension, HubSpotDealsError] = {}
        lists = [(Dimension.PIPELINES, self._pipelines), (Dimension.OWNERS, self._owners)]
        lists += [(Dimension.EXCHANGE_RATES, self._exchange_rates)] if has_rates else []
        for dimension, read in lists:
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

    def _exchange_rates(self) -> Mapping[Dimension, Listing]:
        """Nothing, and no word, where HubSpot refuses: most tokens lack that scope, and deals carry their own rate."""
        try:
            rates = self._source.exchange_rates()
        except AuthenticationError:
            raise
        except HubSpotRefusedError as error:
            log.debug("Job %s: exchange rates stay unread: %s", self._job.id, error)
            return {}
        return {Dimension.EXCHANGE_RATES: dimensions.exchange_rate_rows(rates)}

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
                details = {"dimension": dimension, "error_code": error.code, "error": str(error)}
                jobs.tell(connection, self._job, "dimension_unreadable", details)
        for dimension, counts in written.items():
            log.info(
                "Job %s: %s: %d new, %d changed, %d gone.",
                *(self._job.id, dimension, counts.inserted, counts.updated, counts.deleted),
            )


def _believable(listing: Listing, dimension: Dimension) -> Listing:
    """A portal has at least one of each; an empty list would mark every row as gone."""
    if not listing.rows:
        raise BadResponseError(f"HubSpot's list of {dimension.replace('_', ' ')} is empty or unusable.")
    if listing.skipped:
        log.warning("%d records of %s have no usable id; none is taken for gone.", listing.skipped, dimension)
    return listing
