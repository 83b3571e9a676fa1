"""The table ``deal_associations``. The caller owns the transaction and the fence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.deals.related import Association

Keys = Mapping[str, Any]
"""organization_id, type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Rows that were new or got another label, and rows of associations that are no more."""

    written: int
    deleted: int


def store(
    connection: Connection[Any],
    schema: str,
    keys: Keys,
    to_object_type: str,
    *,
    read_ids: Sequence[int],
    found: Sequence[Association],
) -> Written:
    """Make the stored associations of the deals ``read_ids`` with one object type equal to ``found``.

    What was found of other deals is stored, and nothing of theirs deleted.

    Raises:
        psycopg.Error: PostgreSQL refused; the caller's transaction is void.
    """
    deal_ids, to_object_ids, categories, type_ids, labels = zip(*found, strict=True) if found else ((),) * 5
    parameters = {
        **keys,
        "to_object_type": to_object_type,
        "read_ids": list(read_ids),
        "deal_ids": list(deal_ids),
        "to_object_ids": list(to_object_ids),
        "categories": list(categories),
        "type_ids": list(type_ids),
        "labels": list(labels),
    }
    counts = sql.one(connection, "associations.store", parameters, schema=schema)
    if counts is None:
        raise RuntimeError("INVARIANT_BROKEN: associations.store returned no counts")
    return Written(**counts)
