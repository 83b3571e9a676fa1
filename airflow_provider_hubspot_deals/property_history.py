"""The table ``deal_property_history``, and of which properties it holds every deal's. The caller owns the fence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.deals.related import PropertyChange

Keys = Mapping[str, Any]
"""organization_id, type, epoch."""

CHANGES_MAX = 20_000  # in one statement: a second of its minute, some 10 MB of parameters
_COLUMNS = (
    *("deal_ids", "properties", "moments", "ordinals", "values"),
    *("source_types", "source_ids", "source_labels", "users"),
)


def store(connection: Connection[Any], schema: str, keys: Keys, changes: Sequence[PropertyChange]) -> int:
    """Write the changes that are not stored yet, each once; how many those were.

    Raises:
        psycopg.Error: PostgreSQL refused; the caller's transaction is void.
    """
    parts = (changes[start : start + CHANGES_MAX] for start in range(0, len(changes), CHANGES_MAX))
    return sum(_store(connection, schema, keys, part) for part in parts)


def _store(connection: Connection[Any], schema: str, keys: Keys, changes: Sequence[PropertyChange]) -> int:
    columns = dict(zip(_COLUMNS, map(list, zip(*changes, strict=True)), strict=True))
    parameters = {**keys, **columns, "read_ids": list(dict.fromkeys(columns["deal_ids"]))}
    return sql.execute(connection, "property_history.store", parameters, schema=schema)


def complete_properties(connection: Connection[Any], schema: str, keys: Keys, wanted: Sequence[str]) -> set[str]:
    """Those of ``wanted`` of which every deal's history is stored and kept up to date; never a calculated one.

    From here on the others of the past are not: their deals change while nobody reads their history.
    """
    sql.execute(connection, "property_history.forget_properties", {**keys, "properties": list(wanted)}, schema=schema)
    return set(sql.column(connection, "property_history.complete_properties", keys, schema=schema))


def record_complete(connection: Connection[Any], schema: str, keys: Keys, properties: Sequence[str]) -> None:
    """A full run has read the history of these for every deal."""
    parameters = {**keys, "properties": sorted(properties)}
    sql.execute(connection, "property_history.record_complete", parameters, schema=schema)
