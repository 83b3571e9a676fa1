"""What reading ahead asks the database, on a connection of its own: the other one may be in the middle of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any, Self

from psycopg import Connection

from airflow_provider_hubspot_deals import jobs, loading, sql
from airflow_provider_hubspot_deals.extraction.archived import Archived
from airflow_provider_hubspot_deals.sql.hanging_up import Line


class Lookups:
    """Questions about stored deals. Opens its connection when first asked; closing it ends a question under way."""

    def __init__(self, connect: Callable[[], Connection[Any]], job: jobs.Job) -> None:
        self._connect, self._job = connect, job
        self._tables = loading.Tables(schema=job.schema, leaf=job.leaf)
        self._connection: Connection[Any] | None = None
        self._line: Line | None = None
        self._is_closed = False
        self._lock = Lock()

    def outdated(self, versions: Mapping[int, str | None]) -> list[int]:
        """Those of the found deals that are not stored as they are."""
        with self._opened() as connection:
            return loading.outdated(connection, self._tables, versions)

    def not_archived_so(self, archived: Mapping[int, Archived]) -> list[int]:
        """Those of the listed deals that are not stored as archived then, in that version."""
        facts = {deal_id: (found.version, found.archived_at) for deal_id, found in archived.items()}
        with self._opened() as connection:
            return loading.not_archived_so(connection, self._tables, facts)

    def absent_ids(self, after_id: int, limit: int) -> list[int]:
        """The next absent deals to confirm."""
        with self._opened() as connection:
            return loading.absent_ids(connection, self._tables, self._job.keys, after_id, limit)

    def close(self) -> None:
        """Hang up. Thread-safe."""
        with self._lock:
            self._is_closed = True
            if self._line is not None:
                self._line.hang_up()
                self._line.close()
                self._line = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self._connection is not None:
            self._connection.close()

    @contextmanager
    def _opened(self) -> Iterator[Connection[Any]]:
        if self._connection is None:
            connection = self._connect()
            connection.autocommit = True
            with self._lock:
                self._connection, self._line = connection, Line(connection)
                if self._is_closed:
                    self._line.hang_up()
        with sql.transaction(self._connection):
            yield self._connection
