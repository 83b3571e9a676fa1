"""Connections to the test's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to `database_url`, autocommit off as in production."""
    with psycopg.connect(database_url) as opened:
        yield opened
