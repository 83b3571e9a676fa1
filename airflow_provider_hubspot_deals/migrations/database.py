"""Where to migrate, and what PostgreSQL's answers mean to whoever runs a migration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from airflow_provider_hubspot_deals.exceptions import (
    ConfigurationError,
    DatabaseUnavailableError,
    HubSpotDealsError,
    SchemaError,
)
from airflow_provider_hubspot_deals.sql.network import PATIENCE

Database = str | Callable[[], Connection[Any]]
"""Where to migrate: a ``postgresql://`` URL, or a callable that opens a psycopg connection."""

_WHO_MAY = (
    "Migrate as the role that owns the schema and its tables; making a new schema takes CREATE on the database. "
    "To look takes a loader: SELECT grant_loader('…'), called in the schema by its owner."
)
_URL_SCHEMES = ("postgresql://", "postgres://")
# Who is refused while connecting gets no SQLSTATE from libpq: what PostgreSQL says when nobody but a person can help.
# Not "authentication failed" of an LDAP or RADIUS server, which may be away itself.
_KEPT_OUT = (
    "password authentication failed",
    "no password supplied",
    "does not exist",
    "no pg_hba.conf entry",
    "not permitted to log in",
    "permission denied for database",
)


def opener_of(database: Database) -> Callable[[], Connection[Any]]:
    """Return what opens a connection. libpq alone reads a URL: a second parser would read some of them differently.

    Raises:
        ConfigurationError: the URL is malformed. It is not repeated, since a password stands in it.
    """
    if not isinstance(database, str):
        return database
    if not _is_well_formed(database):
        raise ConfigurationError(
            "The database URL is malformed; percent-encode special characters in user and password."
        )
    given = conninfo_to_dict(database)
    patience = {name: value for name, value in PATIENCE.items() if name not in given}
    return partial(psycopg.connect, make_conninfo(database, **patience))


@contextmanager
def database_errors(doing: str, *, advice: Callable[[], str] = str) -> Iterator[None]:
    """Turn errors of psycopg, wrapped by SQLAlchemy or bare, into ours; ``doing`` begins their sentences.

    Args:
        advice: asked for another sentence when a privilege is missing.

    Raises:
        ConfigurationError: libpq cannot read what the callable connects with; or PostgreSQL has no such role, password
            or database.
        DatabaseUnavailableError: PostgreSQL is away, busy or locked.
        SchemaError: it refuses: a privilege is missing, something else of that name is in the way.
    """
    from sqlalchemy.exc import DBAPIError  # slow to import; only whoever migrates pays

    try:
        yield
    except psycopg.Error as error:
        raise _translated(error, doing, advice) from None
    except DBAPIError as error:  # its own text repeats the statement and a link
        raise _translated(error.orig, doing, advice) from None


def _translated(error: BaseException | None, doing: str, advice: Callable[[], str]) -> HubSpotDealsError:
    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:  # its text may hold a password
        return ConfigurationError(f"{doing}: the PostgreSQL connection is malformed; check its fields and extras.")
    first_line = str(error).strip().partition("\n")[0]
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None and _is_kept_out(first_line):
        return ConfigurationError(f"{doing}: the PostgreSQL connection is wrong: {first_line}")
    if isinstance(error, psycopg.OperationalError):
        return DatabaseUnavailableError(f"{doing}: PostgreSQL is away or busy: {first_line}")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return SchemaError(f"{doing}: PostgreSQL refused: {first_line}. {advice() or _WHO_MAY}")
    return SchemaError(f"{doing}: PostgreSQL refused: {first_line}")


def _is_kept_out(line: str) -> bool:
    return any(words in line for words in _KEPT_OUT)


def _is_well_formed(url: str) -> bool:
    """Whether libpq reads it, and every part of it where the writer meant it to be.

    An unencoded ``/`` or ``@`` in a password turns its rest into a port, host or database, and messages name those.
    """
    try:
        ports = str(conninfo_to_dict(url).get("port") or "").split(",")
    except psycopg.ProgrammingError:
        return False
    return all(not port or port.isdecimal() for port in ports) and "@" not in _address(url)


def _address(url: str) -> str:
    """Host, port and database as libpq finds them: behind the first ``@``, unless a ``/`` comes before it."""
    rest = next((url.removeprefix(scheme) for scheme in _URL_SCHEMES if url.startswith(scheme)), "")
    credentials, _, address = rest.partition("@")
    return (rest if "/" in credentials else address).partition("?")[0]
