"""What each kind of reader sees of two organizations, on every way to their rows."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import InvalidParameterValue

from tests.integration.roles import DENIED, SUPERUSER, Roles, seen
from tests.integration.tenant import Tenant
from tests.integration.two_tenants import BRANCH, QUESTIONS, fill, leaf_question

pytestmark = pytest.mark.usefixtures("acme", "bravo")


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


def answers(connection: psycopg.Connection) -> dict[str, set[str]]:
    return {way: seen(connection, question) for way, question in QUESTIONS.items()}


def all_ways(*slugs: str) -> dict[str, set[str]]:
    return {way: set(slugs) for way in QUESTIONS}


@pytest.mark.parametrize("tenant", [None, "", uuid4()], ids=["unset", "empty", "nobody's"])
def test_f07_a_reader_that_names_no_organization_sees_nothing(roles: Roles, tenant: object) -> None:
    with roles.connected(roles.reader(), tenant) as connection:
        assert answers(connection) == all_ways()


def test_f07_a_setting_that_ended_with_its_transaction_leaves_nothing_to_see(roles: Roles, acme: Tenant) -> None:
    with roles.connected(roles.reader()) as connection:
        with connection.transaction():
            connection.execute("SELECT set_config('app.current_tenant', %s, true)", [str(acme.id)])
            assert answers(connection) == all_ways("acme")
        assert connection.execute("SHOW app.current_tenant").fetchone() == ("",)
        assert answers(connection) == all_ways()


def test_a_reader_sees_the_organization_that_it_names(roles: Roles, acme: Tenant, bravo: Tenant) -> None:
    reader = roles.reader()
    for tenant in (acme, bravo):
        with roles.connected(reader, tenant.id) as connection:
            assert answers(connection) == all_ways(tenant.slug)


def test_f05_a_reader_may_not_read_leaves_and_branches(roles: Roles, acme: Tenant) -> None:
    with roles.connected(roles.reader(), acme.id) as connection:
        assert seen(connection, leaf_question(acme)) == DENIED
        assert seen(connection, BRANCH) == DENIED


@pytest.mark.parametrize("spelling", [str.upper, "{{{}}}".format, lambda text: text.replace("-", "")])
def test_f16_an_organization_id_of_another_spelling_is_the_same(
    roles: Roles, acme: Tenant, spelling: Callable[[str], str]
) -> None:
    with roles.connected(roles.reader(), spelling(str(acme.id))) as connection:
        assert answers(connection) == all_ways("acme")


@pytest.mark.parametrize("tenant", ["acme", "x' OR true --", "00000000-0000-4000-8000-00000000000g", "é"])
def test_f16_a_tenant_that_is_no_uuid_is_refused_with_a_sentence(roles: Roles, tenant: str) -> None:
    with (
        roles.connected(roles.reader(), tenant) as connection,
        pytest.raises(InvalidParameterValue, match="must be the id of an organization") as raised,
    ):
        connection.execute(QUESTIONS["table"])
    assert tenant not in str(raised.value)


def test_f08_a_bound_reader_sees_its_organization_whatever_it_sets(roles: Roles, acme: Tenant, bravo: Tenant) -> None:
    bound = roles.bound(acme.id)
    for setting in (None, "", acme.id, bravo.id, "nonsense"):
        with roles.connected(bound, setting) as connection:
            assert answers(connection) == all_ways("acme")
            assert seen(connection, leaf_question(acme)) == {"acme"}
            assert seen(connection, leaf_question(bravo)) == DENIED
            assert seen(connection, BRANCH) == DENIED


def test_a_reader_bound_to_two_organizations_sees_both(roles: Roles, acme: Tenant, bravo: Tenant) -> None:
    with roles.connected(roles.bound(acme.id, bravo.id), acme.id) as connection:
        assert answers(connection) == all_ways("acme", "bravo")


def test_f08_a_member_of_a_bound_role_is_bound(roles: Roles, acme: Tenant, bravo: Tenant) -> None:
    with roles.connected(roles.login(member_of=roles.bound(acme.id)), bravo.id) as connection:
        assert answers(connection) == all_ways("acme")


def test_f08_a_bound_login_stays_bound_in_the_role_of_a_reader(roles: Roles, acme: Tenant, bravo: Tenant) -> None:
    bound, reader = roles.bound(acme.id), roles.reader()
    roles.execute(f"GRANT {reader} TO {bound}")
    with roles.connected(bound, bravo.id) as connection:
        connection.execute(f"SET ROLE {reader}")
        assert answers(connection) == all_ways("acme")


def test_a_login_takes_on_the_organization_of_the_role_that_it_sets(roles: Roles, acme: Tenant, bravo: Tenant) -> None:
    pooler = roles.login(inherits=False)
    for tenant in (acme, bravo):
        bound = roles.bound(tenant.id)
        roles.execute(f"GRANT {bound} TO {pooler}")
        with roles.connected(pooler) as connection:
            assert seen(connection, QUESTIONS["table"]) == DENIED
            connection.execute(f"SET ROLE {bound}")
            assert answers(connection) == all_ways(tenant.slug)


def test_a_superuser_in_the_role_of_a_reader_sees_what_the_reader_sees(
    roles: Roles, acme: Tenant, bravo: Tenant
) -> None:
    bound, reader = roles.bound(acme.id), roles.reader()
    with roles.connected(SUPERUSER, bravo.id) as connection:
        connection.execute(f"SET ROLE {reader}")
        assert answers(connection) == all_ways("bravo")
        connection.execute(f"SET ROLE {bound}")
        assert answers(connection) == all_ways("acme")


def test_parallel_workers_see_what_their_leader_sees(roles: Roles, acme: Tenant) -> None:
    names = ["debug_parallel_query", "force_parallel_mode"]  # the name since PostgreSQL 16, and the one before
    with roles.connected(roles.reader(), acme.id) as connection:
        connection.execute("SELECT set_config(name, 'on', false) FROM pg_settings WHERE name = ANY (%s)", [names])
        assert answers(connection) == all_ways("acme")


def test_f27_no_reader_sees_the_bytes_of_a_bad_record(roles: Roles, acme: Tenant) -> None:
    for reader in (roles.reader(), roles.bound(acme.id)):
        with roles.connected(reader, acme.id) as connection:
            assert seen(connection, "SELECT raw FROM hubspot.deals_quarantine") == DENIED
            assert seen(connection, "SELECT deals_quarantine FROM hubspot.deals_quarantine") == DENIED


def test_tenant_deals_gives_one_type_and_no_row_of_an_unknown_one(roles: Roles, acme: Tenant) -> None:
    sandbox = Tenant(acme.url, "acme", type="sandbox")
    sandbox.claim()
    with roles.connected(roles.reader(), acme.id) as connection:
        assert seen(connection, "SELECT _type FROM hubspot.tenant_deals()") == {"standard"}
        for label in ("sandbox", "nothing", "x' OR true --", None):
            assert seen(connection, "SELECT _type FROM hubspot.tenant_deals(%s)", label) == set()


def test_tenant_deals_locks_one_leaf_only(roles: Roles, acme: Tenant) -> None:
    locked = """
        SELECT relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation
        WHERE pid = pg_backend_pid() AND relname LIKE 'hubspot_deals_standard_%' AND relkind = 'r'
    """
    with roles.connected(roles.reader(), acme.id) as connection, connection.transaction():
        connection.execute("SELECT count(*) FROM hubspot.tenant_deals()")
        assert seen(connection, locked) == {f"hubspot_deals_standard_{acme.id.hex}"}
