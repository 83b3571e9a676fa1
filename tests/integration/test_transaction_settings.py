"""A transaction of ours has our settings, and the session has its own again when it is over."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg
import pytest

from airflow_provider_hubspot_deals import loading, sql
from tests.builders import a_row
from tests.integration.tenant import Tenant, tables_of

OURS = {
    "search_path": "pg_catalog",
    "client_encoding": "UTF8",
    "row_security": "on",
    "TimeZone": "UTC",
    "DateStyle": "ISO, DMY",
    "lock_timeout": "10s",
    "statement_timeout": "1min",
    "idle_in_transaction_session_timeout": "30s",
    "client_connection_check_interval": "1s",
}
THEIRS = {
    "search_path": "hubspot",
    "client_encoding": "LATIN1",
    "row_security": "off",
    "TimeZone": "Asia/Kathmandu",
    "DateStyle": "German, DMY",
    **dict.fromkeys(("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"), "7min"),
    "client_connection_check_interval": "7s",
}
SINCE_17 = "transaction_timeout"
OF_A_BATCH = dict.fromkeys(("enable_hashjoin", "enable_mergejoin", "jit"), "off")


def shown(connection: psycopg.Connection, names: Iterable[str]) -> dict[str, str]:
    return {name: connection.execute("SELECT current_setting(%s)", [name]).fetchone()[0] for name in names}  # type: ignore[index]  # SELECT gives a row


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def test_a_transaction_has_our_settings_and_leaves_none_behind(acme: Tenant) -> None:
    with acme.connect() as connection:
        for name, value in THEIRS.items():
            connection.execute("SELECT set_config(%s, %s, false)", [name, value])
        with sql.transaction(connection):
            assert shown(connection, OURS) == OURS
        assert shown(connection, THEIRS) == THEIRS


def test_a_transaction_lasts_as_long_as_we_let_it(acme: Tenant) -> None:
    with acme.connect() as connection:
        if connection.info.server_version < 170_000:
            pytest.skip("PostgreSQL ends no transaction for its length before version 17")
        connection.execute("SELECT set_config(%s, '7min', false)", [SINCE_17])
        connection.commit()
        with sql.transaction(connection):
            assert shown(connection, [SINCE_17]) == {SINCE_17: "0"}
        assert shown(connection, [SINCE_17]) == {SINCE_17: "7min"}


def test_a_batch_is_planned_our_way_and_the_next_statement_its_own(acme: Tenant) -> None:
    job = acme.claim()
    with acme.connect() as connection:
        for name in OF_A_BATCH:
            connection.execute("SELECT set_config(%s, 'on', false)", [name])
        with sql.transaction(connection):
            loading.store(connection, tables_of(job), job.keys, [a_row(1)])
            assert shown(connection, OF_A_BATCH) == OF_A_BATCH
        assert set(shown(connection, OF_A_BATCH).values()) == {"on"}
