"""A thread that says every few seconds that the job is alive, on a database connection of its own.

When it cannot say so for too long, the database has fallen silent, and the working thread may be waiting for an answer
that never comes: its connection is hung up, and the call ends as an error.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import Connection

from airflow_provider_hubspot_deals import jobs
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from airflow_provider_hubspot_deals.sql.hanging_up import Line, hung_up_after

log = logging.getLogger(__name__)

INTERVAL_S = 10.0
STALLED_AFTER_S = 1800.0  # without a page or a batch; a request with all its retries takes minutes
LOST_AFTER_S = jobs.SILENCE_MAX.total_seconds() * 2 / 3  # stop before others take the job for dead


class Heartbeat:
    """Context manager. ``check`` is for the working thread, between its requests."""

    def __init__(self, connect: Callable[[], Connection[Any]], job: jobs.Job, working: Connection[Any]) -> None:
        self._connect, self._job, self._working = connect, job, working
        self._finished = threading.Event()
        self._is_ours = True
        self._last_success = self._last_check = time.monotonic()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat {job.id}", daemon=True)

    def __enter__(self) -> Self:
        self._line = Line(self._working)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finished.set()
        if kind is None or issubclass(kind, Exception):  # a killed task has no time to wait
            self._thread.join(timeout=INTERVAL_S)
        self._line.close()

    def check(self) -> bool:
        """Whether the job is still ours, as far as the last beat knows.

        Raises:
            DatabaseUnavailableError: no beat went through for so long that others may take the job for dead.
        """
        self._last_check = time.monotonic()
        if self._is_lost():
            raise DatabaseUnavailableError(
                f"Job {self._job.id} could not be kept alive in PostgreSQL for {LOST_AFTER_S:.0f} s; it stops itself."
            )
        return self._is_ours

    def _is_lost(self) -> bool:
        return time.monotonic() - self._last_success > LOST_AFTER_S

    def _is_stalled(self) -> bool:
        return time.monotonic() - self._last_check > STALLED_AFTER_S

    def _beat(self) -> None:
        connection: Connection[Any] | None = None
        while not self._finished.wait(INTERVAL_S) and self._is_ours:
            if self._is_stalled():  # a job that only its heartbeat keeps alive would never be taken for dead
                log.error("Job %s has not moved for %.0f s; its heartbeat ends.", self._job.id, STALLED_AFTER_S)
                self._line.hang_up()
                break
            try:
                connection = connection or self._connect()
                self._beat_once(connection)
            except psycopg.Error as error:
                log.warning("Heartbeat of job %s failed: %s", self._job.id, type(error).__name__)
                _close(connection)
                connection = None
                if self._is_lost():  # asked only here: a worker that froze and woke up gets a beat first
                    log.warning("Job %s: PostgreSQL has been silent for too long; hanging up.", self._job.id)
                    self._line.hang_up()
        _close(connection)

    def _beat_once(self, connection: Connection[Any]) -> None:
        with hung_up_after(connection, INTERVAL_S):
            self._is_ours = jobs.heartbeat(connection, self._job)
        self._last_success = time.monotonic()


def _close(connection: Connection[Any] | None) -> None:
    if connection is not None:
        with suppress(psycopg.Error):
            connection.close()
