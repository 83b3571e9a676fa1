"""Roles that may do less than the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql


@contextmanager
def a_guest(url: str) -> Iterator[str]:
    """Address for a role that owns nothing and may create nothing but in the two schemas made for it."""
    guest, password = sql.Identifier(f"guest_{uuid4().hex}"), uuid4().hex
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(guest, sql.Literal(password)))
        owner.execute("CREATE SCHEMA IF NOT EXISTS hubspot")
        owner.execute("CREATE SCHEMA IF NOT EXISTS hubspot_reporting")
        owner.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA hubspot, hubspot_reporting TO {}").format(guest))
        try:
            parts = urlsplit(url)
            host = parts.netloc.rpartition("@")[2]
            yield parts._replace(netloc=f"{guest.as_string().strip(chr(34))}:{password}@{host}").geturl()
        finally:
            owner.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(guest))
            owner.execute(sql.SQL("DROP OWNED BY {}").format(guest))
            owner.execute(sql.SQL("DROP ROLE {}").format(guest))
