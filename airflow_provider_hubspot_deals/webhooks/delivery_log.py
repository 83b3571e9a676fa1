"""The table ``notification_deliveries``: what was told, and what is still to be told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import psycopg
from psycopg import Connection

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.exceptions import HubSpotDealsError
from airflow_provider_hubspot_deals.webhooks.event import Event

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.webhooks.endpoint import Endpoint, Result

log = logging.getLogger(__name__)

T = TypeVar("T")

# After attempt 1, 2, …: as the specification recommends, over three days. The first few are made at once, by the task
# itself, and their pauses count only when its process died. After the last one nothing is tried again.
PAUSES = (
    [timedelta(minutes=5)] * 3 + [timedelta(minutes=30)] + [timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)]
)
_PAUSE_MAX_S = 24 * 3600.0  # whatever a receiver asks for


@dataclass(frozen=True, slots=True)
class Due:
    """An event that was not delivered, and may be tried again now."""

    organization_id: UUID
    job_id: UUID | None
    webhook_conn_id: str
    event: Event


class PostgresDeliveryLog:
    """Writes what happens; raises nothing: an event is worth telling even when nobody can write it down.

    Args:
        connect: opens a psycopg connection; called for each entry, since a whole timeout lies between two.
    """

    def __init__(
        self, connect: Callable[[], Connection[Any]], schema: str, *, organization_id: UUID, job_id: UUID | None
    ) -> None:
        self._connect, self._schema = connect, schema
        self._owner = {"organization_id": organization_id, "job_id": job_id}
        self._attempt: int | None = None
        self._is_announced = False
        self._is_broken = False

    @property
    def is_kept(self) -> bool:
        """Whether the last attempt is written down, so that later ones follow it."""
        return self._attempt is not None

    def announce(self, event: Event, endpoint: Endpoint) -> None:
        """Write the first attempt ahead of its time: should nobody come to make it, maintenance does."""
        self._is_announced = self.begin(event, endpoint) and self.is_kept

    def begin(self, event: Event, endpoint: Endpoint) -> bool:
        """Write that an attempt begins; False when the event was delivered, or refused for good, before."""
        if self._is_announced:
            self._is_announced = False
            return True
        parameters = {
            **self._of(event, endpoint),
            "event_type": event.type,
            "host": endpoint.host,
            "payload": event.body,
            "pauses": PAUSES,
        }
        self._attempt = None

        def begin(connection: Connection[Any]) -> bool:
            if sql.column(connection, "notifications.is_settled", parameters, schema=self._schema) == [True]:
                sql.execute(connection, "notifications.forget_what_is_settled", parameters, schema=self._schema)
                return False
            begun = sql.one(connection, "notifications.begin_attempt", parameters, schema=self._schema)
            self._attempt = begun["attempt"] if begun else None
            return True

        return self._written(begin) is not False

    def end(self, event: Event, endpoint: Endpoint, result: Result) -> None:
        """Write how the attempt ended."""
        if not self.is_kept:
            return
        parameters = {
            **self._of(event, endpoint),
            "attempt": self._attempt,
            "outcome": result.outcome.value,
            "http_status": result.status,
            "problem": result.problem or None,
            "asked_pause": timedelta(seconds=min(result.pause_s, _PAUSE_MAX_S)),
        }
        self._written(
            lambda connection: sql.execute(connection, "notifications.end_attempt", parameters, schema=self._schema)
        )

    def _of(self, event: Event, endpoint: Endpoint) -> dict[str, Any]:
        return {**self._owner, "event_id": event.id, "webhook_conn_id": endpoint.name}

    def _written(self, write: Callable[[Connection[Any]], T]) -> T | None:
        """What ``write`` gives; None, from the first failure on, when there is no database to write to."""
        if self._is_broken:
            return None
        try:
            with closing(self._connect()) as connection:
                connection.autocommit = True
                with sql.transaction(connection):
                    return write(connection)
        except (psycopg.Error, HubSpotDealsError) as error:
            log.warning("What is told to a webhook cannot be written down (%s).", type(error).__name__)
            self._is_broken, self._attempt = True, None
            return None


def due(connection: Connection[Any], schema: str, limit: int) -> list[Due]:
    """The longest overdue events first."""
    with sql.transaction(connection):
        found = sql.rows(connection, "notifications.due", {"limit": limit}, schema=schema)
    return [
        Due(
            organization_id=row["organization_id"],
            job_id=row["job_id"],
            webhook_conn_id=row["webhook_conn_id"],
            event=Event(id=row["event_id"], type=row["event_type"], body=row["payload"]),
        )
        for row in found
    ]
