"""What whoever migrates reads when PostgreSQL or the address of it does not work."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from urllib.parse import urlsplit

import psycopg
import pytest

from airflow_provider_hubspot_deals import migrations
from airflow_provider_hubspot_deals.exceptions import (
    ConfigurationError,
    DatabaseUnavailableError,
    HubSpotDealsError,
    SchemaError,
)
from airflow_provider_hubspot_deals.migrations.__main__ import main
from airflow_provider_hubspot_deals.migrations.database import opener_of
from tests.integration.guests import a_guest

BEYOND_LATIN1 = "SELECT FROM pg_description WHERE description LIKE '%…%'"
NOBODY = "postgresql://loader:S3cret@127.0.0.1:1/warehouse"

Command = Callable[..., str]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def fail(action: str, url: str) -> str:
        monkeypatch.setattr(sys, "argv", ["migrations", action, "--database-url", url])
        assert main() == 1
        return "".join(capsys.readouterr())

    return fail


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://loader:S3c/ret@127.0.0.1:1/w",
        "postgresql://loader:12/S3cret@127.0.0.1:1/w",
        "postgresql://loader:x@S3cret@127.0.0.1:1/w",
        "postgresql://loader:S3c ret@127.0.0.1:1/w",
        "postgresql://loader:S3c%zzret@127.0.0.1:1/w",
        "postgresql+psycopg://loader:S3cret@127.0.0.1:1/w",
        "postgresql://loader:S3cret@127.0.0.1:1/w?S3cret",
    ],
    ids=["slash", "slash behind digits", "at", "space", "percent", "driver", "query"],
)
def test_f18_a_malformed_url_is_refused_without_repeating_any_of_it(url: str, command: Command) -> None:
    with pytest.raises(ConfigurationError) as raised:
        migrations.upgrade(url)
    for said in (str(raised.value), command("upgrade", url), command("check", url)):
        assert "percent-encode" in said
        assert "S3c" not in said
        assert "ret" not in said
    assert "S3c" not in shown(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://loader:S3%2Fc%40ret@127.0.0.1:1/w",
        "postgresql://loader:S3?c#ret@127.0.0.1:1/w?application_name=a@b",
        "postgresql:///w?host=127.0.0.1&port=1&user=a@b",
        "host=127.0.0.1 port=1 password=S3@c/ret",
    ],
    ids=["encoded", "allowed as it is", "all in the query", "keywords"],
)
def test_whatever_libpq_reads_rightly_is_tried(url: str) -> None:
    with pytest.raises(DatabaseUnavailableError, match=r'server at "127\.0\.0\.1", port 1 failed'):
        migrations.upgrade(url)


def test_a_database_that_is_away_is_for_a_retry_and_said_in_one_line(command: Command) -> None:
    with pytest.raises(DatabaseUnavailableError) as raised:
        migrations.upgrade(NOBODY)
    for said in (str(raised.value), command("upgrade", NOBODY), command("check", NOBODY)):
        assert said.strip().endswith("Connection refused")
        assert "S3cret" not in said
        assert "sqlalche.me" not in said
        assert len(said.strip().splitlines()) == 1
    assert "sqlalche.me" not in shown(raised.value)


def test_a_table_that_another_session_locks_is_for_a_retry(database_url: str) -> None:
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE hubspot.schema_version")
        with pytest.raises(DatabaseUnavailableError, match="lock timeout"):
            migrations.downgrade(database_url, "hubspot", "0001")


def test_d16_a_missing_right_to_make_a_schema_is_named_with_its_remedy(empty_database_url: str) -> None:
    with a_guest(empty_database_url) as url:
        with pytest.raises(SchemaError, match="permission denied for database") as raised:
            migrations.upgrade(url, "crm")
        said = str(raised.value)
        assert f"Missing: CREATE on database {name_of(url)} (GRANT CREATE ON DATABASE" in said
        assert "CREATE SCHEMA crm AUTHORIZATION guest_" in said
        assert "CREATE SCHEMA crm_reporting AUTHORIZATION guest_" in said
        assert "[SQL:" not in shown(raised.value)  # the statement, which SQLAlchemy's text would repeat
        by_owner(empty_database_url, f"GRANT CREATE ON DATABASE {name_of(url)} TO {user_of(url)}")
        migrations.upgrade(url, "crm")


def test_d16_the_reporting_schema_is_somebodys_to_make(empty_database_url: str) -> None:
    with a_guest(empty_database_url) as url:
        by_owner(empty_database_url, "DROP SCHEMA hubspot_reporting")
        with pytest.raises(SchemaError, match="permission denied for database") as raised:
            migrations.upgrade(url)
        assert f"CREATE SCHEMA hubspot_reporting AUTHORIZATION {user_of(url)}" in str(raised.value)
        assert "CREATE SCHEMA hubspot AUTHORIZATION" not in str(raised.value)


@pytest.mark.parametrize("privilege", ["USAGE", "CREATE"])
def test_d16_a_missing_privilege_on_a_schema_is_named_with_its_remedy(empty_database_url: str, privilege: str) -> None:
    with a_guest(empty_database_url) as url:
        by_owner(empty_database_url, f"REVOKE {privilege} ON SCHEMA hubspot FROM {user_of(url)}")
        remedy = f"{privilege} on schema hubspot (GRANT {privilege} ON SCHEMA hubspot TO {user_of(url)})"
        with pytest.raises(SchemaError) as raised:
            migrations.upgrade(url)
        assert f"Missing: {remedy}." in str(raised.value)


def test_d16_tables_of_somebody_else_name_their_owner(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url, revision="0004")
    with a_guest(empty_database_url) as url:
        with pytest.raises(SchemaError) as raised:
            migrations.upgrade(url)
        assert f"more (migrate as {user_of(empty_database_url)}, who owns them)." in str(raised.value)


@pytest.mark.parametrize("conninfo", ["host=127.0.0.1 S3cret", "host=127.0.0.1 nonsense=S3cret"])
def test_f18_a_callable_with_a_malformed_connection_says_so_without_repeating_it(conninfo: str) -> None:
    with pytest.raises(HubSpotDealsError, match="malformed") as raised:
        migrations.upgrade(lambda: psycopg.connect(conninfo))
    assert isinstance(raised.value, ConfigurationError)
    assert "S3cret" not in str(raised.value)


def by_owner(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def name_of(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def user_of(url: str) -> str:
    return str(urlsplit(url).username)


def test_a_host_that_vanishes_is_noticed_while_migrating(database_url: str) -> None:
    with opener_of(f"{database_url}?keepalives_idle=7")() as connection:
        parameters = connection.info.get_parameters()
    assert (parameters["connect_timeout"], parameters["tcp_user_timeout"]) == ("10", "60000")
    assert (parameters["keepalives_idle"], parameters["keepalives_count"]) == ("7", "3")


@pytest.mark.parametrize(
    "setting", ["client_encoding = LATIN1", "client_encoding = SQL_ASCII", "transaction_timeout = 300"]
)
def test_d26_hostile_settings_of_the_database_bend_nothing_of_the_schema(empty_database_url: str, setting: str) -> None:
    try:
        by_owner(empty_database_url, f'ALTER DATABASE "{name_of(empty_database_url)}" SET {setting}')
    except psycopg.errors.UndefinedObject:
        pytest.skip(f"this PostgreSQL has no {setting.partition(' ')[0]}")

    migrations.upgrade(empty_database_url)

    with psycopg.connect(empty_database_url, client_encoding="utf8") as connection:
        migrations.check(connection)
        assert connection.execute(BEYOND_LATIN1).fetchall() != []
