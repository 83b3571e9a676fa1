"""A PostgreSQL at its default settings, which can be restarted with others, and killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg

from local_stack.databases import DatabaseServer
from local_stack.postgres import EmbeddedPostgres
from local_stack.throwaway import temporary_directory

DATABASE = "bench"
MAX_LOCKS = "max_locks_per_transaction"
DEFAULTS = {
    "max_connections": "100"
}  # PostgreSQL's; the embedded server asks for more, and so gets a larger lock table
START_TIMEOUT_S = 900.0  # recovery walks every file


class BenchServer:
    """One server with one database; made by ``bench_server``."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._postgres = postgres
        self.start()
        self._server.ensure_database(DATABASE)

    @property
    def owner_url(self) -> str:
        """The loading role, which owns the schema and is no superuser."""
        return self._server.url_of(DATABASE)

    @property
    def superuser_url(self) -> str:
        """The administrator, who makes roles."""
        return DatabaseServer(self._postgres.superuser_url).url_of(DATABASE)

    @property
    def postmaster_pid(self) -> int:
        """Of the server's first process, whose children do the work."""
        return self._postgres.process.pid

    def url_for(self, role: str, password: str) -> str:
        """The same database for another role."""
        address = urlsplit(self.owner_url)
        netloc = f"{role}:{quote(password)}@{address.hostname}:{address.port}"
        return address._replace(netloc=netloc).geturl()

    def start(self) -> None:
        """Start, recovering if need be."""
        self._server = self._postgres.start()

    def restart(self, **settings: str) -> None:
        """With these settings besides the defaults, and no others."""
        self._postgres.stop()
        self._postgres.settings = DEFAULTS | settings
        self.start()

    def crash_and_recover(self, **settings: str) -> float:
        """Kill the server and start it again; gives the seconds until it takes connections."""
        os.kill(self._postgres.process.pid, signal.SIGKILL)
        self._postgres.stop()  # what is left of its children
        self._postgres.settings = DEFAULTS | settings
        started = time.perf_counter()
        self.start()
        return time.perf_counter() - started

    def program(self, name: str) -> str:
        """Path of a client program of the same version, e.g. pg_dump."""
        return str(self._postgres.binaries.folder / name)

    def files(self) -> int:
        """How many files the cluster consists of."""
        return sum(len(names) for _folder, _folders, names in os.walk(self._postgres.data))

    def connect(self, url: str | None = None) -> psycopg.Connection[Any]:
        """As the owner unless said otherwise; autocommit, as the loader's connections."""
        return psycopg.connect(url or self.owner_url, autocommit=True)


@contextmanager
def bench_server() -> Iterator[BenchServer]:
    """Make one that leaves nothing behind; durable, since commits and recovery are measured too."""
    with temporary_directory() as directory:
        postgres = EmbeddedPostgres(directory, settings=DEFAULTS, start_timeout_s=START_TIMEOUT_S)
        try:
            yield BenchServer(postgres)
        finally:
            postgres.stop()
