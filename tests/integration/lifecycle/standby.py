"""A standby that streams from a server of ours, and can become the primary."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

import psycopg

from local_stack.postgres import EmbeddedPostgres, write_secret
from local_stack.processes import wait_until

CATCH_UP_S = 30.0
IS_CAUGHT_UP = "SELECT coalesce(bool_and(replay_lsn >= pg_current_wal_flush_lsn()), false) FROM pg_stat_replication"


class Standby(EmbeddedPostgres):
    """A context manager: made by pg_basebackup, and streaming when it has started."""

    def __init__(self, directory: Path, primary: EmbeddedPostgres) -> None:
        super().__init__(directory, durable=False, settings=primary.settings)
        self._primary = primary

    def __enter__(self) -> Self:  # type: ignore[override]  # tests need its parts
        self._copy_primary()
        self.start()
        wait_until(self.is_caught_up, what="the standby", timeout_s=CATCH_UP_S)
        return self

    def is_caught_up(self) -> bool:
        """Whether it has all that the primary has written."""
        return self._asked(self._primary.superuser_url, IS_CAUGHT_UP) is True

    def fall_behind(self) -> None:
        """Receive nothing any more: what is committed from now on is lost with the primary."""
        self._ask("ALTER SYSTEM SET primary_conninfo = ''")
        self._ask("SELECT pg_reload_conf()")
        wait_until(self._receives_nothing, what="the end of streaming", timeout_s=CATCH_UP_S)

    def promote(self) -> None:
        """It is the primary now."""
        self._ask("SELECT pg_promote()")

    def is_promoted(self) -> bool:
        """Whether it takes writes."""
        return self._asked(self.superuser_url, "SELECT pg_is_in_recovery()") is False

    def url_of(self, database_url: str) -> str:
        """The address of a database of the primary, here."""
        return database_url.replace(f":{self._primary.port}/", f":{self.port}/")

    def _copy_primary(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.binaries = self._find_binaries()
        self._make_home()
        write_secret(self._password_file, self._primary._password)
        self.data.mkdir(mode=0o700)
        if self.account:
            os.chown(self.data, self.account.uid, self.account.gid)
        source = ["--dbname", self._primary.superuser_url, "--pgdata", str(self.data)]
        self._run("pg_basebackup", *source, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")

    def _receives_nothing(self) -> bool:
        return bool(self._asked(self.superuser_url, "SELECT count(*) = 0 FROM pg_stat_wal_receiver"))

    def _ask(self, statement: str) -> None:
        self._asked(self.superuser_url, statement)

    def _asked(self, url: str, statement: str) -> Any:
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None
