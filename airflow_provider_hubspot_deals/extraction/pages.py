"""What reading yields: pages of records with the place where reading goes on after them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from airflow_provider_hubspot_deals.deals import values
from airflow_provider_hubspot_deals.deals.records import FoundDeals, ListedDeals, Record

Cursor = dict[str, Any] | None
"""JSON-able; None is the beginning of a phase. Only the phase that wrote one can read it."""

ID_MAX = 2**63 - 1


class DealSource(Protocol):
    """The part of the HubSpot client that reading needs."""

    @property
    def server_time(self) -> datetime | None: ...
    @property
    def requests_in_flight(self) -> int: ...
    def list_deals(self, *, properties: Sequence[str], archived: bool, after: str | None) -> ListedDeals: ...
    def highest_deal(self) -> FoundDeals: ...
    def latest_deals(self) -> FoundDeals: ...
    def search_deals(self, *, modified_from: datetime, modified_to: datetime, after_id: int) -> FoundDeals: ...
    def read_deals(self, ids: Sequence[int], *, properties: Sequence[str], archived: bool = False) -> list[Record]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IdRange:
    """Ids from ``low`` (exclusive) to ``high`` (inclusive)."""

    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something about the reading itself that people should know; never a deal's values."""

    kind: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Records of one step of a phase.

    Attributes:
        cursor: where the phase goes on after this page; None after the last one.
        covers: the ids of which this page holds every one that HubSpot lists; None when that is not known.
        vanished: ids that HubSpot named and then did not give; to be confirmed.
        gone: ids that HubSpot, asked for each of them, has in neither list.
        confirmed: absent deals that have been dealt with.
        listed: ids that are in HubSpot's list and whose records were not read, since they are stored as they are.
        total: how many live deals HubSpot's search index counts, when this page brought it.
        events: to be told with the batch that holds this page.
    """

    records: list[Record]
    cursor: Cursor
    covers: IdRange | None = None
    vanished: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()
    confirmed: tuple[int, ...] = ()
    listed: tuple[int, ...] = ()
    total: int | None = None
    events: tuple[Event, ...] = ()


def deal_id(record: Record) -> int:
    """The id of a record.

    Raises:
        ValueError: it has none that HubSpot would give; parsing sends such a record to quarantine.
    """
    return int(values.object_id(record.get("id")))
