"""Roles come and go: what is granted, what is refused, and what is left when a right is taken back."""

from __future__ import annotations

import re
from collections import defaultdict
from importlib.resources import files
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import ForeignKeyViolation, InvalidGrantOperation, RestrictViolation

from airflow_provider_hubspot_deals import migrations
from tests.integration.catalog import description
from tests.integration.deliveries import note_delivery
from tests.integration.roles import DENIED, SUPERUSER, Roles, seen
from tests.integration.tenant import Tenant
from tests.integration.two_tenants import QUESTIONS, fill, leaf_question

WRITES = re.compile(r"(INSERT|UPDATE|DELETE)(?: INTO| FROM)? \{schema\}\.\{?(\w+)")
READS = re.compile(r"(?:FROM|JOIN) \{schema\}\.\{?(\w+)")
CALLS = re.compile(r"SELECT \{schema\}\.(\w+)\(")
LOADING = ("jobs", "deals", "dimensions", "associations", "property_history", "maintenance", "notifications")


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


def everything(tenant: Tenant) -> list[str]:
    return [*QUESTIONS.values(), leaf_question(tenant)]


@pytest.mark.parametrize("kind", ["reader", "bound"])
def test_a_revoked_reader_may_ask_nothing(roles: Roles, acme: Tenant, kind: str) -> None:
    before = description(acme.url)
    reader = roles.reader() if kind == "reader" else roles.bound(acme.id)
    roles.call("revoke_reader", reader)
    with roles.connected(reader, acme.id) as connection:
        assert {seen(connection, question) for question in everything(acme)} == {DENIED}
    assert description(acme.url) == before
    assert acme.query("SELECT * FROM hubspot.reader_organizations") == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM hubspot.reader_organizations",
        "UPDATE hubspot.reader_organizations SET role = (SELECT min(name::oid) FROM unnest(hubspot.readers()) AS name)",
        "DELETE FROM hubspot.organizations WHERE slug = 'acme'",
    ],
    ids=["deleted by hand", "given to another role", "organization erased"],
)
def test_a_reader_that_is_unbound_in_any_way_loses_its_rights_with_it(
    roles: Roles, acme: Tenant, bravo: Tenant, statement: str
) -> None:
    roles.reader()
    bound = roles.bound(acme.id)
    roles.execute(statement)
    with roles.connected(bound, bravo.id) as connection:
        assert {seen(connection, question) for question in everything(bravo)} == {DENIED}


def test_a_reader_that_loses_one_of_two_organizations_keeps_the_other(
    roles: Roles, acme: Tenant, bravo: Tenant
) -> None:
    bound = roles.bound(acme.id, bravo.id)
    roles.execute("DELETE FROM hubspot.reader_organizations WHERE organization_id = %s", acme.id)
    with roles.connected(bound, acme.id) as connection:
        assert seen(connection, QUESTIONS["table"]) == {"bravo"}
        assert seen(connection, leaf_question(bravo)) == {"bravo"}
        assert seen(connection, leaf_question(acme)) == DENIED


def test_readers_are_not_unbound_all_at_once(roles: Roles, acme: Tenant) -> None:
    roles.bound(acme.id)
    with pytest.raises(RestrictViolation, match="revoke_reader"):
        roles.execute("TRUNCATE hubspot.reader_organizations")


def test_a_leaf_that_comes_later_belongs_to_its_bound_reader_and_the_loaders(
    roles: Roles, acme: Tenant, bravo: Tenant
) -> None:
    bound, reader, loader = roles.bound(acme.id), roles.reader(), roles.loader()
    later = [Tenant(acme.url, tenant.slug, type="sandbox") for tenant in (acme, bravo)]
    for tenant in later:
        fill(tenant)
    for role, expected in ((bound, [{"acme"}, DENIED]), (reader, [DENIED] * 2), (loader, [{"acme"}, {"bravo"}])):
        with roles.connected(role, acme.id) as connection:
            assert [seen(connection, leaf_question(tenant)) for tenant in later] == expected


def test_a_renamed_role_stays_what_it_was(roles: Roles, acme: Tenant, bravo: Tenant) -> None:
    bound = roles.bound(acme.id)
    with roles.connected(bound, bravo.id) as connection:
        roles.execute(f"ALTER ROLE {bound} RENAME TO {bound}_x")
        try:
            assert seen(connection, QUESTIONS["table"]) == {"acme"}
        finally:
            roles.execute(f"ALTER ROLE {bound}_x RENAME TO {bound}")


def test_granting_twice_is_granting_once(roles: Roles, acme: Tenant) -> None:
    loader, reader, bound = roles.loader(), roles.reader(), roles.bound(acme.id)
    before = description(acme.url)
    roles.call("grant_loader", loader)
    roles.call("grant_reader", reader)
    roles.call("bind_reader", bound, acme.id)
    assert description(acme.url) == before


def test_a_loader_becomes_no_reader_nor_the_reverse(roles: Roles, acme: Tenant) -> None:
    loader, reader = roles.loader(), roles.reader()
    member = roles.login(member_of=loader)
    for role in (loader, member, SUPERUSER):
        with pytest.raises(InvalidGrantOperation):
            roles.call("grant_reader", role)
        with pytest.raises(InvalidGrantOperation):
            roles.call("bind_reader", role, acme.id)
    with pytest.raises(InvalidGrantOperation, match="revoke_reader"):
        roles.call("grant_loader", reader)
    with pytest.raises(InvalidGrantOperation, match="is a loader"):
        roles.call("revoke_reader", loader)


