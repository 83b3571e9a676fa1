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
        self._names: list[str] = []

    def login(self, *, member_of: str | None = None, inherits: bool = True) -> str:
        """Name of a new login role."""
        name = f"role_{uuid4().hex}"
        self._names.append(name)
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} {}")
        inheritance = sql.SQL("INHERIT" if inherits else "NOINHERIT")
        self.execute(create.format(sql.Identifier(name), self._password, inheritance))
        if member_of:
            self.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(member_of), sql.Identifier(name)))
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
        """Run a statement as the schema's owner."""
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
        with psycopg.connect(self.url, autocommit=True) as owner:
            for name in map(sql.Identifier, reversed(self._names)):
                owner.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
                owner.execute(sql.SQL("DROP OWNED BY {}").format(name))
                owner.execute(sql.SQL("DROP ROLE {}").format(name))


def seen(connection: psycopg.Connection[Any], statement: str, *parameters: object) -> Any:
    """The first column of what a role is given, as a set; ``DENIED`` when it may not ask."""
    try:
        return {row[0] for row in connection.execute(statement, parameters or None)}
    except InsufficientPrivilege:
        return DENIED
