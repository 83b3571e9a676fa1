"""Login roles of one test: readers and loaders that own nothing, and what each of them sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

DENIED = "denied"
SUPERUSER = "postgres"  # of the throwaway server, with the same password as the role that the tests run as


class Roles:
    """Makes roles as an administrator would, and calls the functions of row-level security as the schema's owner."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._password = uuid4().hex
        self._names: list[tuple[str, str | None]] = []  # and who must drop it, if not we

    def login(self, *, member_of: str | None = None, inherits: bool = True, is_superuser: bool = False) -> str:
        """Name of a new login role."""
        name = f"role_{uuid4().hex}"
        self._names.append((name, SUPERUSER if is_superuser else None))
        options = ("SUPERUSER " if is_superuser else "") + ("" if inherits else "NOINHERIT")
        statement = sql.SQL(f"CREATE ROLE {{}} LOGIN PASSWORD {{}} {options}")
        with psycopg.connect(self.url_of(SUPERUSER) if is_superuser else self.url, autocommit=True) as connection:
            connection.execute(statement.format(sql.Identifier(name), self._password))
            if member_of:
                connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(member_of), sql.Identifier(name)))
        return name

    def reader(self) -> str:
        """A role that may read whatever organization it sets."""
        name = self.login()
        self.call("grant_reader", name)
        return name

    def bound(self, *organizations: UUID) -> str:
        """A role that sees these organizations."""
        name = self.login()
        for organization in organizations:
            self.call("bind_reader", name, organization)
        return name

    def loader(self) -> str:
        """A role that loads and owns nothing."""
        name = self.login()
        self.call("grant_loader", name)
        return name

    def call(self, function: str, *arguments: object) -> None:
        """Call a function of the schema as its owner."""
        self.execute(
            sql.SQL("SELECT hubspot.{}({})").format(
                sql.Identifier(function), sql.SQL(", ").join(sql.Placeholder() * len(arguments))
            ),
            *arguments,
        )

    def execute(self, statement: Any, *arguments: object) -> None:
        """Run a statement as the schema's owner. ``{}`` of a text are identifiers."""
        with psycopg.connect(self.url, autocommit=True) as owner:
            owner.execute(statement, arguments or None)

    def url_of(self, name: str) -> str:
        """Address of the test's database for this role."""
        parts = urlsplit(self.url)
        password = parts.password if name == SUPERUSER else self._password
        return parts._replace(netloc=f"{name}:{password}@{parts.hostname}:{parts.port}").geturl()

    @contextmanager
    def connected(self, name: str, tenant: object = None) -> Iterator[psycopg.Connection[Any]]:
        """A connection of the role, with ``app.current_tenant`` set unless ``tenant`` is None."""
        with psycopg.connect(self.url_of(name), autocommit=True) as connection:
            if tenant is not None:
                connection.execute("SELECT set_config('app.current_tenant', %s, false)", [str(tenant)])
            yield connection

    def drop(self) -> None:
        """Forget them all."""
        for name, dropper in reversed(self._names):
            role = sql.Identifier(name)
            with psycopg.connect(self.url_of(dropper) if dropper else self.url, autocommit=True) as connection:
                if not dropper:
                    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
                connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
                connection.execute(sql.SQL("DROP ROLE {}").format(role))


def seen(connection: psycopg.Connection[Any], statement: str, *parameters: object) -> Any:
    """The first column of what a role is given, as a set; ``DENIED`` when it may not ask."""
    try:
        return {row[0] for row in connection.execute(statement, parameters or None)}
    except InsufficientPrivilege:
        return DENIED
