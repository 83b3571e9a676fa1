"""Whether a secret is in any table. Bytes that are packed are looked through where they are unpacked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

    from hubspot_simulator.portal import Portal

# With their partitions; a view shows what a table has.
_TABLES = """
    SELECT relnamespace::regnamespace::text, relname FROM pg_class
    WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('hubspot', 'hubspot_reporting', 'public'))
      AND relkind IN ('r', 'p') AND NOT relispartition
"""
_SEARCH = sql.SQL("(SELECT {name} FROM {table} AS kept WHERE kept::text LIKE ANY (%(secrets)s) LIMIT 1)")
ENDING = 36  # characters of a secret: the token's first ones are those of every token


def secrets_of(portals: Iterable[Portal]) -> list[str]:
    """What opens the portals."""
    specs = [portal.spec for portal in portals]
    return [each[-ENDING:] for spec in specs for each in (spec.token, spec.client_secret, spec.refresh_token)]


def leaks(cursor: psycopg.Cursor[Any], secrets: Sequence[str]) -> list[tuple[str, str]]:
    """Each table that holds one."""
    tables = cursor.execute(_TABLES.encode()).fetchall()
    parts = [_SEARCH.format(name=sql.Literal(name), table=sql.Identifier(schema, name)) for schema, name in tables]
    found = cursor.execute(sql.SQL(" UNION ALL ").join(parts), {"secrets": [f"%{each}%" for each in secrets]})
    return [("i16: no secret is in any table", table) for (table,) in found.fetchall()]
