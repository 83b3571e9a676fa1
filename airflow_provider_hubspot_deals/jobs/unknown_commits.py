"""A COMMIT that was sent and never answered: how it ended is looked up in the database, not guessed."""

from __future__ import annotations

import time
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from airflow_provider_hubspot_deals.jobs.model import Job

SETTLED_WITHIN_S = 10.0
_POLL_S = 0.05


def was_committed(connection: Connection[Any], job: Job, transaction_id: str) -> bool:
    """Whether the batch that was written in a transaction of a lost connection is stored.

    Raises:
        DatabaseUnavailableError: as ``settle``.
    """
    settle(connection, job, transaction_id)
    return _ask(connection, "jobs.is_in_ledger", {**job.keys, "transaction_id": transaction_id}, job.schema)


def settle(connection: Connection[Any], job: Job, transaction_id: str) -> None:
    """Come back when a transaction of a lost connection has ended, one way or the other.

    A session that still holds it open is ended: nobody will send its COMMIT, or hear the answer.

    Raises:
        DatabaseUnavailableError: the session does not end.
    """
    keys = {**job.keys, "transaction_id": transaction_id}
    gives_up_at = time.monotonic() + SETTLED_WITHIN_S
    while _ask(connection, "jobs.is_in_progress", keys, job.schema):
        if time.monotonic() > gives_up_at:
            raise DatabaseUnavailableError(
                f"Job {job.id} of organization {job.organization!r} lost its connection to PostgreSQL, whose session "
                f"still holds transaction {transaction_id} open; end it with pg_terminate_backend."
            )
        _ask(connection, "jobs.end_session_of_transaction", keys, job.schema)
        time.sleep(_POLL_S)


def _ask(connection: Connection[Any], statement: str, keys: dict[str, Any], schema: str) -> bool:
    with sql.transaction(connection):
        return any(sql.column(connection, statement, keys, schema=schema))
