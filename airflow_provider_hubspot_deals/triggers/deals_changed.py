"""Triggers that fire when deals change in HubSpot: once, for a task that waits, or each time, for an asset."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from airflow_provider_hubspot_deals.exceptions import DeferredError, FatalError, RetriableError
from airflow_provider_hubspot_deals.triggers.changes import Watch

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient

POLL_INTERVAL_S = 60.0
POLL_INTERVAL_MIN_S = 5.0  # an account may search five times a second, with all of its apps together
_WAIT_MAX_S = 900.0  # after errors; a token that somebody mends is noticed within a quarter of an hour
_DOUBLINGS_MAX = 10  # 5 s are beyond that by then, and after weeks of errors 2**failures would be beyond a float


class HubSpotDealsChangedTrigger(BaseTrigger):
    """Fire once, when HubSpot's search shows a deal modified since ``since``.

    One search request each ``poll_interval_s``, in a thread of its own. What Airflow stores of it holds no secret: the
    token is looked up in the connection, and looked up again after an error.

    Args:
        hubspot_conn_id: Airflow connection of type HubSpot.
        since: ISO 8601 time with its offset; ten minutes ago when not given.
        poll_interval_s: seconds between two questions, at least 5.

    Its event: ``{"hubspot_conn_id", "changed", "newest"}``: how many deals at least, and when the last was modified. Or
    ``{"error"}``: the connection cannot be right, or HubSpot refuses its token. Other troubles are waited out.
    """

    def __init__(
        self,
        hubspot_conn_id: str = "hubspot_default",
        since: str | None = None,
        poll_interval_s: float = POLL_INTERVAL_S,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.hubspot_conn_id = hubspot_conn_id
        self.since = since
        self.poll_interval_s = max(float(poll_interval_s), POLL_INTERVAL_MIN_S)
        self._client: HubSpotClient | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments; no secret is among them."""
        arguments = {
            "hubspot_conn_id": self.hubspot_conn_id,
            "since": self.since,
            "poll_interval_s": self.poll_interval_s,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the one event."""
        try:
            async for event in self._events():
                yield event
                return
        except FatalError as error:
            yield TriggerEvent({"error": str(error)})  # type: ignore[no-untyped-call]  # Airflow's

    async def cleanup(self) -> None:
        """Close the connection; a request under way was given up when the trigger was cancelled."""
        if self._client is not None:
            self._client.close()

    async def _events(self) -> AsyncIterator[TriggerEvent]:
        watch = Watch(since=datetime.fromisoformat(self.since) if self.since else None)
        failures = 0
        while True:
            pause_s = self.poll_interval_s
            try:
                changes = await self._look(watch)
            except FatalError as error:
                failures += 1
                pause_s = self._after_refusal(error)
            except (RetriableError, DeferredError) as error:
                failures += 1
                pause_s = min(pause_s * 2 ** min(failures, _DOUBLINGS_MAX), _WAIT_MAX_S)
                self.log.warning("%s Asking again in %.0f s.", error, pause_s)
            else:
                failures = 0
                if changes:
                    event = {"hubspot_conn_id": self.hubspot_conn_id, **changes}
                    yield TriggerEvent(event)  # type: ignore[no-untyped-call]  # Airflow's
            await asyncio.sleep(pause_s * random.uniform(0.9, 1.1))  # noqa: S311 - so that a thousand do not ask at once

    def _after_refusal(self, error: FatalError) -> float:
        raise error

    async def _look(self, watch: Watch) -> dict[str, Any] | None:
        """Ask once. A client is kept between questions, and made anew after whatever went wrong."""
        if self._client is None:
            # In a thread from which Airflow's supervisor can be asked for a connection.
            self._client = await sync_to_async(_new_client, thread_sensitive=False)(self.hubspot_conn_id)
        client = self._client
        try:
            return await asyncio.to_thread(watch.look, client)  # which a cancelled trigger need not wait for
        except BaseException:
            self._client = None
            client.abandon()
            client.close()
            raise


class HubSpotDealsChangedEventTrigger(HubSpotDealsChangedTrigger, BaseEventTrigger):
    """Fire each time that HubSpot's search shows deals modified: for an ``AssetWatcher``.

    As :class:`HubSpotDealsChangedTrigger`, but it goes on until nobody watches any more, whatever happens: a token
    that HubSpot refuses is logged and tried again every quarter of an hour. When the triggerer starts, what was
    modified in the last ten minutes is told, perhaps once more.
    """

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield events for ever."""
        async for event in self._events():
            yield event

    def _after_refusal(self, error: FatalError) -> float:
        self.log.error("Nobody is told of changed deals: %s Asking again in %.0f s.", error, _WAIT_MAX_S)
        return _WAIT_MAX_S


def _new_client(hubspot_conn_id: str) -> HubSpotClient:
    # Imported here: a DAG file with a watcher loads this module each time that it is parsed.
    from airflow_provider_hubspot_deals.client.retries import Retries
    from airflow_provider_hubspot_deals.client.transport import Timeouts
    from airflow_provider_hubspot_deals.hooks.hubspot import HubSpotHook

    timeouts = Timeouts(connect_s=5, read_s=20, total_s=30)
    return HubSpotHook(hubspot_conn_id).get_client(timeouts=timeouts, retries=Retries(attempts_max=2))
