"""Every view and every function of both schemas as the catalog lists them, so that a new one is tried as well."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from tests.integration.roles import Roles
from tests.integration.tenant import Tenant
from tests.integration.two_tenants import fill

VIEWS = """
SELECT oid::regclass::text, relkind FROM pg_class
WHERE relkind IN ('v', 'm') AND relnamespace IN ('hubspot'::regnamespace, 'hubspot_reporting'::regnamespace) ORDER BY 1
"""
DEFINERS = """
SELECT oid::regprocedure::text, has_function_privilege(%s::name, oid, 'EXECUTE') FROM pg_proc
WHERE prosecdef AND pronamespace = 'hubspot'::regnamespace ORDER BY 1
"""
TABLES = """
SELECT relname FROM pg_class
WHERE relkind IN ('r', 'p') AND relnamespace = 'hubspot'::regnamespace AND NOT relispartition ORDER BY 1
"""
# What a loader may make for itself: a table of each of our tables' names. Whoever takes it for ours fails, as it has no
# columns, or is noted by its trigger.
TRAPS = """
CREATE TEMPORARY TABLE caught (role text, place text);
GRANT ALL ON pg_temp.caught TO PUBLIC;
CREATE FUNCTION pg_temp.catch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO pg_temp.caught VALUES (current_user, tg_table_name);
    RETURN NULL;
END $$;
GRANT EXECUTE ON FUNCTION pg_temp.catch() TO PUBLIC;
"""
TRAP = """
CREATE TEMPORARY TABLE {name} ();
GRANT ALL ON pg_temp.{name} TO PUBLIC;
CREATE TRIGGER catch AFTER INSERT OR UPDATE OR DELETE ON pg_temp.{name}
FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.catch()
"""
CALLS = (
    "ensure_deals_partition('{organization}', 'sandbox')",
    "allow_negative_amounts('{organization}', 'standard', true)",
    "ensure_job_events_partition(now() + interval '1 year')",
    "archive_jobs()",
    "expire_archive()",
    "expire_usage()",
    "expire_quarantine()",
    "expire_notifications()",
    "drop_job_events_before('2020-01-01')",
    "analyze_deals()",
)


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


def listed(url: str, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode(), parameters or None).fetchall()


def shown(connection: psycopg.Connection[Any], view: str) -> str:
    """All that a view gives, as text."""
    rows = connection.execute(sql.SQL("SELECT shown FROM {} AS shown").format(sql.Identifier(*view.split("."))))
    return "\n".join(str(row[0]) for row in rows)


@pytest.mark.parametrize("kind", ["reader", "bound"])
def test_f06_every_view_shows_a_reader_its_own_organization_alone(
    roles: Roles, acme: Tenant, bravo: Tenant, kind: str
) -> None:
    views = [name for name, kind in listed(acme.url, VIEWS) if kind == "v"]
    role = roles.reader() if kind == "reader" else roles.bound(acme.id)
    with roles.connected(role, acme.id) as connection:
        given = {view: shown(connection, view) for view in views}
    assert len(given) >= 4
    assert [view for view, text in given.items() if "acme" not in text and str(acme.id) not in text] == []
    assert [view for view, text in given.items() if "bravo" in text or str(bravo.id) in text] == []


def test_f06_no_rows_are_kept_in_a_materialized_view(acme: Tenant) -> None:
    assert {kind for _, kind in listed(acme.url, VIEWS)} == {"v"}


def test_f06_no_reader_may_call_a_function_that_works_as_the_owner(roles: Roles, acme: Tenant) -> None:
    for role in (roles.reader(), roles.bound(acme.id)):
        callable_ones = listed(acme.url, DEFINERS, role)
        assert len(callable_ones) >= 10
        assert [name for name, may_call in callable_ones if may_call] == []


def test_f06_functions_that_work_as_the_owner_meet_no_table_of_their_callers(roles: Roles, acme: Tenant) -> None:
    loader = roles.loader()
    named = {name.partition("(")[0].removeprefix("hubspot.") for name, may in listed(acme.url, DEFINERS, loader) if may}
    assert named <= {call.partition("(")[0] for call in CALLS}, "a new one: give it a call"
    (job,) = acme.query("SELECT id FROM hubspot.jobs")
    with roles.connected(loader) as connection:
        connection.execute(TRAPS)
        for (name,) in listed(acme.url, TABLES):
            connection.execute(sql.SQL(TRAP).format(name=sql.Identifier(name)))
        connection.execute("SET search_path TO pg_temp, public")
        connection.execute("DELETE FROM jobs")
        assert connection.execute("SELECT role, place FROM caught").fetchall() == [(loader, "jobs")]  # they do work
        for call in CALLS:
            connection.execute(f"SELECT hubspot.{call.format(organization=acme.id)}")
        change_what_triggers_watch(connection, job["id"], acme.id)
        caught = connection.execute("SELECT DISTINCT role, place FROM caught").fetchall()
    assert caught == [(loader, "jobs")]


def change_what_triggers_watch(connection: psycopg.Connection[Any], job: UUID, organization: UUID) -> None:
    """Their functions work as the owner, too."""
    connection.execute("UPDATE hubspot.jobs SET api_calls = api_calls + 1 WHERE id = %s", [job])
    connection.execute("UPDATE hubspot.jobs SET status = 'cancelled' WHERE id = %s", [job])
    connection.execute("UPDATE hubspot.sync_state SET watermark = now() WHERE organization_id = %s", [organization])
