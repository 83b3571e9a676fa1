"""What reading yields: pages of records with the place where reading goes on after them."""

from __future__ import annotations

from collections.abc import Sequence
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
    def list_deals(self, *, properties: Sequence[str], archived: bool, after: str | None) -> ListedDeals: ...
    def search_deals(self, *, modified_from: datetime, modified_to: datetime, after_id: int) -> FoundDeals: ...
    def read_deals(self, ids: Sequence[int], *, properties: Sequence[str], archived: bool = False) -> list[Record]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IdRange:
    """Ids from ``low`` (exclusive) to ``high`` (inclusive)."""

    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Records of one step of a phase.

    Attributes:
        cursor: where the phase goes on after this page; None after the last one.
        covers: the ids of which this page holds every one that HubSpot lists; None when that is not known.
        vanished: ids that HubSpot named and then did not give; to be confirmed.
        gone: ids that HubSpot, asked for each of them, has in neither list.
        confirmed: absent deals that have been dealt with.
    """

    records: list[Record]
    cursor: Cursor
    covers: IdRange | None = None
    vanished: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()
    confirmed: tuple[int, ...] = ()


def deal_id(record: Record) -> int:
    """The id of a record.

    Raises:
        ValueError: it has none that HubSpot would give; parsing sends such a record to quarantine.
    """
    return int(values.object_id(record.get("id")))
