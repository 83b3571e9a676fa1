"""What readers and loaders may change, also when somebody has granted a reader too much."""

from __future__ import annotations

from contextlib import suppress
from itertools import product
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from tests.integration.roles import DENIED, Roles, seen
from tests.integration.tenant import Tenant
from tests.integration.two_tenants import QUESTIONS, fill, leaf_question

INSERT_DEAL = "INSERT INTO {} (hubspot_deal_id, _organization_id, _tenant_id) VALUES (2, %(id)s, %(id)s)"
COMMANDS = {
    "insert": INSERT_DEAL,
    "upsert": INSERT_DEAL + " ON CONFLICT DO NOTHING",
    "update": "UPDATE {} SET dealname = 'x'",
    "move": "UPDATE {} SET _organization_id = %(id)s, _tenant_id = %(id)s",
    "delete": "DELETE FROM {}",
    "merge": "MERGE INTO {} USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
    "truncate": "TRUNCATE {}",
    "copy from": "COPY {} FROM STDIN",
    "lock": "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
    "drop": "DROP TABLE {}",
    "policy": "DROP POLICY reader ON {}",
    "disable": "ALTER TABLE {} DISABLE ROW LEVEL SECURITY",
}

BY_POLICY = ("insert", "upsert", "update", "move", "delete", "merge")  # which a policy stops when privileges do not


@pytest.fixture
def acme(database_url: str) -> Tenant:
    tenant = Tenant(database_url, "acme")
    fill(tenant)
    return tenant


@pytest.fixture
def bravo(database_url: str) -> Tenant:
    tenant = Tenant(database_url, "bravo")
    fill(tenant)
    return tenant


def command(name: str, table: str) -> sql.Composed:
    return sql.SQL(COMMANDS[name]).format(sql.Identifier("hubspot", table))


def leaf(tenant: Tenant) -> str:
    return f"hubspot_deals_standard_{tenant.id.hex}"


def rows_of(tenant: Tenant) -> list[dict[str, Any]]:
    return tenant.query("SELECT * FROM hubspot.hubspot_deals ORDER BY _organization_id")


@pytest.mark.parametrize("kind", ["reader", "bound"])
def test_a_reader_changes_nothing(roles: Roles, acme: Tenant, bravo: Tenant, kind: str) -> None:
    before = rows_of(acme)
    role = roles.reader() if kind == "reader" else roles.bound(acme.id)
    with roles.connected(role, acme.id) as connection:
        for table, name in product(("hubspot_deals", "hubspot_deals_standard", leaf(acme), leaf(bravo)), COMMANDS):
            with pytest.raises(InsufficientPrivilege), connection.transaction():
                connection.execute(command(name, table), {"id": acme.id})
    assert rows_of(acme) == before


def test_f09_a_reader_that_was_granted_writing_by_mistake_still_changes_nothing(
    roles: Roles, acme: Tenant, bravo: Tenant
) -> None:
    before = rows_of(acme)
    tables = ("hubspot_deals", leaf(acme), leaf(bravo))
    for role in (roles.reader(), roles.bound(acme.id)):
        for table in tables:
            grant = sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}")
            roles.execute(grant.format(sql.Identifier("hubspot", table), sql.Identifier(role)))
        with roles.connected(role, acme.id) as connection:
            for table, name, tenant in product(tables, BY_POLICY, (acme, bravo)):
                with suppress(InsufficientPrivilege):  # else it finds no row
                    assert connection.execute(command(name, table), {"id": tenant.id}).rowcount == 0
    assert rows_of(acme) == before


def test_f05_a_leaf_that_was_granted_by_mistake_still_shows_nothing(roles: Roles, acme: Tenant, bravo: Tenant) -> None:
    reader, bound = roles.reader(), roles.bound(acme.id)
    roles.execute(
        sql.SQL("GRANT SELECT ON {} TO {}, {}").format(
            sql.Identifier("hubspot", leaf(bravo)), sql.Identifier(reader), sql.Identifier(bound)
        )
    )
    for role in (reader, bound):
        with roles.connected(role, acme.id) as connection:
            assert seen(connection, leaf_question(bravo)) == set()


def test_f09_copy_to_gives_a_reader_its_own_rows_only(roles: Roles, acme: Tenant, bravo: Tenant) -> None:
    for role in (roles.reader(), roles.bound(acme.id)):
        with roles.connected(role, acme.id) as connection, connection.cursor() as cursor:
            with cursor.copy("COPY (SELECT dealname FROM hubspot.hubspot_deals) TO STDOUT") as copy:
                assert [row[0] for row in copy.rows()] == ["acme"]
            with cursor.copy("COPY hubspot.jobs TO STDOUT") as copy:
                assert str(bravo.id) not in b"".join(map(bytes, copy)).decode()
            with pytest.raises(InsufficientPrivilege), cursor.copy(f"COPY hubspot.{leaf(bravo)} TO STDOUT") as copy:
                list(copy)


