"""Databases on one PostgreSQL server, whether we started that server or were given its address."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from local_stack.exceptions import StackError

DATABASE_URL = "DATABASE_URL"
COPY = sql.SQL("TEMPLATE {} STRATEGY file_copy")  # half the time of wal_log, which is the default
END_OURS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = current_user"
EMPTY = sql.SQL("TEMPLATE template0 ENCODING 'UTF8'")  # whatever the server's own default is


@dataclass(frozen=True)
class DatabaseServer:
    """A server on which the account in `url` may create databases."""

    url: str  # postgresql://user:password@host:port/any_database

    def url_of(self, database: str) -> str:
        """`postgresql://…` address of one database."""
        return urlsplit(self.url)._replace(path=f"/{database}").geturl()

    def has_database(self, database: str) -> bool:
        """Whether it exists."""
        with self._connect() as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [database])
            return found.fetchone() is not None

    def create_database(self, database: str, *, template: str | None = None) -> str:
        """Create an empty database, or a copy of `template`, to which nobody may be connected; gives its address."""
        source = COPY.format(sql.Identifier(template)) if template else EMPTY
        statement = sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(database), source)
        with self._connect() as connection:
            connection.execute(statement)
        return self.url_of(database)

    def ensure_database(self, database: str) -> bool:
        """Create it unless it exists; whether it was created."""
        if self.has_database(database):
            return False
        self.create_database(database)
        return True

    def drop_database(self, database: str) -> None:
        """Drop it with everybody connected to it; one that is missing is fine."""
        name = sql.Identifier(database)
        with self._connect() as connection:
            try:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            except psycopg.errors.InsufficientPrivilege:
                # An autovacuum worker is a superuser's, and FORCE asks before it ends anybody; without it, it yields.
                connection.execute(END_OURS, [database])
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))

    def check(self) -> None:
        """Raise StackError unless the server answers and lets us create databases."""
        question = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
        try:
            with self._connect() as connection:
                row = connection.execute(question).fetchone()
        except psycopg.OperationalError as error:
            msg = f"{DATABASE_URL} names a PostgreSQL that does not let us in: {str(error).strip()}"
            raise StackError(msg) from error
        if not row or not row[0]:
            msg = f"the account in {DATABASE_URL} may not create databases; run: ALTER ROLE … CREATEDB"
            raise StackError(msg)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self.url, autocommit=True, connect_timeout=10)


def given_server(environment: dict[str, str] | os._Environ[str] = os.environ) -> DatabaseServer | None:
    """The server named by DATABASE_URL, checked; None when the variable is unset or empty.

    Raises:
        StackError: it is no address of a PostgreSQL database, nobody answers there, or it refuses us.
    """
    address = environment.get(DATABASE_URL, "").strip()
    if not address:
        return None
    parts = urlsplit(address)
    if parts.scheme.split("+")[0] not in ("postgresql", "postgres") or not parts.hostname:
        msg = f"{DATABASE_URL} must look like postgresql://user:password@host:5432/database"
        raise StackError(msg)
    server = DatabaseServer(parts._replace(scheme="postgresql").geturl())
    server.check()
    return server
