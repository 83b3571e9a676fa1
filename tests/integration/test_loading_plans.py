"""A batch touches the rows that it is about, however many others there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import loading, sql
from airflow_provider_hubspot_deals.jobs import Job
from tests.builders import MODIFIED, a_row
from tests.integration.tenant import Tenant, tables_of

INDEXED = {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}
FILL = """
INSERT INTO hubspot.hubspot_deals
    (hubspot_deal_id, hs_lastmodifieddate, dealname, _content_hash, _organization_id, _tenant_id)
SELECT number * 10, %(modified)s, 'Deal ' || number, gen_random_uuid(), %(id)s, %(id)s
FROM generate_series(1, %(stored)s) AS number
"""


def filled(acme: Tenant, stored: int) -> Job:
    """Of an organization with that many deals: 10, 20, 30, …"""
    job = acme.claim()
    with acme.connect() as connection:
        connection.execute(FILL, {"modified": MODIFIED, "id": acme.id, "stored": stored})
    return job


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def scans_of_leaf(plan: Mapping[str, Any], job: Job) -> set[str]:
    return {
        node["Node Type"]
        for node in nodes(plan)
        if node.get("Relation Name") == job.leaf and "Scan" in node["Node Type"]
    }


def plan_of(connection: psycopg.Connection[Any], job: Job, name: str, **parameters: Any) -> dict[str, Any]:
    """As planned for these very values."""
    keys = {**job.keys, **parameters}
    bound = psycopg.ClientCursor(connection).mogrify(sql.statement(name, schema=job.schema, leaf=job.leaf), keys)
    row = connection.execute("EXPLAIN (FORMAT JSON) " + bound).fetchone()
    assert row is not None
    (explained,) = row[0]
    return {name: explained["Plan"]}


@pytest.mark.parametrize("is_analyzed", [False, True])
def test_no_statement_of_a_batch_reads_the_whole_table(database_url: str, *, is_analyzed: bool) -> None:
    job = filled(Tenant(database_url), 200_000)
    with psycopg.connect(database_url, autocommit=True) as connection:
        if is_analyzed:
            connection.execute("ANALYZE hubspot.hubspot_deals")
        ids = list(range(10, 50_000, 10))
        rows = [a_row(deal_id) for deal_id in ids]
        with sql.transaction(connection):
            noted = {"low": 0, "high": 1_000, "listed": ids[:100], "deleted_reason": None}
            plans = plan_of(connection, job, "deals.note_absent", **noted)
            plans |= plan_of(connection, job, "deals.outdated", ids=ids[:200], versions=[MODIFIED] * 200)
            assert loading.store(connection, tables_of(job), job.keys, rows).updated == len(rows)
            plans |= plan_of(connection, job, "deals.compare", **loading.compared_columns(rows))
            plans |= plan_of(connection, job, "deals.update_staged")
            plans |= plan_of(connection, job, "deals.mark_merged", loser_ids=ids[:50], survivor_ids=ids[50:100])
            plans |= plan_of(connection, job, "deals.mark_missing", ids=ids[:100])
            raise psycopg.Rollback
    scans = {name: scans_of_leaf(plan, job) for name, plan in plans.items()}
    assert all(kinds and kinds <= INDEXED for kinds in scans.values()), scans


def test_the_merge_probes_the_key_also_where_the_planner_would_read_the_table(database_url: str) -> None:
    job = filled(Tenant(database_url), 20_000)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ANALYZE hubspot.hubspot_deals")
        with sql.transaction(connection):
            rows = [a_row(deal_id) for deal_id in range(10, 50_000, 10)]
            loading.store(connection, tables_of(job), job.keys, rows)
            plans = plan_of(connection, job, "deals.compare", **loading.compared_columns(rows))
            plans |= plan_of(connection, job, "deals.update_staged")
            raise psycopg.Rollback
    scans = {name: scans_of_leaf(plan, job) for name, plan in plans.items()}
    assert scans == {"deals.compare": {"Index Scan"}, "deals.update_staged": {"Index Scan"}}


def test_deals_are_counted_without_reading_the_table(database_url: str) -> None:
    job = filled(Tenant(database_url), 20_000)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE hubspot.hubspot_deals SET description = repeat('long ', 200)")
        connection.execute("VACUUM (ANALYZE) hubspot.hubspot_deals")
        with sql.transaction(connection):
            (plan,) = plan_of(connection, job, "deals.count_live", horizon=datetime.now(UTC)).values()
    assert scans_of_leaf(plan, job) <= INDEXED, plan
