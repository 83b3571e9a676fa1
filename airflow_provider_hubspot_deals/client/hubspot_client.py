"""HubSpot's API as this package uses it: deals, and what is needed to understand them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import orjson

from airflow_provider_hubspot_deals.client import calls
from airflow_provider_hubspot_deals.client.answer_sizes import RequestLimit
from airflow_provider_hubspot_deals.client.calls import Call
from airflow_provider_hubspot_deals.client.clock import Clock
from airflow_provider_hubspot_deals.client.deals import DealEndpoints
from airflow_provider_hubspot_deals.client.metadata import OWNERS_LIMIT, MetadataEndpoints
from airflow_provider_hubspot_deals.client.paths import Endpoint, Paths, checked_base_url, checked_path
from airflow_provider_hubspot_deals.client.rate_limits import RateLimits
from airflow_provider_hubspot_deals.client.requester import Requester
from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.client.searches import SEARCH_LIMIT_MAX, SearchEndpoints
from airflow_provider_hubspot_deals.client.transport import BODY_SIZE_MAX, Answer, Timeouts, Transport

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from types import TracebackType

    from airflow_provider_hubspot_deals.client.credentials import Credentials
    from airflow_provider_hubspot_deals.client.usage import Usage


class HubSpotClient(DealEndpoints, SearchEndpoints, MetadataEndpoints):
    """One portal through one credential. Thread-safe; close it, or use it as a context manager.

    Args:
        base_url: HubSpot's own hosts over https, unless ``allow_other_hosts``.
        api_version: ``v3``, or a dated version such as ``2026-09``.
        rate_limits: shared by all clients of the same credential; its own when None.
        connection_name: the Airflow connection, for messages.
        ca_bundle: path of a CA file instead of the bundled one.
        body_size_max: bytes of the largest answer worth reading.
        daily_reserve_percent: share of the account's daily calls to leave to other apps; then ``DeferredError``.

    Every method may raise ``HubSpotRefusedError`` and its kin (fatal), ``RetriableError`` (attempts spent) and
    ``DeferredError`` (a pause of more than a minute); see ``exceptions``.

    Raises:
        ConfigurationError: base URL or API version cannot be right.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        base_url: str = "https://api.hubapi.com",
        api_version: str = "v3",
        allow_other_hosts: bool = False,
        timeouts: Timeouts | None = None,
        retries: Retries | None = None,
        rate_limits: RateLimits | None = None,
        connection_name: str = "",
        ca_bundle: str | None = None,
        body_size_max: int = BODY_SIZE_MAX,
        clock: Clock | None = None,
        daily_reserve_percent: float = 0.0,
    ) -> None:
        super().__init__()
        self._base_url = checked_base_url(base_url, allow_other_hosts=allow_other_hosts)
        self._paths = Paths.for_version(api_version)
        clock = clock or Clock()
        who = f"HubSpot (connection {connection_name!r})" if connection_name else "HubSpot"
        self._transport = Transport(
            self._base_url,
            timeouts=timeouts or Timeouts(),
            body_size_max=body_size_max,
            ca_bundle=ca_bundle,
            who=who,
        )
        self._requester = Requester(
            self._transport,
            credentials,
            rate_limits=rate_limits or RateLimits(clock),
            retries=retries or Retries(),
            clock=clock,
            paths=self._paths,
            who=who,
            daily_reserve_percent=daily_reserve_percent,
        )
        self._searches, self._owners = RequestLimit(SEARCH_LIMIT_MAX), RequestLimit(OWNERS_LIMIT)

    @property
    def usage(self) -> Usage:
        """Counters of what this client has asked for."""
        return self._requester.usage

    @property
    def server_time(self) -> datetime | None:
        """HubSpot's clock in UTC, whole seconds: the newest ``Date`` header; None before the first answer."""
        return self._requester.server_time

    @property
    def requests_in_flight(self) -> int:
        """How many requests side by side use the whole rate limit, given how long answers take at present."""
        return self._requester.requests_in_flight

    @property
    def burst_limit(self) -> tuple[int, float]:
        """Requests in how many seconds HubSpot allows this app, as far as it has told."""
        return self._requester.burst_limit

    def abandon(self) -> None:
        """Give up what any thread is asking or waiting for, within a second, and refuse to ask again until renewed."""
        self._requester.abandon()

    def renew(self) -> None:
        """Ask again after :meth:`abandon`, once every thread that was asking is gone."""
        self._requester.renew()

    def get_json(self, path: str, params: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - any JSON
        """The JSON of any other GET endpoint."""
        call = calls.get(checked_path(path), params or {}, endpoint=Endpoint.of_path(path))
        return self._requester.send(call, lambda payload: payload)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,  # noqa: ANN401 - anything that JSON can hold
    ) -> Answer:
        """Any other endpoint, with the same limits, retries and errors; the answer is complete and 2xx.

        What may write (POST but for searches and batch reads, PATCH) is sent once: when no answer comes, only the
        caller can tell whether to send it again.

        Raises:
            ValueError: ``path`` names a host, carries a query, or climbs.
        """
        call = Call(
            method=method.upper(),
            is_repeatable=_is_repeatable(method.upper(), path),
            path=checked_path(path),
            query=calls.encode(params or {}),
            body=None if json is None else orjson.dumps(json),
            endpoint=Endpoint.of_path(path),
        )
        return self._requester.exchange(call, lambda answer: answer)

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _is_repeatable(method: str, path: str) -> bool:
    return method not in {"POST", "PATCH"} or path.endswith(("/search", "/batch/read"))
