"""Behind PgBouncer in transaction mode: sessions are shared, and end when the pooler ends."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from airflow_provider_hubspot_deals import sync
from hubspot_simulator import SimulatorServer
from local_stack.ports import free_port
from local_stack.postgres import server_account
from local_stack.processes import ManagedProcess
from local_stack.throwaway import temporary_directory
from tests.integration.lifecycle.conftest import A_TRY, SMALL, at_call
from tests.integration.sync.conftest import Organization

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed (Debian: pgbouncer)")
CONFIGURATION = """
[databases]
* = host={host} port={port} user={user} password={password} pool_size=1
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
server_lifetime = {server_lifetime}
"""


class Pooler:
    """All clients of a database share one session of the server."""

    def __init__(self, database_url: str, directory: Path) -> None:
        self._target, self._directory, self.port = urlsplit(database_url), directory, free_port()
        assert PGBOUNCER is not None
        self.process = ManagedProcess(
            name="PgBouncer",
            command=[PGBOUNCER, directory / "pgbouncer.ini"],
            log=directory / "pgbouncer.log",
            account=server_account(),
        )

    @property
    def url(self) -> str:
        user = self._target.username
        return f"postgresql://{user}@127.0.0.1:{self.port}{self._target.path}?sslmode=disable&connect_timeout=5"

    def start(self) -> None:
        target = self._target
        settings = {"host": target.hostname, "port": target.port, "user": target.username, "password": target.password}
        text = CONFIGURATION.format(**settings, own_port=self.port, server_lifetime=3600)
        (self._directory / "pgbouncer.ini").write_text(text)
        self.process.start()
        self.process.wait_until(self._answers, timeout_s=20)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, prepare_threshold=None).close()
        except psycopg.OperationalError:
            return False
        return True


@pytest.fixture
def pooler(database_url: str) -> Iterator[Pooler]:
    with temporary_directory() as directory:
        directory.chmod(0o755)
        running = Pooler(database_url, directory)
        try:
            running.start()
            yield running
        finally:
            running.process.stop()


def test_d19_f12_two_organizations_on_one_session_never_mix(acme: Organization, pooler: Pooler) -> None:
    with SimulatorServer([replace(acme.portal.spec, portal_id=1002, seed=2)], rate_limits=False) as other_simulator:
        other = Organization(other_simulator, other_simulator.portal(1002), acme.database_url, slug="bravo")
        pooled = [replace(each, database_url=pooler.url) for each in (acme, other)]
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda each: each.sync(mode="full", batch_rows=20), pooled))

        assert acme.differences() == []
        assert other.differences() == []
        with psycopg.connect(pooler.url) as connection:
            left = "SELECT current_setting('search_path'), current_setting('lock_timeout'), count(*) FROM pg_locks"
            search_path, lock_timeout, _ = connection.execute(left + " WHERE locktype = 'advisory'").fetchone() or ()
        assert ("pg_catalog" in str(search_path), lock_timeout) == (False, "0")


def test_d20_a_pooler_that_restarts_costs_one_batch_at_most(acme: Organization, pooler: Pooler) -> None:
    def restart() -> None:
        pooler.process.stop()
        pooler.start()

    pooled = replace(acme, database_url=pooler.url)
    with pooled.client(before=at_call("list", 4, restart)) as client:
        sync.run(pooled.request(origin=A_TRY, **SMALL), client=client, connect=pooled.connect)

    (job,) = acme.jobs()
    assert (job["status"], job["attempt"], job["records_inserted"]) == ("completed", 2, 245)
    assert acme.differences() == []
