"""The catalog check: silent when all is well, and loud about each way to open it."""

from __future__ import annotations

import sys
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from airflow_provider_hubspot_deals import migrations, sql
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from airflow_provider_hubspot_deals.migrations import security
from airflow_provider_hubspot_deals.migrations.__main__ import main
from tests.integration.guests import a_guest
from tests.integration.openings import BY_A_SUPERUSER, BY_THE_OWNER
from tests.integration.roles import SUPERUSER, Roles
from tests.integration.tenant import Tenant


@pytest.fixture
def acme(database_url: str) -> Tenant:
    tenant = Tenant(database_url, "acme")
    tenant.claim()
    return tenant


def findings(url: str, schema: str = "hubspot") -> list[str]:
    with psycopg.connect(url) as connection:
        return migrations.security_findings(connection, schema)


def test_a_fresh_schema_has_no_findings(database_url: str) -> None:
    assert findings(database_url) == []


@pytest.mark.parametrize("schema", ["crm", "user", "x" * 63])
def test_a_schema_of_any_name_has_no_findings(empty_database_url: str, schema: str) -> None:
    migrations.upgrade(empty_database_url, schema)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(f'SELECT "{schema}".ensure_deals_partition(%s, %s)', [uuid4(), "standard"])
    assert findings(empty_database_url, schema) == []


def test_organizations_with_loaders_and_readers_of_every_kind_have_no_findings(roles: Roles, acme: Tenant) -> None:
    loader = roles.loader()
    bound = roles.bound(acme.id)
    roles.reader()
    roles.login(member_of=bound)
    roles.login(member_of=loader)
    for tenant in (Tenant(roles.url_of(loader), "acme", type="sandbox"), Tenant(roles.url_of(loader), "bravo")):
        tenant.claim()
    assert findings(acme.url) == []
    assert findings(roles.url_of(loader)) == []


def test_a_month_of_events_that_comes_later_is_protected(roles: Roles, acme: Tenant) -> None:
    with roles.connected(roles.loader()) as connection:
        made = connection.execute("SELECT hubspot.ensure_job_events_partition(now() + interval '1 year')").fetchone()
    assert made == (True,)
    assert findings(acme.url) == []


def test_a_role_that_owns_only_its_tables_has_no_findings(empty_database_url: str) -> None:
    with a_guest(empty_database_url) as url:
        migrations.upgrade(url)
        assert findings(url) == []


@pytest.mark.parametrize("openings", [BY_THE_OWNER, BY_A_SUPERUSER], ids=["by the owner", "by a superuser"])
def test_i15_whatever_opens_the_rows_to_somebody_is_found(
    roles: Roles, acme: Tenant, openings: dict[str, tuple[str, str]]
) -> None:
    bravo = Tenant(acme.url, "bravo")
    bravo.claim()
    words = {
        "leaf": f"hubspot_deals_standard_{acme.id.hex}",
        "other": f"hubspot_deals_standard_{bravo.id.hex}",
        "other_id": str(bravo.id),
        "reader": roles.reader(),
        "bound": roles.bound(acme.id),
        "loader": roles.loader(),
        "owner": conninfo_to_dict(acme.url)["user"],
    }
    assert findings(acme.url) == []
    overlooked = []
    with psycopg.connect(roles.url_of(SUPERUSER) if openings is BY_A_SUPERUSER else acme.url) as connection:
        for name, (statement, expected) in openings.items():
            connection.execute(statement.format(**words))
            found = migrations.security_findings(connection)
            overlooked += [] if any(expected.format(**words) in line for line in found) else [(name, found)]
            connection.rollback()
    assert overlooked == []


def test_the_check_knows_the_words_of_the_function_that_says_whose_rows_a_reader_sees(database_url: str) -> None:
    """Fails when a revision changes the function: the check is to be given the new sum."""
    with psycopg.connect(database_url) as connection:
        (checksum,) = connection.execute("""
            SELECT md5(prosrc) FROM pg_proc WHERE oid = 'hubspot.visible_organizations()'::regprocedure
        """).fetchone() or ("",)
    assert f"md5(prosrc) <> '{checksum}'" in sql.statement("security_findings.all", schema="hubspot").as_string()


def test_f04_a_superuser_who_checks_is_told_that_no_policy_holds_for_it(roles: Roles) -> None:
    (found,) = findings(roles.url_of(SUPERUSER))
    assert found.startswith(f"role {SUPERUSER}: this connection is a superuser's")


def test_each_remedy_for_a_table_puts_it_right(roles: Roles, acme: Tenant) -> None:
    roles.execute("ALTER TABLE hubspot.jobs DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")
    roles.execute("DROP POLICY loader ON hubspot.sync_state")
    roles.execute("ALTER POLICY reader ON hubspot.sync_state USING (true)")
    found = findings(acme.url)
    assert len(found) == 4
    for line in found:
        roles.execute(line.partition(". ")[2].rstrip("."))
    assert findings(acme.url) == []


def test_an_upgrade_protects_the_leaves_that_it_finds(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url, revision="0004")
    organizations = [uuid4() for _ in range(3)]
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        for organization in organizations:
            connection.execute("SELECT hubspot.ensure_deals_partition(%s, 'standard')", [organization])
    migrations.upgrade(empty_database_url)
    assert findings(empty_database_url) == []


def test_an_upgrade_waits_for_a_leaf_in_use_but_not_for_ever_and_blocks_nobody_meanwhile(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr(security, "PAUSE_S", 0.01)
    leaf = f"hubspot.hubspot_deals_standard_{acme.id.hex}"
    acme.execute(f"ALTER TABLE {leaf} NO FORCE ROW LEVEL SECURITY")
    with psycopg.connect(acme.url) as reading:
        reading.execute(f"SELECT FROM {leaf}")
        with pytest.raises(DatabaseUnavailableError, match=f"{leaf} has no row-level security yet"):
            migrations.upgrade(acme.url)
    assert [line.partition(":")[0] for line in findings(acme.url)] == [leaf]
    migrations.upgrade(acme.url)
    assert findings(acme.url) == []


def test_the_command_lists_every_finding_and_fails(
    roles: Roles, acme: Tenant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["migrations", "check", "--database-url", acme.url])
    assert main() == 0
    roles.execute("GRANT SELECT ON hubspot.jobs, hubspot.sync_state TO PUBLIC")
    assert main() == 1
    said = capsys.readouterr().err.splitlines()
    assert said[1:] == [
        "hubspot.jobs: everybody has SELECT on it. REVOKE ALL ON hubspot.jobs FROM PUBLIC.",
        "hubspot.sync_state: everybody has SELECT on it. REVOKE ALL ON hubspot.sync_state FROM PUBLIC.",
    ]


def test_the_command_tells_a_stranger_what_it_lacks(
    roles: Roles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["migrations", "check", "--database-url", roles.url_of(roles.login())])
    assert main() == 1
    said = capsys.readouterr().err
    assert "permission denied for schema hubspot" in said
    assert "grant_loader" in said
    assert len(said.splitlines()) == 1
