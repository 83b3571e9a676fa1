"""What is kept beside deals: their associations and the history of chosen properties.

Both are read for the live deals of a batch just before it is committed, and stored in its transaction. So they share
its checkpoint and its fence: what a crash takes back is taken back together, and a resumed job asks for nothing twice.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol, TypeVar

from psycopg import Connection

from airflow_provider_hubspot_deals import associations, jobs, loading, property_history, sql
from airflow_provider_hubspot_deals.deals.parsing import DealRow
from airflow_provider_hubspot_deals.deals.records import Record
from airflow_provider_hubspot_deals.deals.related import PropertyChange, property_changes
from airflow_provider_hubspot_deals.exceptions import (
    AuthenticationError,
    BadResponseError,
    HubSpotRefusedError,
    ResponseTooLargeError,
)
from airflow_provider_hubspot_deals.extraction.associating import (
    ASSOCIATIONS_BATCH_MAX,
    AssociationSource,
    AssociationsRead,
    read_associations,
)
from airflow_provider_hubspot_deals.extraction.pages import deal_id
from airflow_provider_hubspot_deals.extraction.readers import Readers
from airflow_provider_hubspot_deals.sync.request import SyncRequest

log = logging.getLogger(__name__)

T = TypeVar("T")

HISTORY_BATCH_MAX = 50  # HubSpot's maximum
HISTORY_PROPERTIES_MAX = 500  # in one request; batch/read has answered 500 to more than 1,000 names
_REQUESTS_AT_ONCE = 8  # the client keeps the rate limits; this keeps latency from counting once for each request


class CompanionSource(AssociationSource, Protocol):
    """The part of the HubSpot client that this needs."""

    def read_history(self, ids: Sequence[int], properties: Sequence[str]) -> list[Record]: ...
    def abandon(self) -> None: ...


@dataclass
class Reading:
    """What was read beside one batch of deals; of ``without_history`` not all was read."""

    associations: list[AssociationsRead] = field(default_factory=list)
    history: list[PropertyChange] = field(default_factory=list)
    without_history: list[int] = field(default_factory=list)
    refusals: dict[str, HubSpotRefusedError] = field(default_factory=dict)


class Companions:
    """The companions of one attempt's batches.

    Args:
        history: names of the properties whose history is kept.
    """

    def __init__(
        self,
        request: SyncRequest,
        source: CompanionSource,
        connection: Connection[Any],
        job: jobs.Job,
        history: Sequence[str],
    ) -> None:
        self._source, self._connection, self._job = source, connection, job
        self._at_once = min(request.requests_in_flight, _REQUESTS_AT_ONCE)
        self._types = list(request.associations)
        self._history = list(history)
        self._seen: dict[int, str | None] = {}
        self._reads_every_history = job.mode == "window" or not self._is_history_complete()

    def see(self, rows: Sequence[DealRow]) -> None:
        """Remember the live deals of a page, with their versions."""
        if self._types or self._history:
            self._seen.update({row.deal_id: row.version for row in rows if not row.is_archived})

    def read(self) -> Reading:
        """Ask HubSpot for the companions of the deals seen since the last time. No transaction may be open.

        Raises:
            AuthenticationError, RetriableError, DeferredError: what would stop the reading of deals just as well.
        """
        seen, self._seen = self._seen, {}
        if not seen:
            return Reading()
        with Readers(self._at_once) as readers:
            try:
                return self._read(readers, seen)
            except BaseException:
                self._source.abandon()  # or the readers would be waited for as long as HubSpot is
                raise

    def _read(self, readers: Readers, seen: dict[int, str | None]) -> Reading:
        reading = Reading()

        def at_once() -> int:
            return readers.count

        for part in readers.in_order(self._associations_of, self._association_batches(list(seen)), at_once):
            if isinstance(part, AssociationsRead):
                reading.associations.append(part)
            else:
                to_object_type, error = part
                reading.refusals[to_object_type] = error
        self._types = [each for each in self._types if each not in reading.refusals]
        batches = self._history_batches(self._ids_for_history(seen))
        for changes, without in readers.in_order(self._history_of, batches, at_once):
            reading.history += changes
            reading.without_history += [each for each in without if each not in reading.without_history]
        return reading

    def store(self, reading: Reading) -> None:
        """Write what was read, in the transaction that writes the batch."""
        connection, schema, keys = self._connection, self._job.schema, self._job.keys
        for part in reading.associations:
            associations.store(connection, schema, keys, part.to_object_type, read_ids=part.ids, found=part.found)
            if part.unread:  # of these only what was found is written: what is stored besides may be so still
                log.warning(
                    "Job %s: not all associations of %d deals with %s could be read; what is stored of them stays",
                    self._job.id,
                    len(part.unread),
                    part.to_object_type,
                )
                details = {"object_type": part.to_object_type, **_named(part.unread)}
                jobs.tell(connection, self._job, "associations_unread", details)
        property_history.store(connection, schema, keys, reading.history)
        if reading.without_history:
            log.warning(
                "Job %s: the history of deals is too large to be read: %s", self._job.id, reading.without_history
            )
            jobs.tell(connection, self._job, "history_unread", _named(reading.without_history))
        for to_object_type, error in reading.refusals.items():
            log.warning("Job %s: associations with %s stay as they are: %s", self._job.id, to_object_type, error)
            details = {"object_type": to_object_type, "error_code": error.code, "error": str(error)}
            jobs.tell(connection, self._job, "associations_unreadable", details)

    def finish(self) -> None:
        """After the last batch: a full run has read the history of every deal."""
        if self._job.mode == "full" and self._history:
            with sql.transaction(self._connection):
                jobs.lock_fence(self._connection, self._job)
                property_history.record_complete(self._connection, self._job.schema, self._job.keys, self._history)

    def _is_history_complete(self) -> bool:
        with sql.transaction(self._connection):
            complete = property_history.complete_properties(
                self._connection, self._job.schema, self._job.keys, self._history
            )
        return complete >= set(self._history)

    def _association_batches(self, ids: list[int]) -> list[tuple[str, list[int]]]:
        return [(kind, part) for kind in self._types for part in _in_batches(ids, ASSOCIATIONS_BATCH_MAX)]

    def _associations_of(self, batch: tuple[str, list[int]]) -> AssociationsRead | tuple[str, HubSpotRefusedError]:
        to_object_type, ids = batch
        try:
            return read_associations(self._source, to_object_type, ids)
        except AuthenticationError:
            raise
        except HubSpotRefusedError as error:  # one type that the token may not read holds up no deal
            return to_object_type, error

    def _ids_for_history(self, seen: dict[int, str | None]) -> list[int]:
        """Deals whose values may have changed: those that are stored as they are have told their history."""
        if not self._history:
            return []
        if self._reads_every_history:
            return list(seen)
        tables = loading.Tables(schema=self._job.schema, leaf=self._job.leaf)
        with sql.transaction(self._connection):
            return loading.outdated(self._connection, tables, seen)

    def _history_batches(self, ids: list[int]) -> list[tuple[list[int], list[str]]]:
        names = _in_batches(self._history, HISTORY_PROPERTIES_MAX)
        return [(part, some) for part in _in_batches(ids, HISTORY_BATCH_MAX) for some in names]

    def _history_of(self, batch: tuple[list[int], list[str]]) -> tuple[list[PropertyChange], list[int]]:
        """Changes of at most 50 deals, in halves where one answer would be too large; and the deals of which it is so
        for each alone: what is kept beside deals holds up none.
        """
        ids, names = batch
        try:
            found = self._source.read_history(ids, names)
        except ResponseTooLargeError:
            if len(ids) == 1:
                return [], ids
            middle = len(ids) // 2
            halves = ((ids[:middle], names), (ids[middle:], names))
            (changes, without), (more, more_without) = map(self._history_of, halves)
            return changes + more, without + more_without
        return self._changes(ids, found), []

    @staticmethod
    def _changes(ids: list[int], found: list[Record]) -> list[PropertyChange]:
        asked = set(ids)
        try:
            records = {deal_id(record): record for record in found}
            changes = chain.from_iterable(map(property_changes, records.values()))
            # A deal that was merged since it was seen brings what it was merged into, which is asked for by its own id.
            return [change for change in changes if change.deal_id in asked]
        except ValueError as error:
            raise BadResponseError(f"HubSpot's property history is unusable: {error}.") from None


def _named(deal_ids: list[int]) -> dict[str, Any]:
    return {"count": len(deal_ids), "deals": deal_ids[: jobs.EVENT_NAMES_MAX]}


def _in_batches(items: list[T], size: int) -> list[list[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