@pytest.mark.parametrize("view", ["hubspot.scan_jobs", "hubspot_reporting.hubspot_deals"])
def test_a_reader_writes_through_no_view(roles: Roles, acme: Tenant, view: str) -> None:
    with roles.connected(roles.bound(acme.id)) as connection:
        for statement in ("DELETE FROM {}", "UPDATE {} SET id = id", "INSERT INTO {} (id) VALUES (NULL)"):
            with pytest.raises(InsufficientPrivilege):
                connection.execute(sql.SQL(statement).format(sql.Identifier(*view.split("."))))


@pytest.mark.parametrize(
    "call",
    [
        "grant_loader(current_user::regrole)",
        "grant_reader(current_user::regrole)",
        "bind_reader(current_user::regrole, current_setting('app.current_tenant')::uuid)",
        "protect_table('hubspot.jobs')",
        "ensure_deals_partition(current_setting('app.current_tenant')::uuid, 'sandbox')",
        "allow_negative_amounts(current_setting('app.current_tenant')::uuid, 'standard', true)",
    ],
)
def test_a_reader_calls_no_function_that_changes_something(roles: Roles, acme: Tenant, call: str) -> None:
    with (
        roles.connected(roles.reader(), acme.id) as connection,
        pytest.raises(InsufficientPrivilege, match="permission denied for function"),
    ):
        connection.execute(f"SELECT hubspot.{call}")


def test_a_loader_that_owns_nothing_reads_and_writes_every_organization(roles: Roles, bravo: Tenant) -> None:
    url = roles.url_of(roles.loader())
    for tenant in (Tenant(url, "acme"), Tenant(url, "charlie"), Tenant(url, "charlie", type="sandbox")):
        fill(tenant)
        job = tenant.claim(allow_negative_amounts=True)
        assert job.leaf == f"hubspot_deals_{tenant.type}_{tenant.id.hex}"
        tenant.claim(allow_negative_amounts=False)
    with psycopg.connect(url) as connection:
        assert seen(connection, QUESTIONS["organizations"]) == {"acme", "bravo", "charlie"}
        assert seen(connection, leaf_question(bravo)) == {"bravo"}


@pytest.mark.parametrize("name", ["truncate", "drop", "policy", "disable", "delete"])
def test_f11_a_loader_truncates_drops_and_opens_nothing(roles: Roles, acme: Tenant, name: str) -> None:
    with roles.connected(roles.loader()) as connection:
        for table in ("hubspot_deals", leaf(acme), "jobs", "reader_organizations"):
            with pytest.raises(InsufficientPrivilege):
                connection.execute(command(name, table))
        with pytest.raises(InsufficientPrivilege):
            connection.execute("CREATE TABLE hubspot.mine ()")


def test_a_stranger_may_not_even_name_the_schema(roles: Roles, acme: Tenant) -> None:
    with roles.connected(roles.login(), acme.id) as connection:
        for question in (*QUESTIONS.values(), leaf_question(acme)):
            assert seen(connection, question) == DENIED


def test_f06_a_temporary_table_of_a_leafs_name_does_not_work_as_the_owner(roles: Roles, acme: Tenant) -> None:
    """A trigger of it would run with the owner's rights."""
    unknown = Tenant(acme.url, "unknown")
    with roles.connected(roles.loader()) as connection:
        connection.execute(f"CREATE TEMPORARY TABLE {leaf(unknown)} (amount numeric)")
        connection.execute(f"GRANT ALL ON pg_temp.{leaf(unknown)} TO PUBLIC")
        with pytest.raises(psycopg.errors.UndefinedTable, match="has no leaf"):
            connection.execute("SELECT hubspot.allow_negative_amounts(%s, 'standard', false)", [unknown.id])


@pytest.mark.parametrize(
    ("organization", "label", "said"),
    [
        ("acme", "sixteen_letters_", "up to 15 lower-case letters"),
        ("acme", "a'b", "up to 15 lower-case letters"),
        ("acme", 'a"; DROP TABLE hubspot.jobs; --', "up to 15 lower-case letters"),
        ("acme", "", "up to 15 lower-case letters"),
        ("acme", "Standard", "up to 15 lower-case letters"),
        ("acme", None, "needs an organization and a deal type"),
        (None, "standard", "needs an organization and a deal type"),
    ],
)
def test_f28_a_leaf_of_a_nonsensical_name_is_refused_with_a_sentence(
    roles: Roles, acme: Tenant, organization: str | None, label: str | None, said: str
) -> None:
    with (
        roles.connected(roles.loader()) as connection,
        pytest.raises(psycopg.errors.InvalidParameterValue, match=said),
    ):
        connection.execute("SELECT hubspot.ensure_deals_partition(%s, %s)", [organization and acme.id, label])


def test_f16_another_spelling_of_an_organization_finds_the_same_leaf(roles: Roles, acme: Tenant) -> None:
    spellings = [str(acme.id).upper(), f"{{{acme.id}}}", acme.id.hex, acme.id.hex.upper()]
    with roles.connected(roles.loader()) as connection:
        for spelling in spellings:
            made = connection.execute("SELECT hubspot.ensure_deals_partition(%s, 'standard')", [spelling]).fetchone()
            assert made == (leaf(acme),)
