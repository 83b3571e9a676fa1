"""Asking HubSpot for deals that a list no longer held, one by one, before anything is marked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from airflow_provider_hubspot_deals.extraction.pages import Cursor, DealSource, Page
from airflow_provider_hubspot_deals.extraction.readers import Readers
from airflow_provider_hubspot_deals.extraction.searching import BATCH_READ_MAX, missing_ids, read_by_id

AbsentIds = Callable[[int, int], list[int]]
"""Given (after id, limit): the next absent deals in ascending order."""


def confirmed_pages(
    source: DealSource, readers: Readers, *, properties: Sequence[str], absent_ids: AbsentIds, cursor: Cursor
) -> Iterator[Page]:
    """What became of each absent deal: live again, archived, merged into another, or gone."""
    groups = _groups(absent_ids, cursor["last_id"] if cursor else 0)
    return readers.in_order(partial(_confirmed, source, properties), groups, lambda: source.requests_in_flight)


def _groups(absent_ids: AbsentIds, last_id: int) -> Iterator[list[int]]:
    while ids := absent_ids(last_id, BATCH_READ_MAX):
        last_id = ids[-1]
        yield ids


def _confirmed(source: DealSource, properties: Sequence[str], ids: list[int]) -> Page:
    live = read_by_id(source, ids, properties=properties)
    not_live = missing_ids(ids, live)
    archived = read_by_id(source, not_live, properties=properties, archived=True)
    # The two answers are two moments: a deal restored between them is in neither.
    in_neither = missing_ids(not_live, archived)
    restored = read_by_id(source, in_neither, properties=properties)
    return Page(
        records=live + archived + restored,
        cursor={"last_id": ids[-1]},
        gone=missing_ids(in_neither, restored),
        confirmed=tuple(ids),
    )
