"""Records with more properties than one request can carry: read in parts, joined only when the parts agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from airflow_provider_hubspot_deals.deals.columns import MERGED_IDS_PROPERTY
from airflow_provider_hubspot_deals.deals.properties import Properties
from airflow_provider_hubspot_deals.deals.records import Record
from airflow_provider_hubspot_deals.exceptions import BadResponseError

PROPERTIES_MAX = 500  # batch/read has answered 500 to more than 1,000 names (singer-io/tap-hubspot pull request 139)
_READS_MAX = 5

ReadPart = Callable[[Sequence[int], Sequence[str]], list[Record]]


def in_chunks(properties: Sequence[str]) -> list[Sequence[str]]:
    """``properties`` in parts that one request can carry; one empty part when there are none.

    What was merged into a deal is in each part, if it is in one: without it, answers about merged deals say less.
    """
    if len(properties) <= PROPERTIES_MAX:
        return [properties]
    everywhere = [name for name in properties if name == MERGED_IDS_PROPERTY]
    others = [name for name in properties if name != MERGED_IDS_PROPERTY]
    size = PROPERTIES_MAX - len(everywhere)
    return [[*others[start : start + size], *everywhere] for start in range(0, len(others), size)]


def read_wide(read_part: ReadPart, ids: Sequence[int], chunks: Sequence[Sequence[str]]) -> list[Record]:
    """The records of ``ids`` with the properties of all ``chunks``.

    A record edited between two parts would be a mixture of two versions: it is read again until all parts carry the
    same ``updatedAt``. One that is missing from any part has vanished meanwhile and is left out.

    Raises:
        BadResponseError: a record changed during each of five reads (``UNSTABLE_RECORD``).
    """
    whole: list[Record] = []
    pending = list(ids)
    for _ in range(_READS_MAX):
        joined, pending = _join([read_part(pending, names) for names in chunks])
        whole += joined
        if not pending:
            return whole
    raise BadResponseError(
        f"{len(pending)} deals keep changing while their properties are read in {len(chunks)} parts; "
        "try again later, or ask for fewer properties",
        code="UNSTABLE_RECORD",
    )


def _join(parts: Sequence[list[Record]]) -> tuple[list[Record], list[int]]:
    """Records that are whole, and ids of those whose parts disagree."""
    by_id = [{str(record.get("id")): record for record in part} for part in parts]
    in_all = [deal_id for deal_id in by_id[0] if all(deal_id in part for part in by_id)]
    versions = {deal_id: [part[deal_id] for part in by_id] for deal_id in in_all}
    whole = [_merge(records) for records in versions.values() if _agree(records)]
    return whole, [int(deal_id) for deal_id, records in versions.items() if not _agree(records)]


def _agree(records: Sequence[Record]) -> bool:
    return len({record.get("updatedAt") for record in records}) == 1


def _merge(records: Sequence[Record]) -> Record:
    properties = {name: value for record in records for name, value in _properties(record).items()}
    return {**records[0], "properties": properties}


def _properties(record: Record) -> Mapping[str, Any]:
    properties = record.get("properties") or {}
    return properties.present() if isinstance(properties, Properties) else properties
