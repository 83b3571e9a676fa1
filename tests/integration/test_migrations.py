"""The schema goes up, down and up again, by one migrator or two, with and without data."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from itertools import pairwise
from uuid import uuid4

import psycopg
import pytest
from alembic.script import ScriptDirectory
from psycopg import sql

from airflow_provider_hubspot_deals import migrations
from airflow_provider_hubspot_deals.exceptions import ConfigurationError, DatabaseUnavailableError, SchemaError
from airflow_provider_hubspot_deals.migrations import locks
from airflow_provider_hubspot_deals.migrations.__main__ import main
from local_stack.databases import DatabaseServer
from tests.integration.catalog import description
from tests.integration.guests import a_guest

REVISIONS = [script.revision for script in reversed([*ScriptDirectory(str(files(migrations))).walk_revisions()])]


def revision_of(url: str, schema: str = "hubspot") -> str | None:
    with psycopg.connect(url) as connection:
        return migrations.current(connection, schema)


def refusal(url: str, schema: str = "hubspot") -> str:
    """What `check` says."""
    with psycopg.connect(url) as connection, pytest.raises(SchemaError) as raised:
        migrations.check(connection, schema)
    return str(raised.value)


def a_deal(url: str, deal_id: int = 1) -> None:
    """Store an organization, its job and a deal, as the first release would have left them."""
    organization = uuid4()
    with psycopg.connect(url, options="-c search_path=hubspot") as connection:
        connection.execute("INSERT INTO organizations (id, slug) VALUES (%s, 'acme')", [organization])
        connection.execute("INSERT INTO jobs (organization_id, scan_id) VALUES (%s, 'first')", [organization])
        connection.execute("SELECT ensure_deals_partition(%s, 'standard')", [organization])
        connection.execute(
            "INSERT INTO hubspot_deals (hubspot_deal_id, _organization_id, _tenant_id) VALUES (%s, %s, %s)",
            [deal_id, organization, organization],
        )


def test_head_is_the_newest_revision_and_the_chain_has_no_branch() -> None:
    assert sorted(REVISIONS) == REVISIONS
    assert REVISIONS[-1] == migrations.HEAD


def test_g07_up_down_to_base_and_up_again_gives_the_same_schema(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url)
    first = description(empty_database_url)
    migrations.downgrade(empty_database_url, "hubspot", "base")
    assert description(empty_database_url) == []
    migrations.upgrade(empty_database_url)
    assert description(empty_database_url) == first


def test_g07_each_revision_undoes_itself(empty_database_url: str) -> None:
    for below, above in pairwise(["base", *REVISIONS]):
        if below != "base":
            migrations.upgrade(empty_database_url, revision=below)
        before = description(empty_database_url) if below != "base" else []
        migrations.upgrade(empty_database_url, revision=above)
        after = description(empty_database_url)
        migrations.downgrade(empty_database_url, "hubspot", below)
        assert description(empty_database_url) == before
        migrations.upgrade(empty_database_url, revision=above)
        assert description(empty_database_url) == after


def test_g07_running_twice_changes_nothing(database_url: str) -> None:
    before = description(database_url)
    migrations.upgrade(database_url)
    assert description(database_url) == before
    assert revision_of(database_url) == migrations.HEAD


@pytest.mark.parametrize("start", [None, "0004"])
def test_g07_two_migrators_at_once_wait_for_each_other(
    empty_database_url: str, database_url: str, start: str | None
) -> None:
    if start:
        migrations.upgrade(empty_database_url, revision=start)
    with ThreadPoolExecutor() as threads:
        for done in [threads.submit(migrate_in_a_process, empty_database_url) for _ in range(2)]:
            assert done.result() == ""
    assert description(empty_database_url) == description(database_url)


def test_g07_a_migrator_that_never_ends_is_waited_for_a_while(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "MIGRATOR_TIMEOUT", "200ms")
    with psycopg.connect(empty_database_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('migrate hubspot', 0))")
        with pytest.raises(DatabaseUnavailableError, match="lock timeout"):
            migrations.upgrade(empty_database_url)
    migrations.upgrade(empty_database_url)
    assert revision_of(empty_database_url) == migrations.HEAD


def test_an_upgrade_to_where_the_schema_has_been_changes_nothing(database_url: str) -> None:
    before = description(database_url)
    migrations.upgrade(database_url, revision="0002")
    assert description(database_url) == before
    assert revision_of(database_url) == migrations.HEAD


def migrate_in_a_process(url: str) -> str:
    """Alembic's context is one per process. Gives what went wrong."""
    command = [sys.executable, "-m", "airflow_provider_hubspot_deals.migrations", "upgrade", "--database-url", url]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr  # noqa: S603 - our own command


@pytest.mark.parametrize("schema", ["crm", "analyse", "_s"])
def test_any_schema_name_gives_the_same_schema(empty_database_url: str, database_url: str, schema: str) -> None:
    migrations.upgrade(empty_database_url, schema)
    assert description(empty_database_url, schema) == description(database_url)
    with psycopg.connect(empty_database_url) as connection:
        migrations.check(connection, schema)
        assert connection.execute("SELECT to_regnamespace('hubspot')").fetchone() == (None,)


