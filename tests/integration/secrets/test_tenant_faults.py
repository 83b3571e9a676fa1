"""One organization's token, settings, size or troubles never reach another's deals."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException
from psycopg.errors import InsufficientPrivilege

import airflow_provider_hubspot_deals
from airflow_provider_hubspot_deals import jobs, loading, sql
from airflow_provider_hubspot_deals.exceptions import ConfigurationError, RetriableError
from hubspot_simulator import FaultRule
from tests.builders import a_row
from tests.integration.roles import Roles
from tests.integration.secrets.conftest import OAUTH, PRIVATE, World
from tests.integration.tenant import Tenant, a_run, tables_of

TENANT_COLUMNS = ("organization_id", "_organization_id")
UNREADABLE_ANYWAY = ("pickle", "marshal", "shelve", "dill", "yaml")


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url, "acme")


@pytest.fixture
def bravo(database_url: str) -> Tenant:
    return Tenant(database_url, "bravo")


def deals_of(world: World, organization: str) -> int:
    with psycopg.connect(world.owner_url) as owner:
        row = owner.execute(
            "SELECT count(*) FROM hubspot.hubspot_deals JOIN hubspot.organizations ON id = _organization_id"
            " WHERE slug = %s",
            [organization],
        ).fetchone()
    return row[0] if row else 0


def test_f01_a_token_of_another_organization_loads_nothing(world: World) -> None:
    assert world.run().error is None
    own, world.organization = world.organization, f"{world.organization}-other"
    evidence = world.run()
    assert isinstance(evidence.error, AirflowFailException)
    assert "belongs to another organization" in str(evidence.error)
    assert (deals_of(world, own), deals_of(world, world.organization)) == (PRIVATE.deals + 4, 0)


def test_f01_a_token_that_was_changed_for_another_portals_loads_nothing(world: World) -> None:
    world.run()
    world.oauth()
    evidence = world.run(mode="full")
    assert isinstance(evidence.error, AirflowFailException)
    assert f"opens portal {OAUTH.portal_id}" in str(evidence.error)
    assert deals_of(world, world.organization) == PRIVATE.deals + 4


def test_f17_the_troubles_of_one_portal_hold_up_no_other(world: World) -> None:
    world.simulator.add_fault(FaultRule(fault="status", status=429, portal_id=PRIVATE.portal_id, times=None))
    assert isinstance(world.run().error, RetriableError)
    world.organization += "-other"
    world.oauth()
    evidence = world.run()
    assert evidence.error is None
    assert json.loads(evidence.by_sink["XCom"])["rate_limit_hits"] == 0


def test_f03_every_table_of_tenants_forces_its_policies_upon_its_owner(acme: Tenant, bravo: Tenant) -> None:
    for tenant in (acme, bravo):
        tenant.store(tenant.claim(), a_row(1))
    unforced = acme.query(
        "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = ANY (%s)"
        " WHERE n.nspname = 'hubspot' AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)",
        list(TENANT_COLUMNS),
    )
    assert unforced == []


def test_f10_a_reader_cannot_probe_for_keys_of_others(acme: Tenant, bravo: Tenant, roles: Roles) -> None:
    job = bravo.claim()
    bravo.store(job, a_row(1))
    acme.claim()
    reader = roles.reader()
    tables = acme.query(
        "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'hubspot' AND c.relkind IN ('r', 'p')"
    )
    with roles.connected(reader, acme.id) as connection:
        for table in tables:
            with pytest.raises(InsufficientPrivilege):
                connection.execute(
                    psycopg.sql.SQL("INSERT INTO hubspot.{} DEFAULT VALUES").format(
                        psycopg.sql.Identifier(table["relname"])
                    )
                )


def test_f12_d19_a_transaction_leaves_nothing_on_its_session(acme: Tenant) -> None:
    settings = "SELECT name, setting FROM pg_settings ORDER BY name"
    left = (
        "SELECT (SELECT count(*) FROM pg_prepared_statements)"
        " + (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory')"
        " + (SELECT count(*) FROM pg_class WHERE relpersistence = 't')"
    )
    job = acme.claim()
    with acme.connect() as connection:
        before = connection.execute(settings, prepare=False).fetchall()
        for number in range(8):  # psycopg prepares what comes for the sixth time
            with sql.transaction(connection):
                jobs.lock_fence(connection, job)
                loading.store(connection, tables_of(job), job.keys, [a_row(number + 1)])
        assert connection.execute(settings, prepare=False).fetchall() == before
        assert connection.execute(left, prepare=False).fetchone() == (0,)


def test_f13_a_reader_learns_nothing_of_others_from_the_planners_statistics(
    acme: Tenant, bravo: Tenant, roles: Roles
) -> None:
    for tenant in (acme, bravo):
        tenant.store(tenant.claim(), *(a_row(n, dealname=f"deal of {tenant.slug}") for n in range(1, 50)))
    acme.execute("ANALYZE")
    with roles.connected(roles.reader(), acme.id) as connection:
        shown = connection.execute("SELECT tablename, statistic::text FROM pg_stats AS statistic").fetchall()
    assert not [row for row in shown if "deal of bravo" in row[1]]
    assert not [row for row in shown if row[0].startswith("hubspot_deals_")]


def test_f15_a_renamed_organization_keeps_its_deals_and_its_name_may_not_be_taken(acme: Tenant) -> None:
    acme.store(acme.claim(), a_row(1))
    job = acme.claim(organization="acme-renamed")
    assert (job.organization_id, acme.deal()["hubspot_deal_id"]) == (acme.id, 1)
    with pytest.raises(ConfigurationError, match="acme-renamed"):
        acme.claim(a_run("third"), organization="acme-renamed", organization_id=uuid4())


def test_f15_a_name_that_is_used_again_begins_with_nothing(acme: Tenant) -> None:
    acme.store(acme.claim(), a_row(1))
    acme.query("SELECT hubspot.erase_organization(%s)", acme.id)
    job = acme.claim(a_run("again"), organization_id=uuid4())
    assert (job.mode, job.watermark, job.checkpoint) == ("full", None, None)
    assert acme.query("SELECT 1 FROM hubspot.hubspot_deals") == []


def test_f29_nothing_that_was_stored_is_ever_run(world: World) -> None:
    evidence = world.run()
    assert isinstance(json.loads(evidence.by_sink["XCom"]), dict)
    package = Path(airflow_provider_hubspot_deals.__file__).parent
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in names} & set(UNREADABLE_ANYWAY), path
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            assert called not in {"eval", "exec", "__import__"}, path
