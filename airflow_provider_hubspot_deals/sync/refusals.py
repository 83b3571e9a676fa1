"""Deals that a rule of the database's owner refuses: found by halves, put into quarantine.

Our own constraints refuse nothing that was parsed. What somebody adds to a leaf (a constraint, a trigger, an index)
must not hold up an organization for the sake of one deal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.errors import DataError, IntegrityError, NotNullViolation, ProgramLimitExceeded, RaiseException

from airflow_provider_hubspot_deals import loading
from airflow_provider_hubspot_deals.deals.bad_records import BadRecord
from airflow_provider_hubspot_deals.deals.columns import STAGED_COLUMNS
from airflow_provider_hubspot_deals.deals.parsing import DealRow

REASON_CODE = "REFUSED_BY_DATABASE"
REFUSED_MAX = 200  # of one batch: finding one takes 0.15 s, and the fence is held no longer than a transaction may last

_REFUSALS = (DataError, IntegrityError, RaiseException, ProgramLimitExceeded)  # the last: too long for an index


@dataclass
class Stored:
    """What became of the rows of a batch."""

    written: loading.Written = loading.NOTHING_WRITTEN
    taken: list[DealRow] = field(default_factory=list)
    refused: list[BadRecord] = field(default_factory=list)


def store(connection: Connection[Any], tables: loading.Tables, keys: loading.Keys, rows: Sequence[DealRow]) -> Stored:
    """``loading.store`` for the rows that the database takes.

    Raises:
        psycopg.Error: the refusal is about no single row, or about too many.
    """
    stored = Stored()
    parts = [rows]
    while parts:
        part = parts.pop()
        try:
            with connection.transaction():
                written = loading.store(connection, tables, keys, part)
        except _REFUSALS as error:
            if _is_about_every_row(error) or len(stored.refused) == REFUSED_MAX:
                raise
            if len(part) == 1:
                stored.refused.append(_bad_record(part[0], error))
            else:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]  # the first half first: a rule may allow the first of two deals
        else:
            stored.written += written
            stored.taken += part
    return stored


def _is_about_every_row(error: psycopg.Error) -> bool:
    """A column that is not ours wants a value; no row has one."""
    return isinstance(error, NotNullViolation) and error.diag.column_name not in STAGED_COLUMNS


def _bad_record(row: DealRow, error: psycopg.Error) -> BadRecord:
    return BadRecord(
        deal_id_text=str(row.deal_id),
        reason_code=REASON_CODE,
        field_name=error.diag.constraint_name or error.diag.column_name,
        raw=row.record,
        page_number=row.page_number,
        modified_at=row.version,
    )