def test_the_longest_schema_name_leaves_room_for_the_reporting_schema(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url, "x" * 63)
    with psycopg.connect(empty_database_url) as connection:
        found = connection.execute("SELECT schemaname FROM pg_views WHERE viewname = 'hubspot_deals'").fetchall()
    assert found == [("x" * 53 + "_reporting",)]
    migrations.downgrade(empty_database_url, "x" * 63, "base")


def test_two_schemas_of_one_database_stay_apart(database_url: str) -> None:
    migrations.upgrade(database_url, "crm")
    migrations.downgrade(database_url, "crm", "base")
    assert revision_of(database_url) == migrations.HEAD


@pytest.mark.parametrize("schema", ["", "Crm", "a b", "a;b", '"', "1a", "pg_deals", "x" * 64, "é", "a\n"])
def test_f28_a_schema_name_that_would_need_quotes_is_refused(empty_database_url: str, schema: str) -> None:
    with pytest.raises(ConfigurationError, match="lower-case"):
        migrations.upgrade(empty_database_url, schema)


def test_check_passes_at_head_and_writes_nothing(database_url: str) -> None:
    with psycopg.connect(database_url, options="-c default_transaction_read_only=on") as connection:
        migrations.check(connection)


def test_check_of_a_database_without_our_schema_says_what_to_run(empty_database_url: str) -> None:
    assert migrations.UPGRADE_COMMAND in refusal(empty_database_url)


def test_check_after_a_downgrade_to_base_says_what_to_run(database_url: str) -> None:
    migrations.downgrade(database_url, "hubspot", "base")
    assert migrations.UPGRADE_COMMAND in refusal(database_url)


def test_check_of_a_schema_that_is_behind_says_what_to_run(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url, revision="0001")
    message = refusal(empty_database_url)
    assert "is at revision 0001, behind" in message
    assert migrations.UPGRADE_COMMAND in message


def test_check_of_a_schema_that_is_ahead_says_to_upgrade_the_package(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE hubspot.schema_version SET version_num = '9999'")
    message = refusal(database_url)
    assert "ahead of" in message
    assert "pip install --upgrade airflow-provider-hubspot-deals" in message
    with pytest.raises(SchemaError) as raised:
        migrations.upgrade(database_url)
    assert str(raised.value) == message
    with pytest.raises(SchemaError) as raised:
        migrations.downgrade(database_url, "hubspot", "0001")
    assert str(raised.value) == message


def test_d25_check_of_a_database_that_is_not_utf8_says_so(postgres_server: DatabaseServer) -> None:
    name = f"latin1_{uuid4().hex}"
    options = "TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} " + options).format(sql.Identifier(name)))
    try:
        message = refusal(postgres_server.url_of(name))
        assert "LATIN1" in message
        assert "UTF8" in message
    finally:
        postgres_server.drop_database(name)


def test_a_callable_that_opens_a_connection_will_do(empty_database_url: str, database_url: str) -> None:
    migrations.upgrade(lambda: psycopg.connect(empty_database_url))
    assert description(empty_database_url) == description(database_url)


@pytest.mark.parametrize("autocommit", [False, True])
def test_a_migration_that_fails_changes_nothing(empty_database_url: str, *, autocommit: bool) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE SCHEMA hubspot")
        connection.execute("CREATE TABLE hubspot.deals_quarantine ()")  # in the way of the last revision
    before = description(empty_database_url)
    with pytest.raises(SchemaError, match="already exists"):
        migrations.upgrade(lambda: psycopg.connect(empty_database_url, autocommit=autocommit))
    assert description(empty_database_url) == before
    assert revision_of(empty_database_url) is None


def test_deals_survive_a_downgrade_that_does_not_drop_their_table(database_url: str) -> None:
    a_deal(database_url)
    before = description(database_url)
    migrations.downgrade(database_url, "hubspot", "0002")
    migrations.upgrade(database_url)
    assert description(database_url) == before
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT hubspot_deal_id FROM hubspot.hubspot_deals").fetchall() == [(1,)]
        assert connection.execute("SELECT scan_id FROM hubspot.jobs").fetchall() == [("first",)]


def test_a_downgrade_to_base_removes_deals_and_leaves_too(database_url: str) -> None:
    a_deal(database_url)
    migrations.downgrade(database_url, "hubspot", "base")
    assert description(database_url) == []


def test_a_role_that_may_create_no_schema_can_use_one_made_for_it(empty_database_url: str) -> None:
    with a_guest(empty_database_url) as url:
        migrations.upgrade(url)
        a_deal(url)
        assert revision_of(url) == migrations.HEAD


def test_the_command_migrates_checks_and_says_what_is_wrong(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(*arguments: str) -> tuple[int, str]:
        line = ["migrations", *arguments, "--schema", "crm", "--database-url", empty_database_url]
        monkeypatch.setattr(sys, "argv", line)
        return main(), "".join(capsys.readouterr())

    assert command("check") == (1, f"Schema 'crm' has no HubSpot deals tables yet. Run: {migrations.UPGRADE_COMMAND}\n")
    assert command("upgrade") == (0, f"Schema 'crm' is at revision {migrations.HEAD}.\n")
    assert command("check")[0] == 0
    with pytest.raises(SystemExit):
        command("downgrade")  # which would remove every deal if it had a default
    assert "downgrade needs --revision" in capsys.readouterr().err
    assert command("downgrade", "--revision", "base")[0] == 0
    assert command("upgrade", "--revision", "9999")[0] == 1
