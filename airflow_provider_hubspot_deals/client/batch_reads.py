"""Deals by id: an answer is believed about the ids that it accounts for, and asked again for the others.

HubSpot names ids that are gone among the errors of a 207, and gives a merged deal as its survivor, under the survivor's
id. Nothing says that it never leaves out more than that, and a living deal that is left out would look deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from airflow_provider_hubspot_deals.deals.columns import MERGED_IDS_PROPERTY, REQUIRED_PROPERTIES
from airflow_provider_hubspot_deals.deals.properties import Properties
from airflow_provider_hubspot_deals.deals.records import Record

log = logging.getLogger(__name__)

_MERGED_IDS_AT = REQUIRED_PROPERTIES.index(MERGED_IDS_PROPERTY)


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """One answer of batch/read."""

    records: list[Record]
    gone: frozenset[str] = frozenset()  # ids that HubSpot says it did not find


def read_all(ask: Callable[[Sequence[int]], BatchAnswer], ids: Sequence[int]) -> list[Record]:
    """The records of ``ids``. One is absent when HubSpot says so, or says nothing of an id that it is asked for alone.

    ``ask`` sees to it that such a silence lasts, which takes it more than one request. Here it is one answer when that
    accounts for every id, and less than two for each id when none accounts for any.
    """
    records: list[Record] = []
    seen: set[str] = set()
    pending, answers = [ids], 0
    while pending:
        asked = pending.pop()
        answer = ask(asked)
        answers += 1
        records += [record for record in answer.records if _id(record) not in seen]
        pending += _to_ask_again(asked, answer)
        if pending:  # what is asked for again may come with what has come already, such as a survivor
            seen.update(map(_id, answer.records))
    if answers > 1:
        log.warning("HubSpot left deals out of an answer without a word: %d deals took %d answers", len(ids), answers)
    return records


def _to_ask_again(asked: Sequence[int], answer: BatchAnswer) -> list[Sequence[int]]:
    if len(asked) == 1:
        return []
    left = _unaccounted(asked, answer)
    if len(left) < len(asked):
        return [left] if left else []
    middle = len(left) // 2
    return [left[:middle], left[middle:]]


def _unaccounted(asked: Sequence[int], answer: BatchAnswer) -> Sequence[int]:
    """The ids of which the answer does not say what became of them."""
    given = {_id(record): record for record in answer.records}
    left = {str(deal_id) for deal_id in asked} - given.keys() - answer.gone
    if not left:
        return []
    merged = {deal_id: _merged_ids(record) for deal_id, record in given.items()}
    unnamed = left.difference(*merged.values())
    # A record that nobody asked for came for an id that was merged into it, whether or not it tells which one.
    others = given.keys() - map(str, asked)
    untold = [deal_id for deal_id in others if merged[deal_id].isdisjoint(left)]
    return [deal_id for deal_id in asked if str(deal_id) in unnamed] if len(unnamed) > len(untold) else []


def _merged_ids(record: Record) -> frozenset[str]:
    properties = record.get("properties")
    if isinstance(properties, Properties):
        merged: object = properties.texts()[_MERGED_IDS_AT]
    else:
        merged = properties.get(MERGED_IDS_PROPERTY) if isinstance(properties, dict) else None
    return frozenset(merged.split(";")) if isinstance(merged, str) else frozenset()


def _id(record: Record) -> str:
    return str(record.get("id"))
