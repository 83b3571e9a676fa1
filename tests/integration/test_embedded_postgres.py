"""The server of demo and tests: starts, keeps its data, ends with whoever started it, or gives way to DATABASE_URL."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from local_stack.databases import DATABASE_URL
from local_stack.exceptions import StackError
from local_stack.postgres import (
    ROLE,
    SUPERUSER,
    EmbeddedPostgres,
    server_account,
)
from local_stack.processes import session_members, wait_until
from local_stack.throwaway import temporary_directory, throwaway_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEADLINE_S = 15.0
# Starts a server, names its postmaster, and waits for its end.
LAUNCHER = """
import sys, time
from pathlib import Path
from local_stack.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
server.start()
print(server.process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def directory() -> Iterator[Path]:
    """Of one cluster; not `tmp_path`, which the server's account cannot enter when we are root."""
    with temporary_directory() as folder:
        yield folder


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_starts_takes_connections_and_leaves_no_process(directory: Path) -> None:
    embedded = EmbeddedPostgres(directory, durable=False)
    with embedded as server:
        pid = embedded.process.pid
        with psycopg.connect(server.url) as connection:
            row = connection.execute("SELECT current_user, current_setting('server_encoding')").fetchone()
        assert row == (ROLE, "UTF8")
    assert is_gone(pid)
    assert session_members(pid) == []


def test_the_owner_of_the_databases_is_no_superuser(directory: Path) -> None:
    embedded = EmbeddedPostgres(directory, durable=False)
    with embedded as server:
        for url, expected in ((server.url, False), (embedded.superuser_url, True)):
            with psycopg.connect(url) as connection:
                row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
            assert row == (expected,)


def test_data_and_password_outlive_the_server(directory: Path) -> None:
    with EmbeddedPostgres(directory, durable=False) as server:
        url = server.create_database("kept")
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE t AS SELECT 42 AS answer")
    with EmbeddedPostgres(directory, durable=False) as server, psycopg.connect(server.url_of("kept")) as connection:
        assert connection.execute("SELECT answer FROM t").fetchone() == (42,)
        assert not server.ensure_database("kept")


def test_the_password_is_asked_for_and_stands_in_a_private_file(directory: Path) -> None:
    with EmbeddedPostgres(directory, durable=False) as server:
        assert stat.S_IMODE((directory / "password").stat().st_mode) == 0o600
        secret = (directory / "password").read_text().strip()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.url.replace(secret, "wrong"))


def test_it_listens_on_the_loopback_address_alone(directory: Path) -> None:
    embedded = EmbeddedPostgres(directory, durable=False)
    with embedded, psycopg.connect(embedded.superuser_url) as connection:
        settings = "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        assert connection.execute(settings).fetchone() == ("127.0.0.1", "")


def test_an_interrupted_initdb_is_not_taken_for_a_cluster(directory: Path) -> None:
    unfinished = directory / "data.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(directory, durable=False) as server:
        assert server.has_database("postgres")
    assert not unfinished.exists()


def test_data_without_its_password_are_started_over(directory: Path) -> None:
    with EmbeddedPostgres(directory, durable=False) as server:
        server.create_database("old")
    (directory / "password").unlink()
    with EmbeddedPostgres(directory, durable=False) as server:
        assert not server.has_database("old")


def test_deleting_what_was_never_made_is_harmless(directory: Path) -> None:
    EmbeddedPostgres(directory / "never" / "made", durable=False).delete()
    assert list(directory.iterdir()) == []


def test_a_second_cluster_takes_another_port(directory: Path) -> None:
    first = EmbeddedPostgres(directory / "first", durable=False)
    with first:
        second = EmbeddedPostgres(directory / "second", port=first.port, durable=False)
        with second as server:
            assert second.port != first.port
            assert server.has_database("postgres")


