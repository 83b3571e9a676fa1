"""PostgreSQL was away for a moment: the attempt goes on from its last commit, without spending a try of Airflow's."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection

from airflow_provider_hubspot_deals import jobs

log = logging.getLogger(__name__)

PATIENCE_S = 45.0  # a restart and its crash recovery; less than it takes others to think that the job is dead
IN_A_ROW_MAX = 3  # without a batch committed in between: what always goes wrong is no accident
PAUSE_MIN_S, PAUSE_MAX_S = 0.1, 5.0

_PASSING = (
    *("08", "57"),  # connection lost, server shutting down or starting up, a statement cancelled
    *("40", "55P03"),  # deadlock, serialization, a lock not available
    "53300",  # too many connections
    "25006",  # read-only: a standby, until the address leads to the primary again
    *("25P03", "25P04"),  # this process stood still within a transaction, for longer than the server lets it
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenUp:
    """Where the attempt goes on.

    Attributes:
        was_committed: whether the batch that was being written is stored after all.
    """

    connection: Connection[Any]
    job: jobs.Job
    was_committed: bool


class Recovery:
    """The connections of one attempt after its first.

    Attributes:
        in_doubt: the transaction of a taking up, for as long as nobody knows whether it was committed.
    """

    def __init__(self, connect: Callable[[], Connection[Any]], order: jobs.JobOrder) -> None:
        self._connect, self._order = connect, order
        self._in_a_row = 0
        self.in_doubt: str | None = None

    def progressed(self) -> None:
        """A batch is committed: patience is as new."""
        self._in_a_row = 0

    def take_up(self, job: jobs.Job, error: psycopg.Error, transaction_id: str | None) -> TakenUp:
        """Connect again, as soon as PostgreSQL lets us, and take the job up from its checkpoint.

        Args:
            transaction_id: the one that may or may not have been committed when the connection was lost.

        Raises:
            psycopg.Error: ``error`` is none that passes, or PostgreSQL stays away.
            JobCancelled, JobSuperseded: the job is not ours any more.
        """
        self._in_a_row += 1
        if not passes(error) or self._in_a_row > IN_A_ROW_MAX:
            raise error
        log.warning("Job %s: PostgreSQL does not go on (%s); connecting again.", job.id, type(error).__name__)
        for pause in _pauses():
            time.sleep(pause)
            try:
                return self._taken_up(job, transaction_id)
            except psycopg.Error as again:
                if not passes(again):
                    raise
                error = again
        raise error

    def _taken_up(self, job: jobs.Job, transaction_id: str | None) -> TakenUp:
        with ExitStack() as opened:
            connection = self._connect()
            opened.callback(connection.close)
            connection.autocommit = True
            was_committed = transaction_id is not None and jobs.was_committed(connection, job, transaction_id)
            with jobs.being_taken_up(connection, job, self._order) as taken_up:
                self.in_doubt = taken_up.row.get("transaction_id")  # none where it was done before
            opened.pop_all()
        self.in_doubt = None
        log.info("Job %s: goes on after batch %d.", taken_up.id, taken_up.row["batches"])
        return TakenUp(connection=connection, job=taken_up, was_committed=was_committed)


def passes(error: psycopg.Error) -> bool:
    """Whether another connection, now or soon, may do what this one could not."""
    if error.sqlstate is None:  # libpq's own: lost, or refused while connecting
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(_PASSING)


def _pauses() -> Iterator[float]:
    """Growing, none like another's: all organizations have lost the same server."""
    gives_up_at = time.monotonic() + PATIENCE_S
    longest = PAUSE_MIN_S
    while time.monotonic() < gives_up_at:
        yield random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, hides nothing
        longest = min(longest * 2, PAUSE_MAX_S)
