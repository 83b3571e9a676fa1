"""The server that all contestants load into: a database for each, and what it costs the server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from airflow_provider_hubspot_deals import migrations
from benchmarks.process_tree import cpu_s, tree
from benchmarks.server import BenchServer, bench_server
from local_stack.databases import DatabaseServer

TEMPLATE = "bench_template"
QUIET_TIMEOUT_S = 30.0
OTHER_SESSIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
WRITTEN = """
SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint, coalesce(sum(n_tup_upd), 0)::bigint
FROM pg_stat_user_tables WHERE relid = to_regclass(%s)
"""
SIZE = "SELECT coalesce(pg_total_relation_size(to_regclass(%s)), 0)"


@dataclass(frozen=True, slots=True)
class Written:
    """Rows of one table that were written since it exists."""

    all: int
    updated: int


class LoadServer:
    """A PostgreSQL at its default settings but for autovacuum, which would come and go as it likes.

    Tables are vacuumed and analyzed between runs instead, as autovacuum would have done by then.
    """

    def __init__(self, server: BenchServer) -> None:
        self._server = server
        server.restart(autovacuum="off")
        self._databases = DatabaseServer(server.owner_url)
        migrations.upgrade(self._databases.create_database(TEMPLATE))

    @property
    def version(self) -> str:
        """Such as `18.1`."""
        with self._server.connect() as connection:
            return str(_value(connection, "SHOW server_version"))

    def create(self, database: str, *, with_schema: bool) -> str:
        """A fresh database, with our schema in it or empty; gives its address."""
        self._databases.drop_database(database)
        return self._databases.create_database(database, template=TEMPLATE if with_schema else None)

    def drop(self, database: str) -> None:
        """With all that is in it."""
        self._databases.drop_database(database)

    def settle(self) -> None:
        """Write out what earlier runs left dirty, so that nobody pays for them."""
        with self._server.connect(self._server.superuser_url) as connection:
            connection.execute("CHECKPOINT")

    @staticmethod
    def tidy(url: str) -> None:
        """What autovacuum does between two runs."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")

    @staticmethod
    def written(url: str, table: str) -> Written:
        """So far, once every session of a contestant has ended: only then are its statistics complete."""
        with psycopg.connect(url, autocommit=True) as connection:
            deadline = time.monotonic() + QUIET_TIMEOUT_S
            while _value(connection, OTHER_SESSIONS) and time.monotonic() < deadline:
                time.sleep(0.05)
            row = connection.execute(WRITTEN, [table]).fetchone()
            return Written(*row) if row else Written(0, 0)

    @staticmethod
    def size(url: str, table: str) -> int:
        """Bytes with indexes and TOAST."""
        with psycopg.connect(url, autocommit=True) as connection:
            return int(_value(connection, SIZE, table))

    def cpu_s(self) -> float:
        """CPU seconds of the postmaster and all its children, the ended ones too."""
        return cpu_s(tree(self._server.postmaster_pid))


@contextmanager
def load_server() -> Iterator[LoadServer]:
    """Make one that leaves nothing behind."""
    with bench_server() as server:
        yield LoadServer(server)


def _value(connection: psycopg.Connection[Any], query: str, *values: object) -> Any:  # noqa: ANN401 - of any type
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None