def test_killing_the_launcher_ends_the_server_cleanly(directory: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux ties a process to its parent")
    launcher = subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", LAUNCHER, str(directory)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    if launcher.stdout is None:
        pytest.fail("no output to read")
    postmaster = int(launcher.stdout.readline())
    launcher.send_signal(signal.SIGKILL)
    launcher.communicate()
    wait_until(lambda: not session_members(postmaster), what="the server's end", timeout_s=DEADLINE_S)
    assert is_gone(postmaster)
    assert "database system is shut down" in (directory / "postgres.log").read_text()


def test_a_server_that_cannot_start_says_why(directory: Path) -> None:
    with EmbeddedPostgres(directory, durable=False):
        pass
    embedded = EmbeddedPostgres(directory, durable=False)
    (embedded.data / "global" / "pg_control").unlink()
    with pytest.raises(StackError, match="pg_control"):
        embedded.start()


def test_data_of_a_version_that_is_gone_asks_to_start_over(directory: Path) -> None:
    with EmbeddedPostgres(directory, durable=False):
        pass
    embedded = EmbeddedPostgres(directory, durable=False)
    (embedded.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(StackError, match=r"PostgreSQL 9, which is not installed any more; start over \(--fresh\)"):
        embedded.start()


def test_it_works_in_a_folder_that_its_account_cannot_enter(directory: Path) -> None:
    closed = directory / "private"
    closed.mkdir(mode=0o700)
    embedded = EmbeddedPostgres(closed / "cluster", durable=False)
    try:
        with embedded as server:
            assert server.has_database("postgres")
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        is_elsewhere = closed not in embedded.data.parents
        assert is_elsewhere == (server_account() is not None)
    finally:
        embedded.delete()
    assert not embedded.data.exists()


@pytest.mark.parametrize("room_min", [0, 2**60], ids=["in memory", "no room in memory"])
def test_a_throwaway_server_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, directory: Path, room_min: int
) -> None:
    for name, value in {"tempfile.tempdir": str(directory), "local_stack.throwaway.ROOM_MIN": room_min}.items():
        monkeypatch.setattr(name, value)
    monkeypatch.setattr("local_stack.throwaway.MEMORY", directory)
    with throwaway_server() as server:
        assert server.has_database("postgres")
        assert any(directory.iterdir())
    assert list(directory.iterdir()) == []


def test_database_url_wins_over_an_embedded_server(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    with EmbeddedPostgres(directory, durable=False) as other:
        monkeypatch.setenv(DATABASE_URL, other.url.replace("postgresql://", "postgres://"))
        with throwaway_server() as server:
            url = server.create_database("asked_for")
            with psycopg.connect(url) as connection:
                assert connection.info.port == urlsplit(other.url).port
            assert other.has_database("asked_for")
            server.drop_database("asked_for")
        assert not other.has_database("asked_for")
        assert other.has_database("postgres")  # theirs to stop, not ours


def test_a_database_is_dropped_with_our_sessions_while_a_superuser_is_leaving_it(directory: Path) -> None:
    with EmbeddedPostgres(directory, durable=False) as server, contextlib.ExitStack() as open_:
        url = server.create_database("busy")
        ours = open_.enter_context(psycopg.connect(url))
        as_superuser = urlsplit(url)._replace(netloc=urlsplit(url).netloc.replace(ROLE, SUPERUSER)).geturl()
        open_.enter_context(psycopg.connect(as_superuser, options="-c idle_session_timeout=1s"))

        server.drop_database("busy")

        assert not server.has_database("busy")
        with pytest.raises(psycopg.OperationalError):
            ours.execute("SELECT 1")


def test_database_url_of_an_account_without_createdb_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    with EmbeddedPostgres(directory, durable=False) as other:
        with psycopg.connect(other.url, autocommit=True) as connection:
            connection.execute("CREATE ROLE reader LOGIN PASSWORD 'invented'")
        address = other.url.partition("@")[2]
        monkeypatch.setenv(DATABASE_URL, f"postgresql://reader:invented@{address}")
        with pytest.raises(StackError, match="ALTER ROLE … CREATEDB"), throwaway_server():
            pytest.fail("it let us in")
