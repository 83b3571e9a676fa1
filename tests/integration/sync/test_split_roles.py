"""Whole runs by a role that owns nothing; and what an operator reads when that role lacks a privilege."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from airflow_provider_hubspot_deals import migrations, sync
from airflow_provider_hubspot_deals.exceptions import SchemaError
from airflow_provider_hubspot_deals.jobs import JobOrigin
from hubspot_simulator.currencies import kept_rates
from tests.integration.roles import Roles, seen
from tests.integration.sync.conftest import Organization

A_TRY = JobOrigin(dag_id="acme_deals", run_id="run", task_id="load", max_tries=2)


@pytest.fixture
def loader(roles: Roles) -> str:
    return roles.loader()


@pytest.fixture
def loaded_by(acme: Organization, roles: Roles, loader: str) -> Organization:
    """The organization as the loader's connection reaches it."""
    return replace(acme, database_url=roles.url_of(loader))


def test_a_loader_that_owns_nothing_loads_everything(acme: Organization, loaded_by: Organization) -> None:
    summary = loaded_by.sync()
    assert summary.status == "completed"
    assert acme.differences() == []
    assert loaded_by.deals() == acme.deals()


def test_it_loads_what_is_kept_beside_deals(loaded_by: Organization) -> None:
    loaded_by.portal.define_exchange_rates(kept_rates("USD", ("EUR",)))
    settings = {"associations": ("contacts",), "history": ("dealstage",)}
    portal = replace(loaded_by.client().portal_facts(), additional_currencies=("EUR",))
    changed, *_ = sorted(loaded_by.portal.live_deals())
    for _ in range(2):
        with loaded_by.client() as client:
            client.portal_facts = lambda: portal  # type: ignore[method-assign]  # the simulator has one currency
            sync.run(loaded_by.request(mode="full", **settings), client=client, connect=loaded_by.connect)
        loaded_by.portal.associate_deal(changed, "contacts", ())
        loaded_by.portal.edit_deal(changed, {"dealstage": "closedlost"})
    for table in ("deal_associations", "deal_property_history", "exchange_rates"):
        assert loaded_by.query(f"SELECT FROM hubspot.{table}") != []


def test_it_goes_on_where_it_was_stopped_and_sees_later_changes(acme: Organization, loaded_by: Organization) -> None:
    def stop(call: str, number: int) -> None:
        if (call, number) == ("list", 4):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        loaded_by.sync(before=stop, batch_rows=100, origin=A_TRY)
    (job,) = acme.jobs()
    assert job["status"] == "pending"
    assert job["records_extracted"] > 0
    loaded_by.sync(origin=replace(A_TRY, try_number=2))
    assert acme.differences() == []
    deal_id = min(acme.portal.live_deals())
    acme.portal.edit_deal(deal_id, {"dealname": "changed"})
    acme.portal.archive_deal(max(acme.portal.live_deals()))
    loaded_by.sync(mode="full")
    assert acme.deals()[deal_id]["dealname"] == "changed"
    assert acme.differences() == []


def test_it_switches_the_amount_check_of_its_leaf(acme: Organization, loaded_by: Organization) -> None:
    def has_check() -> bool:
        return bool(acme.query("SELECT FROM pg_constraint WHERE conname = 'chk_amount_not_negative'"))

    for allowed in (False, True, False):
        loaded_by.sync(allow_negative_amounts=allowed)
        assert has_check() is not allowed


def test_what_it_loaded_is_seen_by_that_organizations_readers_only(roles: Roles, loaded_by: Organization) -> None:
    loaded_by.sync()
    other = replace(loaded_by, slug="bravo", portal=loaded_by.simulator.portal(1002))
    other.sync()
    with roles.connected(roles.bound(other.id), loaded_by.id) as connection:
        ids = seen(connection, "SELECT hubspot_deal_id FROM hubspot.hubspot_deals")
    assert ids == set(other.deals())


def test_check_is_clean_for_both_roles_afterwards(acme: Organization, loaded_by: Organization) -> None:
    loaded_by.sync()
    for organization in (acme, loaded_by):
        with organization.connect() as connection:
            migrations.check(connection)
            assert migrations.security_findings(connection) == []
            assert migrations.missing_privileges(connection) == []


@pytest.mark.parametrize(
    ("taken", "named"),
    [
        ("SELECT ON hubspot.schema_version", "SELECT on table schema_version"),
        ("INSERT ON hubspot.organizations", "INSERT on table organizations"),
        ("UPDATE ON hubspot.sync_state", "UPDATE on table sync_state"),
        ("SELECT ON hubspot.jobs", "SELECT on table jobs"),
        ("UPDATE ON hubspot.jobs", "UPDATE on table jobs"),
        ("INSERT ON hubspot.job_batches", "INSERT on table job_batches"),
        ("SELECT, UPDATE ON hubspot.deals_quarantine", "SELECT, UPDATE on table deals_quarantine"),
        ("UPDATE ON hubspot.{leaf}", "UPDATE on table {leaf}"),
        ("USAGE ON SCHEMA hubspot", "USAGE on schema hubspot"),
        (
            "EXECUTE ON FUNCTION hubspot.ensure_deals_partition",
            "EXECUTE on function ensure_deals_partition(uuid,text)",
        ),
    ],
)
def test_d16_a_missing_privilege_is_named_with_its_object_and_its_remedy(
    roles: Roles, loader: str, loaded_by: Organization, taken: str, named: str
) -> None:
    loaded_by = replace(loaded_by, portal=loaded_by.simulator.portal(1002))  # the small one
    loaded_by.sync()
    leaf = f"hubspot_deals_standard_{loaded_by.id.hex}"
    loaded_by.portal.edit_deal(min(loaded_by.portal.live_deals()), {"dealname": "changed"})
    roles.execute(f"REVOKE {taken.format(leaf=leaf)} FROM {loader}")
    with pytest.raises(SchemaError) as raised:
        loaded_by.sync(mode="full")
    said = str(raised.value)
    assert "permission denied" in said
    assert f"Role {loader!r} lacks {named.format(leaf=leaf)}." in said
    assert "SELECT hubspot.grant_loader('…')" in said
    roles.call("grant_loader", loader)
    assert loaded_by.sync(mode="full").status == "completed"


def test_d16_a_missing_right_to_temporary_tables_is_named(roles: Roles, loader: str, loaded_by: Organization) -> None:
    (database,) = loaded_by.query("SELECT current_database() AS name")
    roles.execute(f"REVOKE TEMPORARY ON DATABASE {database['name']} FROM PUBLIC")
    with pytest.raises(SchemaError, match=f"lacks TEMPORARY on database {database['name']}"):
        loaded_by.sync()
    with psycopg.connect(roles.url, autocommit=True) as owner:
        notices: list[str] = []
        owner.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))
        owner.execute("SELECT hubspot.grant_loader(%s)", [loader])
    assert notices == [f"role {loader} still lacks TEMPORARY on database {database['name']}"]


def test_d16_a_role_that_is_no_loader_at_all_is_told_how_to_become_one(roles: Roles, acme: Organization) -> None:
    stranger = roles.login()
    with pytest.raises(SchemaError, match=r"lacks USAGE on schema hubspot.*grant_loader"):
        replace(acme, database_url=roles.url_of(stranger)).sync()
    roles.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA hubspot TO {stranger}")
    roles.execute(f"GRANT USAGE ON SCHEMA hubspot TO {stranger}")
    with pytest.raises(SchemaError, match=r"violates row-level security.*a place in the policy loader of table"):
        replace(acme, database_url=roles.url_of(stranger)).sync()
