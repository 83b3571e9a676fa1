"""Deals that a constraint or trigger of the database's owner refuses: found by halves, put into quarantine.

Our own constraints refuse nothing that was parsed. Those that somebody adds to a leaf must not hold up an organization
for the sake of one deal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.errors import DataError, IntegrityError, NotNullViolation, RaiseException

from airflow_provider_hubspot_deals import loading
from airflow_provider_hubspot_deals.deals.bad_records import BadRecord
from airflow_provider_hubspot_deals.deals.parsing import DealRow

REASON_CODE = "REFUSED_BY_DATABASE"
REFUSED_MAX = 1_000  # of one batch; each costs a dozen statements, and so many are no accident

_Refused = list[tuple[DealRow, psycopg.Error]]


def store(
    connection: Connection[Any], tables: loading.Tables, keys: loading.Keys, rows: Sequence[DealRow]
) -> tuple[loading.Written, list[DealRow], list[BadRecord]]:
    """``loading.store`` for the rows that the database takes; what was written, those rows, and the refused ones.

    Raises:
        psycopg.Error: the refusal is about no single row, or about too many.
    """
    try:
        with connection.transaction():
            return loading.store(connection, tables, keys, rows), list(rows), []
    except (DataError, IntegrityError, RaiseException) as error:
        if isinstance(error, NotNullViolation):  # a column that is not ours; every row lacks it
            raise
        refused = _refused(connection, tables, keys, rows, error)
        bad = [_bad_record(row, reason) for row, reason in refused]
        ids = {row.deal_id for row, _ in refused}
        taken = [row for row in rows if row.deal_id not in ids]
    return loading.store(connection, tables, keys, taken), taken, bad


def _refused(
    connection: Connection[Any],
    tables: loading.Tables,
    keys: loading.Keys,
    rows: Sequence[DealRow],
    error: psycopg.Error,
) -> _Refused:
    """The refused rows among ``rows``, which were refused together with ``error``."""
    if len(rows) == 1:
        return [(rows[0], error)]
    found: _Refused = []
    middle = len(rows) // 2
    for half in (rows[:middle], rows[middle:]):
        try:
            with _tried(connection):
                loading.store(connection, tables, keys, half)
        except (DataError, IntegrityError, RaiseException) as again:
            found += _refused(connection, tables, keys, half, again)
        if len(found) > REFUSED_MAX:
            raise error
    return found


@contextmanager
def _tried(connection: Connection[Any]) -> Iterator[None]:
    """What is done in the block is undone."""
    with connection.transaction(force_rollback=True):
        yield


def _bad_record(row: DealRow, error: psycopg.Error) -> BadRecord:
    return BadRecord(
        deal_id_text=str(row.deal_id),
        reason_code=REASON_CODE,
        field_name=error.diag.constraint_name or error.diag.column_name,
        raw=row.record,
        page_number=row.page_number,
    )
