"""A PostgreSQL server of our own: made by `initdb`, on a loopback port, ending with the process that started it."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from local_stack.databases import DatabaseServer
from local_stack.exceptions import StackError
from local_stack.ports import LOOPBACK, free_port
from local_stack.postgres_binaries import (
    PostgresBinaries,
    find_binaries,
    make_shared,
    open_to_everybody,
    reachable_by_everybody,
    shared_path,
)
from local_stack.processes import Account, ManagedProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

SUPERUSER = "postgres"
ROLE = "hubspot_loader"  # owns the databases; no superuser, so that row-level security holds for it
BUILTIN_LOCALE_SINCE = 17
START_TIMEOUT_S = 60.0  # includes crash recovery
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",  # Airflow's pools and a test session together
    "timezone": "UTC",
}
# A cluster that is thrown away needs to survive no power cut.
THROWAWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def server_account() -> Account | None:
    """Who runs the server: ourselves, or `nobody` when we are root, which PostgreSQL refuses."""
    if os.getuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


class EmbeddedPostgres:
    """A server whose data lives in `directory`; a context manager that gives a `DatabaseServer`.

    Beside the data, `directory` gets `password` (mode 0600) and `postgres.log`. Run as root, the data moves to a folder
    below /var/tmp when the server's account cannot enter `directory`.

    Args:
        directory: kept between runs; made when missing.
        port: preferred TCP port on 127.0.0.1; another one is taken when it is in use.
        durable: False for data that nobody will miss: no fsync.
        settings: server settings other than ours; changes take effect at the next start.
        start_timeout_s: how long a start may take, crash recovery included.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        self.directory = directory.resolve()
        self.port = port
        self.durable = durable
        self.settings = dict(settings or {})
        self.start_timeout_s = start_timeout_s
        self.account = server_account()
        self.binaries: PostgresBinaries
        self._process: ManagedProcess | None = None

    def start(self) -> DatabaseServer:
        """Make the cluster unless it exists, start it, and wait until it takes connections.

        Raises:
            StackError: no server program found, or the server does not start; says why.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self.binaries = self._find_binaries()
        if not self._password_file.exists():  # data without their password are of no use
            self.delete()
        self._make_home()
        if not self.data.exists():
            self._initialize()
        self._stop_leftover()
        self.port = free_port(self.port)
        self._process = self._server().start()
        try:
            self._process.wait_until(self._accepts_connections, timeout_s=self.start_timeout_s)
            self._ensure_role()
        except BaseException:
            self.stop()
            raise
        return DatabaseServer(self._url(ROLE))

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, data is flushed."""
        if self._process:
            self._process.stop()

    def delete(self) -> None:
        """Remove the data of a stopped server, and the folder made for them elsewhere."""
        shutil.rmtree(self.data if self._home == self.directory else self._home, ignore_errors=True)

    def __enter__(self) -> DatabaseServer:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self._home / "data"

    @property
    def process(self) -> ManagedProcess:
        """The postmaster."""
        if self._process is None:
            msg = "the server was not started"
            raise RuntimeError(msg)
        return self._process

    @property
    def superuser_url(self) -> str:
        """Address with the rights of `postgres`, for what the owner of a database may not do."""
        return self._url(SUPERUSER)

    @property
    def _home(self) -> Path:
        if self.account is None or open_to_everybody(self.directory / "data"):
            return self.directory
        return shared_path(str(self.directory))

    @property
    def _password(self) -> str:
        return self._password_file.read_text().strip()

    @property
    def _password_file(self) -> Path:
        return self.directory / "password"

    def _make_home(self) -> None:
        if self._home != self.directory:
            make_shared(self._home)

    def _url(self, user: str) -> str:
        return f"postgresql://{user}:{self._password}@{LOOPBACK}:{self.port}/postgres"

    def _find_binaries(self) -> PostgresBinaries:
        made_by = self.data / "PG_VERSION"
        binaries = find_binaries(major=int(made_by.read_text()) if made_by.exists() else None)
        return reachable_by_everybody(binaries) if self.account else binaries

    def _initialize(self) -> None:
        """Build the cluster aside and rename it, so that an interrupted `initdb` leaves nothing that looks complete."""
        unfinished = self._home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        write_secret(self._password_file, secrets.token_urlsafe(24))
        # initdb runs under the other account and may not read our 0600 file; /dev/fd/N is refused to it as well.
        password_file = write_secret(self._home / "initdb.password", self._password)
        if self.account:
            for path in (unfinished, password_file):
                os.chown(path, self.account.uid, self.account.gid)
        try:
            self._run("initdb", *self._initdb_options(unfinished, password_file))
        finally:
            password_file.unlink()
        unfinished.rename(self.data)

    def _initdb_options(self, data: Path, password_file: Path) -> list[str]:
        options = [f"--pgdata={data}", f"--username={SUPERUSER}", f"--pwfile={password_file}"]
        options += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"]
        if not self.durable:
            options.append("--no-sync")
        if self.binaries.major >= BUILTIN_LOCALE_SINCE:
            # The server's own tables: the same order and case rules on every operating system.
            return [*options, "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        return [*options, f"--locale={'C.UTF-8' if sys.platform == 'linux' else 'C'}"]

    def _run(self, program: str, *arguments: str) -> None:
        account = {"user": self.account.uid, "group": self.account.gid, "extra_groups": []} if self.account else {}
        done = subprocess.run(  # type: ignore[call-overload]  # noqa: S603 - a server program; **account has mixed types
            [self.binaries.folder / program, *arguments],
            env=server_environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            **account,
        )
        if done.returncode:
            msg = f"{program} failed: {(done.stderr or done.stdout).strip()}"
            raise StackError(msg)

    def _stop_leftover(self) -> None:
        """Stop a server that outlived its launcher: possible where the kernel does not tie them together (macOS)."""
        if (self.data / "postmaster.pid").exists():
            with contextlib.suppress(StackError):  # a stale file; the server itself decides that at start
                self._run("pg_ctl", "stop", "--pgdata", str(self.data), "--mode=fast")

    def _server(self) -> ManagedProcess:
        settings = SETTINGS | {"port": str(self.port)} | ({} if self.durable else THROWAWAY_SETTINGS)
        settings |= self.settings
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        return ManagedProcess(
            name="PostgreSQL",
            command=[self.binaries.folder / "postgres", "-D", self.data, *options],
            log=self.directory / "postgres.log",
            env=server_environment(),
            cwd=Path("/"),
            account=self.account,
            stop_signal=signal.SIGINT,  # "fast": does not wait for clients to leave
            stop_timeout_s=60.0,
        )

    def _accepts_connections(self) -> bool:
        try:
            psycopg.connect(self.superuser_url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _ensure_role(self) -> None:
        statement = sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}")
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone() is None:
                connection.execute(statement.format(sql.Identifier(ROLE), sql.Literal(self._password)))


def server_environment() -> dict[str, str]:
    """English messages, and nothing of PG* that would change what the programs do."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def write_secret(path: Path, secret: str) -> Path:
    """Write a file that only its owner can read, from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")
    return path
