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
from psycopg.errors import DataError, IntegrityError, NotNullViolation, ProgramLimitExceeded

from airflow_provider_hubspot_deals import loading
from airflow_provider_hubspot_deals.deals.bad_records import BadRecord, ReasonCode
from airflow_provider_hubspot_deals.deals.columns import STAGED_COLUMNS
from airflow_provider_hubspot_deals.deals.parsing import DealRow
from airflow_provider_hubspot_deals.sync.recovery import passes

_REASON_CODE: ReasonCode = "REFUSED_BY_DATABASE"
REFUSED_MAX = 200  # of one batch: finding one takes 0.15 s, and the fence is held no longer than a transaction may last

_OF_VALUES = (DataError, IntegrityError, ProgramLimitExceeded)  # the last: too long for an index
_OF_THE_SERVER = ("53", "58", "XX")  # something is lacking or broken
_OF_THE_SCHEMA = ("42", "3F")  # a name or a privilege that a trigger lacks, it lacks for every deal
_BY_RAISE = "exec_stmt_raise"  # PL/pgSQL's function behind RAISE, the same in every language of messages


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
        except psycopg.Error as error:
            if not _is_about_a_deal(error) or len(stored.refused) == REFUSED_MAX:
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


def _is_about_a_deal(error: psycopg.Error) -> bool:
    """Whether it may be for the sake of one deal; a function of somebody's may say that with any code."""
    if isinstance(error, NotNullViolation) and error.diag.column_name not in STAGED_COLUMNS:
        return bool(error.diag.context)  # else a column that is not ours wants a value, and no row has one
    if isinstance(error, _OF_VALUES):
        return True
    if not error.diag.context or passes(error) or str(error.sqlstate).startswith(_OF_THE_SERVER):
        return False
    return error.diag.source_function == _BY_RAISE or not str(error.sqlstate).startswith(_OF_THE_SCHEMA)


def _bad_record(row: DealRow, error: psycopg.Error) -> BadRecord:
    return BadRecord(
        deal_id_text=str(row.deal_id),
        reason_code=_REASON_CODE,
        field_name=error.diag.constraint_name or error.diag.column_name,
        raw=row.record,
        page_number=row.page_number,
        modified_at=row.version,
    )
