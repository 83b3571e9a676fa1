"""Roles that read: one that names its organization in a setting, one that is bound to it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from benchmarks.server import BenchServer

LOADER = "bench_loader"  # without any right, until a case grants it
SETTING = "app.current_tenant"
HAS_FUNCTION = """
SELECT EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'hubspot'::regnamespace AND proname = %s)
"""


@dataclass(frozen=True, slots=True)
class Readers:
    """Addresses of the two roles; the first one still has to set ``app.current_tenant``."""

    by_setting: str
    bound: str


def make_readers(server: BenchServer, organization: UUID) -> Readers | None:
    """Make both, or nothing while the schema has no row-level security."""
    if not has_function(server, "grant_reader"):
        return None
    _role(server, LOADER)
    return Readers(
        by_setting=_reader(server, "bench_reader", "SELECT hubspot.grant_reader({role})"),
        bound=_reader(
            server,
            "bench_bound",
            "SELECT hubspot.grant_reader({role})",
            "SELECT hubspot.bind_reader({role}, {organization})",
            organization=organization,
        ),
    )


def has_function(server: BenchServer, name: str) -> bool:
    """Whether our schema has a function of that name."""
    with server.connect() as connection:
        return connection.execute(HAS_FUNCTION, [name]).fetchone() == (True,)


def _reader(server: BenchServer, role: str, *grants: str, **values: UUID) -> str:
    password = _role(server, role)
    literals = {name: sql.Literal(value) for name, value in ({"role": role} | values).items()}
    with server.connect() as owner:
        for grant in grants:
            owner.execute(sql.SQL(grant).format(**literals))
    return server.url_for(role, password)


def _role(server: BenchServer, role: str) -> str:
    """Make one that may log in; gives its password."""
    password = secrets.token_urlsafe(24)
    create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
    with server.connect(server.superuser_url) as administrator:
        administrator.execute(create)
    return password
