"""What an operator reads when PostgreSQL is busy, away, or cannot be connected to at all."""

from __future__ import annotations

import psycopg
import pytest

from airflow_provider_hubspot_deals.exceptions import ConfigurationError, DatabaseUnavailableError, FatalError
from airflow_provider_hubspot_deals.sync.outcome import database_errors


def test_a_lock_that_another_session_holds_reads_as_busy(database_url: str) -> None:
    with psycopg.connect(database_url) as other, psycopg.connect(database_url) as ours:
        other.execute("LOCK TABLE hubspot.jobs")
        ours.execute("SET lock_timeout TO '50ms'")
        with pytest.raises(DatabaseUnavailableError, match="another session") as raised, database_errors("acme"):
            ours.execute("SELECT * FROM hubspot.jobs")
    assert "busy for organization 'acme'" in str(raised.value)
    assert "not available" not in str(raised.value)


def test_a_statement_that_takes_too_long_reads_as_busy(connection: psycopg.Connection) -> None:
    connection.execute("SET statement_timeout TO '50ms'")
    with pytest.raises(DatabaseUnavailableError, match="'acme': a statement took too long"), database_errors("acme"):
        connection.execute("SELECT pg_sleep(60)")


def test_a_server_that_is_away_reads_as_not_available() -> None:
    with pytest.raises(DatabaseUnavailableError, match=r"not available for .*refused"), database_errors("acme"):
        psycopg.connect("host=127.0.0.1 port=1")


@pytest.mark.parametrize("conninfo", ["host=127.0.0.1 S3cret", "host=127.0.0.1 nonsense=S3cret"])
def test_f18_a_malformed_connection_is_somebodys_to_correct_and_never_repeated(conninfo: str) -> None:
    with pytest.raises(ConfigurationError, match="'acme' is malformed") as raised, database_errors("acme"):
        psycopg.connect(conninfo)
    assert "S3cret" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_a_refusal_without_a_code_is_named_by_its_kind(connection: psycopg.Connection) -> None:
    with pytest.raises(FatalError, match=r"\(DataError\)") as raised, database_errors("acme"):
        connection.execute("SELECT %s::text", ["\0"])
    assert raised.value.code == "DB_REFUSED"
