"""The statements of an upgrade, printed: whoever runs them has what the upgrade makes."""

from __future__ import annotations

import sys

import psycopg
import pytest

from airflow_provider_hubspot_deals import migrations
from airflow_provider_hubspot_deals.exceptions import ConfigurationError, SchemaError
from airflow_provider_hubspot_deals.migrations.__main__ import main
from tests.integration.catalog import description


def run_script(url: str, script: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(script.encode())


def test_the_printed_script_makes_the_same_schema(empty_database_url: str, database_url: str) -> None:
    run_script(empty_database_url, migrations.upgrade_sql())
    assert description(empty_database_url) == description(database_url)
    with psycopg.connect(empty_database_url) as connection:
        migrations.check(connection)


@pytest.mark.parametrize("schema", ["hubspot", "user"])
def test_a_script_from_a_revision_on_takes_an_older_schema_along(empty_database_url: str, schema: str) -> None:
    migrations.upgrade(empty_database_url, schema, "0003")
    run_script(empty_database_url, migrations.upgrade_sql(schema, "0003:head"))
    with psycopg.connect(empty_database_url) as connection:
        migrations.check(connection, schema)


def test_the_command_prints_the_script_without_a_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["migrations", "sql"])
    assert main() == 0
    assert capsys.readouterr().out == migrations.upgrade_sql().rstrip() + "\n"


def test_a_script_to_nowhere_is_refused() -> None:
    with pytest.raises(SchemaError, match="9999"):
        migrations.upgrade_sql("hubspot", "9999")
    with pytest.raises(ConfigurationError, match="lower-case"):
        migrations.upgrade_sql('"; DROP SCHEMA hubspot')
