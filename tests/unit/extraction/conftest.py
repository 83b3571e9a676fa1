"""A HubSpot that answers as told, records what it was asked, and fails on a question it does not expect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from airflow_provider_hubspot_deals.deals.records import FoundDeals, ListedDeals, Record
from airflow_provider_hubspot_deals.extraction.readers import Readers
from tests.builders import a_record

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)


@dataclass
class FakeSource:
    """``pages`` are listed by cursor; ``live``, ``archived`` and ``merged`` are what batch/read knows."""

    pages: dict[str | None, ListedDeals] = field(default_factory=dict)
    found: dict[int, FoundDeals] = field(default_factory=dict)
    live: set[int] = field(default_factory=set)
    archived: set[int] = field(default_factory=set)
    merged: dict[int, int] = field(default_factory=dict)
    server_time: datetime | None = NOON
    requests_in_flight: int = 1
    latest: FoundDeals | None = None
    highest: FoundDeals | None = None
    calls: list[tuple[object, ...]] = field(default_factory=list)

    def list_deals(self, *, properties: Sequence[str], archived: bool, after: str | None) -> ListedDeals:
        self.calls.append(("list", tuple(properties), archived, after))
        return self.pages[after]

    def latest_deals(self) -> FoundDeals:
        self.calls.append(("latest",))
        assert self.latest is not None
        return self.latest

    def highest_deal(self) -> FoundDeals:
        self.calls.append(("highest",))
        assert self.highest is not None
        return self.highest

    def search_deals(self, *, modified_from: datetime, modified_to: datetime, after_id: int) -> FoundDeals:
        self.calls.append(("search", modified_from, modified_to, after_id))
        return self.found[after_id]

    def read_deals(self, ids: Sequence[int], *, properties: Sequence[str], archived: bool = False) -> list[Record]:
        assert 0 < len(ids) <= 100, "HubSpot's batch/read takes 1 to 100 inputs"
        assert len(ids) == len(set(ids)), "ids of a batch must be unique"
        self.calls.append(("read archived" if archived else "read", tuple(ids), tuple(properties)))
        survivors = [self.merged.get(deal_id, deal_id) for deal_id in ids]
        known = self.archived if archived else self.live
        return [a_record(deal_id, archived=archived) for deal_id in reversed(survivors) if deal_id in known]

    def asked(self, kind: str) -> list[tuple[object, ...]]:
        """The arguments of all calls of one kind."""
        return [call[1:] for call in self.calls if call[0] == kind]


ALONE = Readers(1)
"""One question after the other."""


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


def listed(ids: Iterable[object], next_after: str | None = None) -> ListedDeals:
    return ListedDeals(records=[a_record(deal_id) for deal_id in ids], next_after=next_after)


def found(ids: Sequence[int], *, total: int | None = None) -> FoundDeals:
    return FoundDeals(total=len(ids) if total is None else total, records=[a_record(deal_id) for deal_id in ids])


def ids_of(records: Iterable[Record]) -> list[int]:
    return [int(record["id"]) for record in records]
