"""The partitioned tables of associations and property history, and what is left of an organization."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.dimensions import Dimension
from tests.integration.listings import portal, properties, registered, stages, store
from tests.integration.tenant import Tenant

ASSOCIATION = """
INSERT INTO hubspot.deal_associations
    (organization_id, type, hubspot_deal_id, to_object_type, to_object_id, category, association_type_id)
VALUES (%s, %s, 1, 'contacts', 7, %s, 3)
"""
CHANGE = """
INSERT INTO hubspot.deal_property_history (organization_id, type, hubspot_deal_id, property, changed_at, ordinal, value)
VALUES (%s, %s, 1, 'amount', '2026-11-21 10:00:00.1234Z', %s, '5')
"""
TABLES = ("portals", "pipeline_stages", "deal_properties", "deal_associations", "deal_property_history")


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return registered(Tenant(database_url))


def fill(tenant: Tenant) -> None:
    for category in ("HUBSPOT_DEFINED", "USER_DEFINED"):
        tenant.execute(ASSOCIATION, tenant.id, tenant.type, category)
    for ordinal in (0, 1):
        tenant.execute(CHANGE, tenant.id, tenant.type, ordinal)


def test_erasing_an_organization_takes_its_dimensions_along(acme: Tenant) -> None:
    portal(acme)
    store(acme, Dimension.STAGES, stages(a="A"))
    properties(acme, {"name": "a"})
    fill(acme)

    acme.execute("DELETE FROM hubspot.organizations WHERE id = %s", acme.id)

    assert [acme.query(f"SELECT FROM hubspot.{table}") for table in TABLES] == [[]] * len(TABLES)


def test_labels_and_changes_of_one_millisecond_are_told_apart(acme: Tenant) -> None:
    fill(acme)

    labels = acme.query("SELECT category FROM hubspot.deal_associations WHERE organization_id = %s", acme.id)
    assert sorted(row["category"] for row in labels) == ["HUBSPOT_DEFINED", "USER_DEFINED"]
    history = acme.query("SELECT changed_at::text, ordinal FROM hubspot.deal_property_history ORDER BY ordinal")
    assert [(row["ordinal"], row["changed_at"][:24].rstrip("+")) for row in history] == [
        (0, "2026-11-21 10:00:00.123"),
        (1, "2026-11-21 10:00:00.123"),
    ]
    with pytest.raises(psycopg.errors.UniqueViolation):
        fill(acme)


@pytest.mark.parametrize("table", ["deal_associations", "deal_property_history"])
def test_a_named_organization_is_looked_for_in_one_partition(acme: Tenant, table: str) -> None:
    query = f"EXPLAIN (FORMAT JSON) SELECT * FROM hubspot.{table} WHERE organization_id = %s AND type = 'standard'"  # noqa: S608 - names of this file
    (row,) = acme.query(query, acme.id)
    (plan,) = row["QUERY PLAN"]

    assert "Append" not in str(plan)
    assert set(relations(plan["Plan"])) < {f"{table}_{number:02}" for number in range(16)}


def test_a_first_load_looks_into_the_key_before_there_are_statistics(acme: Tenant) -> None:
    """Another index would read all associations of the organization for each deal."""
    acme.execute(
        "INSERT INTO hubspot.deal_associations"
        " SELECT %s, 'standard', deal, kind, deal * 10, 'HUBSPOT_DEFINED', 3"
        " FROM generate_series(1, 5000) AS deal, unnest('{contacts,companies,line_items}'::text[]) AS kind",
        acme.id,
    )
    ids = list(range(2_000, 3_000))
    parameters = {
        "organization_id": acme.id,
        "type": "standard",
        "to_object_type": "contacts",
        "read_ids": ids,
        "deal_ids": ids,
        "to_object_ids": ids,
        "categories": ["HUBSPOT_DEFINED"] * 1_000,
        "type_ids": [3] * 1_000,
        "labels": [None] * 1_000,
    }
    with acme.connect() as connection, connection.transaction():
        connection.execute(sql.statement("deals.plan_for_batch"))
        explain = psycopg.sql.SQL("EXPLAIN (FORMAT JSON) ") + sql.statement("associations.store", schema="hubspot")
        plan = connection.execute(explain, parameters).fetchone()

    indexes = set(re.findall(r"'Index Name': '(\w+)'", str(plan)))
    assert len(indexes) == 1
    assert indexes.pop().endswith("_pkey")


def relations(plan: dict[str, Any]) -> list[str]:
    own = [plan["Relation Name"]] if "Relation Name" in plan else []
    return own + [name for child in plan.get("Plans", []) for name in relations(child)]