def test_binding_to_an_organization_that_is_not_there_is_refused(roles: Roles) -> None:
    with pytest.raises(ForeignKeyViolation, match="is not registered"):
        roles.call("bind_reader", roles.login(), uuid4())


def test_a_role_that_is_dropped_leaves_nobody_unable_to_read(roles: Roles, acme: Tenant) -> None:
    gone, stays = roles.bound(acme.id), roles.bound(acme.id)
    with psycopg.connect(acme.url, autocommit=True) as owner:
        owner.execute(f"GRANT {gone} TO CURRENT_USER")
        owner.execute(f"DROP OWNED BY {gone}")
        owner.execute(f"ALTER ROLE {gone} RENAME TO {gone}_x")
        owner.execute(f"DROP ROLE {gone}_x")
        owner.execute(f"CREATE ROLE {gone} LOGIN")
    with roles.connected(stays) as connection:
        assert seen(connection, QUESTIONS["table"]) == {"acme"}


def test_a_downgrade_takes_every_right_back_before_the_policies_go(roles: Roles, acme: Tenant) -> None:
    made = [roles.reader(), roles.bound(acme.id), roles.loader()]
    migrations.downgrade(acme.url, "hubspot", "0008")
    for role in made:
        with roles.connected(role, acme.id) as connection:
            assert seen(connection, QUESTIONS["table"]) == DENIED
    migrations.upgrade(acme.url)


def test_roles_that_were_there_before_an_upgrade_may_do_what_later_revisions_brought(
    roles: Roles, acme: Tenant, bravo: Tenant
) -> None:
    migrations.downgrade(acme.url, "hubspot", "0010")
    loader, reader, bound = roles.loader(), roles.reader(), roles.bound(bravo.id)

    migrations.upgrade(acme.url)
    for tenant in (acme, bravo):
        note_delivery(tenant, tenant.slug)  # its table went with the downgrade

    with roles.connected(loader) as connection:
        assert migrations.missing_privileges(connection) == []
    for role, slug in ((reader, "acme"), (bound, "bravo")):
        with roles.connected(role, acme.id) as connection:
            assert [seen(connection, question) for question in QUESTIONS.values()] == [{slug}] * len(QUESTIONS)
    with acme.connect() as owner:
        assert migrations.security_findings(owner) == []


def test_a_loader_may_do_what_its_statements_do_and_no_more(database_url: str) -> None:
    """A new statement asks for its privilege in loader_privileges() or loader_functions()."""
    needed, called = defaultdict(set), set()
    for name in LOADING:
        text = files("airflow_provider_hubspot_deals.sql").joinpath(f"{name}.sql").read_text()
        for statement in re.split(r"^-- name: ", text, flags=re.MULTILINE):
            called |= {*CALLS.findall(statement)}
            for command, table in WRITES.findall(statement):
                needed[table].add(command)
                if "ON CONFLICT" in statement and "DO UPDATE" in statement:
                    needed[table].add("UPDATE")
                if "WHERE" in statement or "ON CONFLICT (" in statement:
                    needed[table].add("SELECT")
            for table in READS.findall(statement):
                needed[table].add("SELECT")
    needed["schema_version"] = {"SELECT"}  # migrations.check
    needed["reader_organizations"] = {"SELECT"}  # migrations.security_findings
    called.add("chosen_organization")  # as a reader does, of a loader that asks tenant_deals()
    needed["hubspot_deals"] = {"SELECT", "INSERT"}  # of the documents' own statements, through the reporting view
    needed["job_events"] |= {"SELECT"}  # whoever loads may read what was told of it
    needed["jobs_archive"] = {"SELECT"}
    Tenant(database_url).claim()
    with psycopg.connect(database_url) as connection:
        given = connection.execute("""
            SELECT CASE WHEN hubspot.leaf_organization(relation) IS NULL THEN relname::text ELSE 'leaf' END,
                   hubspot.loader_privileges(relation)
            FROM hubspot.our_relations() AS relation JOIN pg_class ON oid = relation
        """).fetchall()
        callable_ones = seen(connection, "SELECT split_part(f::text, '(', 1) FROM hubspot.loader_functions() AS f")
    assert {table: set(privileges) for table, privileges in given if privileges} == dict(needed)
    called |= {"tell", "ensure_job_events_partition", "requeue_quarantine"}  # of triggers, and for a person
    assert {name.removeprefix("hubspot.") for name in callable_ones} == called


def test_a_bound_role_that_loses_its_binding_sees_nothing(roles: Roles, database_url: str) -> None:
    """As when a dump is restored where one of the bound roles does not exist: COPY refuses them all."""
    acme, bravo = Tenant(database_url, "acme"), Tenant(database_url, "bravo")
    acme.claim()
    bravo.claim()
    bound, reader = roles.bound(acme.id), roles.reader()
    roles.execute("ALTER TABLE hubspot.reader_organizations DISABLE TRIGGER USER")
    roles.execute("DELETE FROM hubspot.reader_organizations")
    for name, slugs in ((bound, set()), (reader, {"bravo"})):
        with roles.connected(name, bravo.id) as connection:
            assert seen(connection, "SELECT slug FROM hubspot.organizations") == slugs
    roles.call("bind_reader", reader, acme.id)
    with roles.connected(reader, bravo.id) as connection:
        assert seen(connection, "SELECT slug FROM hubspot.organizations") == {"acme"}
