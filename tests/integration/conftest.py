"""Connections to the test's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.integration.invariants import violations

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to `database_url`, autocommit off as in production."""
    with psycopg.connect(database_url) as opened:
        yield opened


@pytest.fixture
def invariants_hold(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever the test did to its database, no invariant of jobs, events and usage is broken."""
    url = request.getfixturevalue("database_url") if "database_url" in request.fixturenames else None
    yield
    if url:
        assert violations(url) == []
