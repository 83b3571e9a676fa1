"""A thread that says every few seconds that the job is alive, on a database connection of its own."""

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

log = logging.getLogger(__name__)

INTERVAL_S = 10.0
LOST_AFTER_S = jobs.SILENCE_MAX.total_seconds() * 2 / 3  # stop before others take the job for dead


class Heartbeat:
    """Context manager. ``check`` is for the working thread, between its requests."""

    def __init__(self, connect: Callable[[], Connection[Any]], job: jobs.Job) -> None:
        self._connect, self._job = connect, job
        self._finished = threading.Event()
        self._is_ours = True
        self._last_success = time.monotonic()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat {job.id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finished.set()
        if kind is None or issubclass(kind, Exception):  # a killed task has no time to wait
            self._thread.join(timeout=INTERVAL_S)

    def check(self) -> bool:
        """Whether the job is still ours, as far as the last beat knows.

        Raises:
            DatabaseUnavailableError: no beat went through for so long that others may take the job for dead.
        """
        if time.monotonic() - self._last_success > LOST_AFTER_S:
            raise DatabaseUnavailableError(
                f"Job {self._job.id} could not be kept alive in PostgreSQL for {LOST_AFTER_S:.0f} s; it stops itself."
            )
        return self._is_ours

    def _beat(self) -> None:
        connection: Connection[Any] | None = None
        while not self._finished.wait(INTERVAL_S) and self._is_ours:
            try:
                connection = connection or self._connect()
                self._is_ours = jobs.heartbeat(connection, self._job)
                self._last_success = time.monotonic()
            except psycopg.Error as error:
                log.warning("Heartbeat of job %s failed: %s", self._job.id, type(error).__name__)
                _close(connection)
                connection = None
        _close(connection)


def _close(connection: Connection[Any] | None) -> None:
    if connection is not None:
        with suppress(psycopg.Error):
            connection.close()
