"""HubSpot's API as this package uses it: deals, and what is needed to understand them."""

from __future__ import annotations

import logging
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import orjson

from airflow_provider_hubspot_deals.client import associations, calls, payloads
from airflow_provider_hubspot_deals.client.answer_sizes import ListLimit, RequestLimit, read_in_halves
from airflow_provider_hubspot_deals.client.calls import Call
from airflow_provider_hubspot_deals.client.clock import Clock
from airflow_provider_hubspot_deals.client.deal_answers import DealAnswers
from airflow_provider_hubspot_deals.client.metadata import MetadataEndpoints
from airflow_provider_hubspot_deals.client.paths import Endpoint, Paths, checked_base_url, checked_path
from airflow_provider_hubspot_deals.client.rate_limits import RateLimits
from airflow_provider_hubspot_deals.client.requester import Requester
from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.client.searches import SEARCH_LIMIT_MAX, SearchEndpoints
from airflow_provider_hubspot_deals.client.transport import BODY_SIZE_MAX, Answer, Timeouts, Transport
from airflow_provider_hubspot_deals.client.wide_records import in_chunks, read_wide
from airflow_provider_hubspot_deals.deals.records import ListedDeals, Record
from airflow_provider_hubspot_deals.deals.related import Association
from airflow_provider_hubspot_deals.exceptions import HubSpotRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from airflow_provider_hubspot_deals.client.credentials import Credentials
    from airflow_provider_hubspot_deals.client.usage import Usage

log = logging.getLogger(__name__)

LIST_LIMIT_MAX = 100
BATCH_READ_MAX = 100  # inputs; HubSpot refuses more with a 400
HISTORY_BATCH_MAX = 50  # the same, with propertiesWithHistory
ASSOCIATIONS_BATCH_MAX = 1_000  # since February 2025
# 414 is documented, its threshold is not; others met it at 15,000 to 16,000 characters. POST has no such limit.
URL_LENGTH_MAX = 8_000
URL_LENGTH_SAFE = 2_000  # whatever stands between, it takes as much: it refuses a shorter one for another reason


class HubSpotClient(SearchEndpoints, MetadataEndpoints):
    """One portal through one credential. Thread-safe; close it, or use it as a context manager.

    Args:
        base_url: HubSpot's own hosts over https, unless ``allow_other_hosts``.
        api_version: ``v3``, or a dated version such as ``2026-09``.
        rate_limits: shared by all clients of the same portal and app; its own when None.
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
        self._answers: dict[tuple[str, ...], DealAnswers] = {}
        self._url_length_max = URL_LENGTH_MAX
        self._list_limit = ListLimit(LIST_LIMIT_MAX)
        self._lists, self._searches = RequestLimit(LIST_LIMIT_MAX), RequestLimit(SEARCH_LIMIT_MAX)
        self._reads, self._histories = RequestLimit(BATCH_READ_MAX), RequestLimit(HISTORY_BATCH_MAX)
        self._associations = RequestLimit(ASSOCIATIONS_BATCH_MAX)

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

    def list_deals(
        self,
        *,
        properties: Sequence[str],
        archived: bool = False,
        after: str | None = None,
        limit: int = LIST_LIMIT_MAX,
    ) -> ListedDeals:
        """One page of live, or only of archived, deals in ascending order of id; strongly consistent.

        ``after`` acts as "id ≥ after". A short or empty page may still have a ``next_after``. When the properties do
        not fit into a URL, the ids are listed and the records read by batch/read; deals that vanish in between are
        left out. The page's ``limit`` is what was asked for in the end: fewer where deals are large.
        """
        read_page = partial(self._listed, properties, archived=archived, after=after)
        return self._lists.ask(lambda most: self._list_limit.read(read_page, limit=most, after=after), wanted=limit)

    def read_deals(self, ids: Sequence[int], *, properties: Sequence[str], archived: bool = False) -> list[Record]:
        """At most 100 deals by id, in no particular order.

        Deals that are gone, or on the other side of ``archived``, are absent; a merged one appears as its survivor,
        under the survivor's id.

        Raises:
            ValueError: more than 100 ids.
        """
        read = partial(self._read_batch, properties=properties, archived=archived)
        return self._reads.read(partial(read_in_halves, read), _at_most(BATCH_READ_MAX, ids))

    def read_history(self, ids: Sequence[int], properties: Sequence[str]) -> list[Record]:
        """At most 50 live deals by id, each with the changes of ``properties`` in ``propertiesWithHistory``.

        Raises:
            ValueError: more than 50 ids.
        """

        def read(some: Sequence[int]) -> list[Record]:
            return self._requester.send(calls.batch_read_history(self._paths, some, properties), payloads.read_batch)

        return self._histories.read(read, _at_most(HISTORY_BATCH_MAX, ids))

    def read_associations(self, to_object_type: str, ids: Sequence[int]) -> list[Association]:
        """Every association of at most 1,000 deals with records of one type (``contacts``, ``2-1234``, …).

        Raises:
            ValueError: more than 1,000 ids.
        """

        def read_page(cursors: Mapping[int, str | None]) -> associations.AssociationsPage:
            call = calls.batch_read_associations(self._paths, to_object_type, cursors)
            return self._requester.send(call, associations.read_associations)

        read = partial(associations.read_all, read_page)
        return self._associations.read(read, _at_most(ASSOCIATIONS_BATCH_MAX, ids))

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

    def _parser_of(self, properties: Sequence[str]) -> Callable[[bytes], Any]:
        return self._answers.setdefault(tuple(properties), DealAnswers()).parse

    def _listed(self, properties: Sequence[str], limit: int, *, archived: bool, after: str | None) -> ListedDeals:
        if calls.fit_into_url(properties):
            call = calls.list_deals(self._paths, properties, archived=archived, after=after, limit=limit)
            length = len(self._base_url) + len(call.target)
            if length <= self._url_length_max:
                try:
                    return self._requester.send(call, payloads.read_listed, parse=self._parser_of(properties))
                except HubSpotRefusedError as error:
                    if error.status_code != HTTPStatus.REQUEST_URI_TOO_LONG or length <= URL_LENGTH_SAFE:
                        raise
                    log.warning("HubSpot refuses a URL of %d characters: deals are listed by id, then read", length)
                    self._url_length_max = URL_LENGTH_SAFE
        call = calls.list_deals(self._paths, ("hs_object_id",), archived=archived, after=after, limit=limit)
        ids, unusable, next_after = self._requester.send(call, payloads.read_listed_ids)
        found = {str(record.get("id")): record for record in self._read_batch(ids, properties, archived=archived)}
        records = [found[deal_id] for deal_id in map(str, ids) if deal_id in found]
        return ListedDeals(records=unusable + records, next_after=next_after)

    def _read_batch(self, ids: Sequence[int], properties: Sequence[str], *, archived: bool) -> list[Record]:
        def read_part(some: Sequence[int], names: Sequence[str]) -> list[Record]:
            call = calls.batch_read(self._paths, some, names, archived=archived)
            return self._requester.send(call, payloads.read_batch, parse=self._parser_of(names))

        if not ids:
            return []
        chunks = in_chunks(properties)
        return read_part(ids, chunks[0]) if len(chunks) == 1 else read_wide(read_part, ids, chunks)


def _is_repeatable(method: str, path: str) -> bool:
    return method not in {"POST", "PATCH"} or path.endswith(("/search", "/batch/read"))


def _at_most(count: int, ids: Sequence[int]) -> list[int]:
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > count:
        raise ValueError(f"HubSpot reads at most {count} deals at once, not {len(wanted)}")
    return wanted
