"""A database that is not UTF-8: some of HubSpot's text could not be stored in it, or would be stored unchecked."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from airflow_provider_hubspot_deals import migrations
from airflow_provider_hubspot_deals.exceptions import SchemaError
from hubspot_simulator import SimulatorServer
from local_stack.databases import DatabaseServer
from tests.integration.sync.conftest import Organization

CREATE = "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
TABLES = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'hubspot'::regnamespace"
SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'hubspot%'"


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
def encoding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def other_url(postgres_server: DatabaseServer, encoding: str) -> Iterator[str]:
    """An empty database of that encoding."""
    name = f"hubspot_deals_{encoding.lower()}_{uuid4().hex}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(sql.SQL(CREATE).format(sql.Identifier(name), sql.Literal(encoding)))
    yield postgres_server.url_of(name)
    postgres_server.drop_database(name)


def rows_by_table(url: str) -> dict[str, int]:
    with psycopg.connect(url, client_encoding="utf8") as connection:
        tables = [table for (table,) in connection.execute(TABLES)]
        count = sql.SQL("SELECT count(*) FROM {}")
        counts = [connection.execute(count.format(sql.Identifier(*table.split(".")))).fetchone() for table in tables]
    return {table: row[0] for table, row in zip(tables, counts, strict=True) if row}


def test_d25_a_run_into_a_database_that_is_not_utf8_is_refused_before_anything_is_written(
    simulator: SimulatorServer, other_url: str, encoding: str
) -> None:
    """Whoever applied the printed SQL there has every table that a run needs."""
    with psycopg.connect(other_url, autocommit=True) as owner:
        owner.execute(migrations.upgrade_sql().encode("ascii", "replace"))
    acme = Organization(simulator=simulator, portal=simulator.portal(1001), database_url=other_url)
    before = rows_by_table(other_url)

    with pytest.raises(SchemaError, match=f"encoded as {encoding}.*UTF8") as refused:
        acme.sync()

    assert refused.value.code == "SCHEMA_MISMATCH"
    assert rows_by_table(other_url) == before
    assert "hubspot.jobs" in before
    assert simulator.requests == []


def test_d25_no_schema_is_made_in_a_database_that_is_not_utf8(other_url: str, encoding: str) -> None:
    with pytest.raises(SchemaError, match=f"encoded as {encoding}.*UTF8"):
        migrations.upgrade(other_url)

    with psycopg.connect(other_url) as connection:
        assert connection.execute(SCHEMAS).fetchall() == []
