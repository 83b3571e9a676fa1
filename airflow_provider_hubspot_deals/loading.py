"""The deals tables: stage a batch, compare, write what changed, mark what is gone. The caller owns the transaction."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import uuid5

from psycopg import Connection
from psycopg.errors import IntegrityError, UniqueViolation

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.deals.parsing import BadRecord, DealRow
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from airflow_provider_hubspot_deals.kill_points import KillPoint, reached

RAW_BYTES_MAX = 2**20  # of one quarantined record, compressed
COPIED_ROWS = 100  # handed to COPY at once: some 100 kB, where one by one would cost a call each
STAGE_ROWS = 2_500  # some 6 MB: beyond temp_buffers, 8 MB by default, temporary tables are written to disk
ATTEMPTS_MAX = 3  # at one batch: only people who write deals by hand can come between comparing and writing

Keys = Mapping[str, Any]
"""organization_id, type, job_id, load_id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Where one organization's deals of one type live."""

    schema: str
    leaf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of the staged rows. They add up: staged = inserted + updated + unchanged + stale + duplicate."""

    inserted: int
    updated: int
    unchanged: int
    stale: int
    duplicate: int
    deleted: int  # of the updated ones: now archived

    def __add__(self, other: Written) -> Written:
        return Written(**{count.name: getattr(self, count.name) + getattr(other, count.name) for count in fields(self)})


NOTHING_WRITTEN = Written(inserted=0, updated=0, unchanged=0, stale=0, duplicate=0, deleted=0)


def store(connection: Connection[Any], tables: Tables, keys: Keys, rows: Sequence[DealRow]) -> Written:
    """Write the deals that are new or changed and mark those that were merged into them.

    Raises:
        psycopg.Error: PostgreSQL refused; the caller's transaction is void.
        DatabaseUnavailableError: others write the same deals all the time, which the fence prevents among loaders.
    """
    if not rows:
        return NOTHING_WRITTEN
    connection.execute(sql.statement("deals.plan_for_batch"))
    columns = compared_columns(rows)
    before: sql.Row = {}
    for _ in range(ATTEMPTS_MAX):
        compared = _compare(connection, tables, columns)
        try:
            _write(connection, tables, keys, rows, compared)
        except (UniqueViolation, _KeptOutError):
            if compared == before:  # nobody came between
                raise
            before = compared
        else:
            _settle_quarantine(connection, tables, keys, columns)
            return _written(len(rows), compared, merged=_mark_merged(connection, tables, keys, rows))
    raise DatabaseUnavailableError(
        f"Others write the same deals of table {tables.leaf} all the time, between their being compared and written.",
        code="DB_BUSY",
    )


def compared_columns(rows: Iterable[DealRow]) -> dict[str, str]:
    """Parameters of ``compare``."""
    columns = zip(*(row.compared for row in rows), strict=True)
    return dict(zip(("ids", "versions", "archived", "pages", "hashes"), map(_array, columns), strict=True))


def _compare(connection: Connection[Any], tables: Tables, columns: Mapping[str, str]) -> sql.Row:
    (compared,) = sql.rows(connection, "deals.compare", columns, schema=tables.schema, leaf=tables.leaf)
    return compared


def _array(values: Iterable[str]) -> str:
    """An array as text: psycopg would adapt every element of a list for itself."""
    return "{" + ",".join(values) + "}"


class _KeptOutError(IntegrityError):
    """PostgreSQL took a statement and left out some of its rows."""


def _write(connection: Connection[Any], tables: Tables, keys: Keys, rows: Sequence[DealRow], compared: sql.Row) -> None:
    """Everything, or nothing.

    Raises:
        UniqueViolation, _KeptOutError: somebody wrote one of these deals after the comparison, or has a unique index
            or a trigger there.
    """
    parameters = {**keys, "leaf_half": uuid5(keys["organization_id"], keys["type"]).hex[:16]}
    steps = {"deals.update_staged": compared["changed"], "deals.insert_staged": compared["new"]}
    if not any(steps.values()):
        return
    with connection.transaction():
        connection.execute(sql.statement("deals.create_stage"))
        for statement, positions in steps.items():
            for start in range(0, len(positions), STAGE_ROWS):
                staged = [rows[position - 1] for position in positions[start : start + STAGE_ROWS]]
                _stage(connection, staged)
                written = sql.execute(connection, statement, parameters, schema=tables.schema, leaf=tables.leaf)
                if written != len(staged):
                    raise _KeptOutError(f"{len(staged) - written} rows of {tables.leaf} were left out")


def _stage(connection: Connection[Any], rows: Sequence[DealRow]) -> None:
    # COPY straight into a table with row-level security is refused; a temporary table also survives any pooler,
    # because it lives and dies in this transaction.
    connection.execute(sql.statement("deals.empty_stage"))
    with connection.cursor() as cursor, cursor.copy(sql.statement("deals.copy_stage")) as copy:
        for start in range(0, len(rows), COPIED_ROWS):
            copy.write(b"".join([row.line for row in rows[start : start + COPIED_ROWS]]))
    reached(KillPoint.ROWS_COPIED)


def _written(received: int, compared: sql.Row, *, merged: int) -> Written:
    inserted, updated = len(compared["new"]), len(compared["changed"])
    stale, unchanged = compared["stale"], compared["unchanged"]
    return Written(
        inserted=inserted,
        updated=updated,
        unchanged=unchanged,
        stale=stale,
        duplicate=received - inserted - updated - unchanged - stale,
        deleted=compared["deleted"] + merged,
    )


def _mark_merged(connection: Connection[Any], tables: Tables, keys: Keys, rows: Iterable[DealRow]) -> int:
    merges = {loser: row.deal_id for row in rows for loser in row.merged_ids if loser != row.deal_id}
    if not merges:
        return 0
    parameters = {**keys, "loser_ids": list(merges), "survivor_ids": list(merges.values())}
    return sql.execute(connection, "deals.mark_merged", parameters, schema=tables.schema, leaf=tables.leaf)


def mark_missing(connection: Connection[Any], tables: Tables, keys: Keys, deal_ids: Sequence[int]) -> int:
    """Mark deals that HubSpot has in neither list any more; rows that say why already stay as they are.

    What is in quarantine of them is settled: nobody will send it again.
    """
    parameters = {**keys, "ids": list(deal_ids)}
    sql.execute(connection, "deals.settle_quarantine_of_missing", parameters, schema=tables.schema)
    return sql.execute(connection, "deals.mark_missing", parameters, schema=tables.schema, leaf=tables.leaf)


def _settle_quarantine(connection: Connection[Any], tables: Tables, keys: Keys, columns: Mapping[str, str]) -> None:
    parameters = {**keys, "ids": columns["ids"], "versions": columns["versions"]}
    sql.execute(connection, "deals.settle_quarantine", parameters, schema=tables.schema)


def note_absent(
    connection: Connection[Any],
    tables: Tables,
    keys: Keys,
    *,
    low: int,
    high: int,
    listed: Sequence[int],
    deleted_reason: str | None,
) -> None:
    """Remember stored deals with ids in (low, high] that the list did not hold, to be confirmed one by one.

    Args:
        deleted_reason: which stored deals should have been in the list: None the live ones, ``archived`` those.
    """
    held = _array(str(deal_id) for deal_id in listed if low < deal_id <= high)
    parameters = {**keys, "low": low, "high": high, "listed": held, "deleted_reason": deleted_reason}
    sql.execute(connection, "deals.note_absent", parameters, schema=tables.schema, leaf=tables.leaf)


def note_vanished(connection: Connection[Any], tables: Tables, keys: Keys, deal_ids: Sequence[int]) -> None:
    """Remember deals that HubSpot named and then did not give, unless their row says that they are deleted."""
    parameters = {**keys, "vanished": list(deal_ids)}
    sql.execute(connection, "deals.note_vanished", parameters, schema=tables.schema, leaf=tables.leaf)


def absent_ids(connection: Connection[Any], tables: Tables, keys: Keys, after_id: int, limit: int) -> list[int]:
    """The next ``limit`` deals to confirm, ascending."""
    parameters = {**keys, "after_id": after_id, "limit": limit}
    return sql.column(connection, "deals.absent_ids", parameters, schema=tables.schema)


def forget_absent(connection: Connection[Any], tables: Tables, keys: Keys, deal_ids: Sequence[int]) -> None:
    """These deals have been dealt with. By id, since others may be requeued among them meanwhile."""
    sql.execute(connection, "deals.forget_absent", {**keys, "ids": list(deal_ids)}, schema=tables.schema)


def outdated(connection: Connection[Any], tables: Tables, versions: Mapping[int, str | None]) -> list[int]:
    """Those of the found ids whose stored row is missing, older, or marked as deleted."""
    parameters = {"ids": list(versions), "versions": list(versions.values())}
    return sql.column(connection, "deals.outdated", parameters, schema=tables.schema, leaf=tables.leaf)


def not_archived_so(
    connection: Connection[Any], tables: Tables, archived: Mapping[int, tuple[str | None, str | None]]
) -> list[int]:
    """Those of the deals that are not stored as archived.

    Args:
        archived: id → (hs_lastmodifieddate, archivedAt) as listed.
    """
    parameters = {
        "ids": list(archived),
        "versions": [version for version, _ in archived.values()],
        "moments": [archived_at for _, archived_at in archived.values()],
    }
    return sql.column(connection, "deals.not_archived_so", parameters, schema=tables.schema, leaf=tables.leaf)


def count_live(connection: Connection[Any], tables: Tables, keys: Keys, horizon: datetime) -> Mapping[str, int]:
    """``live`` deals stored; of them ``maybe_unseen`` by an index that is behind since ``horizon``;
    ``maybe_still_seen`` ones deleted since; and ids ``quarantined``.
    """
    parameters = {**keys, "horizon": horizon}
    counts = sql.one(connection, "deals.count_live", parameters, schema=tables.schema, leaf=tables.leaf)
    return counts or {}


def quarantine(connection: Connection[Any], tables: Tables, keys: Keys, records: Iterable[BadRecord]) -> None:
    """Keep records that could not be stored, as HubSpot sent them. One row per record and reason.

    One that is older than the stored deal is settled at once: a replica of HubSpot's that lags has sent it again.
    """
    for record in records:
        packed = zlib.compress(record.raw)
        parameters = {
            **keys,
            "deal_id": record.deal_id,
            "deal_id_text": record.deal_id_text,
            "modified_at": record.modified_at,
            "reason_code": record.reason_code,
            "field_name": record.field_name,
            "raw": packed[:RAW_BYTES_MAX],
            "raw_is_cut": len(packed) > RAW_BYTES_MAX,
            "raw_sha256": hashlib.sha256(record.raw).digest(),
            "page_number": record.page_number,
        }
        sql.execute(connection, "deals.quarantine", parameters, schema=tables.schema, leaf=tables.leaf)
