"""Servers that a test may kill, and whose disk it may fill."""

from __future__ import annotations

import os
import signal
from itertools import count
from pathlib import Path
from typing import Any, Self

import psycopg

from airflow_provider_hubspot_deals import migrations
from local_stack.databases import DatabaseServer
from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import wait_until

TEMPLATE = "lifecycle"
numbers = count(1)


class OwnServer:
    """A server that can be killed, with a database of our schema."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self.postgres = postgres
        self._owner = DatabaseServer(postgres._url("hubspot_loader"))
        self.name = f"lifecycle_{next(numbers)}"
        if self._owner.ensure_database(TEMPLATE):
            migrations.upgrade(self._owner.url_of(TEMPLATE))
        self.url = self._owner.create_database(self.name, template=TEMPLATE)
        self.refusals = 0

    def end(self, how: signal.Signals) -> None:
        self.postgres.process.process.send_signal(how)
        self.postgres.process.process.wait(30)

    def kill(self) -> None:
        """SIGKILL to the postmaster and whatever it started: nobody can say good-bye to a client, or write anything."""
        self.postgres.process.process.send_signal(signal.SIGSTOP)  # it starts no others meanwhile
        postmaster = self.postgres.process.pid
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in children:
            os.kill(int(pid), signal.SIGKILL)
        self.end(signal.SIGKILL)

    def come_back(self) -> None:
        """Start again, and wait until its recovery is done."""
        self.postgres.process.start()
        wait_until(self.postgres._accepts_connections, what="PostgreSQL", timeout_s=30)

    def connect(self) -> psycopg.Connection[Any]:
        """As a client meets a server that is away: refused at first, then, once it starts, until it is ready."""
        try:
            return psycopg.connect(self.url, connect_timeout=5)
        except psycopg.OperationalError:
            self.refusals += 1
            if not self.postgres.process.running and self.refusals > 1:
                self.postgres.process.start()
            raise

    def kill_session(self) -> None:
        """As the kernel does when memory is short: PostgreSQL then ends every session and recovers."""
        with psycopg.connect(self.postgres.superuser_url, autocommit=True) as connection:
            query = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
            for (pid,) in connection.execute(query, [self.name]).fetchall():
                os.kill(pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.postgres.process.running:
            self.postgres.process.start()
        wait_until(self.postgres._accepts_connections, what="PostgreSQL", timeout_s=30)
        self._owner.drop_database(self.name)
