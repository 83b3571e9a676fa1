"""What the reporting view of deals does where the schema documents are silent: names, tenants, tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import CheckViolation, ForeignKeyViolation

from airflow_provider_hubspot_deals.jobs import Job
from tests.integration.tenant import Tenant, a_run


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


@pytest.fixture
def job(acme: Tenant) -> Job:
    return acme.claim()


@pytest.fixture
def connection(acme: Tenant) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(acme.url, options="-c search_path=hubspot_reporting,hubspot") as opened:
        yield opened
        opened.rollback()


def test_deleting_a_job_leaves_the_deals(acme: Tenant, job: Job, connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "INSERT INTO hubspot_deals (deal_id, tenant_id, scan_job_id) VALUES (1, %s, %s)", [acme.id, job.id]
    )

    assert connection.execute("DELETE FROM scan_jobs WHERE id = %s", [job.id]).rowcount == 1
    assert connection.execute("SELECT deal_id FROM hubspot_deals").fetchall() == [(1,)]


def test_a_deal_of_a_new_type_gets_a_table_that_checks_amounts(
    acme: Tenant, job: Job, connection: psycopg.Connection[Any]
) -> None:
    insert = "INSERT INTO hubspot_deals (deal_id, tenant_id, _type, amount) VALUES (1, %s, 'sandbox', %s)"
    connection.execute(insert, [acme.id, 5])

    tables = connection.execute("SELECT tableoid::regclass::text FROM hubspot.hubspot_deals").fetchall()
    assert tables == [(f"hubspot_deals_sandbox_{acme.id.hex}",)]
    assert tables != [(job.leaf,)]
    with pytest.raises(CheckViolation, match="chk_amount_not_negative"):
        connection.execute(insert, [acme.id, -5])


@pytest.mark.parametrize(
    ("statement", "archived", "reason"),
    [
        ("INSERT INTO hubspot_deals (deal_id, tenant_id) VALUES (7, %s)", False, None),
        ("INSERT INTO hubspot_deals (deal_id, tenant_id, archived) VALUES (7, %s, true)", True, "archived"),
    ],
    ids=["live", "archived"],
)
def test_an_inserted_deal_is_valid(
    acme: Tenant, job: Job, connection: psycopg.Connection[Any], statement: str, reason: str | None, *, archived: bool
) -> None:
    connection.execute(statement, [acme.id])

    row = connection.execute(
        "SELECT archived, _deleted_reason, hs_object_id, id = _dlt_id FROM hubspot_deals"
    ).fetchone()
    assert row == (archived, reason, 7, True)
    assert job.leaf == f"hubspot_deals_standard_{acme.id.hex}"


COLUMN_OF = {
    "id": "_dlt_id",
    "scan_job_id": "_scan_id",
    "tenant_id": "_organization_id",
    "organization_id": "_tenant_id",
    "deal_id": "hubspot_deal_id",
    "deal_name": "dealname",
    "deal_stage": "dealstage",
    "close_date": "closedate",
    "hubspot_created_at": "createdate",
    "hubspot_updated_at": "hs_lastmodifieddate",
    "deal_type": "dealtype",
    "deal_stage_probability": "hs_deal_stage_probability",
    "analytics_source": "hs_analytics_source",
    "priority": "hs_priority",
    "next_step": "hs_next_step",
    "forecast_amount": "hs_forecast_amount",
    "forecast_probability": "hs_forecast_probability",
}


def value_of(name: str, number: int, organization: UUID) -> object:
    """Another one for each column."""
    if name in {"tenant_id", "organization_id"}:
        return organization
    if name in {"id", "scan_job_id"}:
        return UUID(int=number)
    if name.endswith(("_date", "_at")):
        return datetime(2026, 1, number, tzinfo=UTC)
    return (
        number if name == "deal_id" else Decimal(number) if name.endswith(("amount", "probability")) else f"v{number}"
    )


@pytest.mark.parametrize("written", ["both documents", "the tables"])
def test_each_column_can_be_written_and_read_under_either_name(
    acme: Tenant, job: Job, connection: psycopg.Connection[Any], written: str
) -> None:
    values = [value_of(name, number, job.organization_id) for number, name in enumerate(COLUMN_OF, 1)]
    names = [*COLUMN_OF] if written == "both documents" else [*COLUMN_OF.values()]
    connection.execute(
        sql.SQL("INSERT INTO hubspot_deals ({}) VALUES ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join(sql.Placeholder() * len(names))
        ),
        values,
    )

    for table, columns in (
        ("hubspot.hubspot_deals", COLUMN_OF.values()),
        ("hubspot_reporting.hubspot_deals", COLUMN_OF.values()),
        ("hubspot_reporting.hubspot_deals", COLUMN_OF.keys()),
    ):
        listed = sql.SQL(", ").join(map(sql.Identifier, columns))
        read = sql.SQL("SELECT {} FROM {} WHERE _tenant_id = {}").format(
            listed, sql.Identifier(*table.split(".")), sql.Literal(acme.id)
        )
        assert connection.execute(read).fetchall() == [tuple(values)]


def test_a_deal_of_nobody_or_of_two_names_is_refused(
    acme: Tenant, job: Job, connection: psycopg.Connection[Any]
) -> None:
    with pytest.raises(ForeignKeyViolation, match="not registered"), connection.transaction():
        connection.execute("INSERT INTO hubspot_deals (deal_id, tenant_id) VALUES (1, %s)", [uuid4()])
    with pytest.raises(CheckViolation, match="different values"), connection.transaction():
        connection.execute(
            "INSERT INTO hubspot_deals (deal_id, tenant_id, dealname, deal_name) VALUES (1, %s, 'a', 'b')", [acme.id]
        )
    assert connection.execute("SELECT FROM hubspot_deals WHERE scan_job_id = %s", [job.id]).fetchall() == []


@pytest.mark.parametrize("column", ["tenant_id", "_tenant_id", "organization_id", "_organization_id"])
def test_any_name_of_the_tenant_reads_one_table(
    acme: Tenant, job: Job, connection: psycopg.Connection[Any], column: str
) -> None:
    Tenant(acme.url, "other").claim(a_run(dag_id="other"))

    explain = sql.SQL("EXPLAIN SELECT deal_name FROM hubspot_deals WHERE {} = %s").format(sql.Identifier(column))
    plan = connection.execute(explain, [acme.id])

    scans = [line for (line,) in plan if " Scan " in line]
    assert len(scans) == 1
    assert job.leaf in scans[0]


def test_views_check_the_privileges_of_whoever_asks(acme: Tenant) -> None:
    views = acme.query(
        "SELECT relname, reloptions FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE relkind = 'v' AND nspname LIKE 'hubspot%' ORDER BY relname"
    )
    assert [(view["relname"], view["reloptions"]) for view in views] == [
        ("deal_stage_history", ["security_invoker=true"]),
        ("deals_with_names", ["security_invoker=true"]),
        ("hubspot_deals", ["security_invoker=true"]),
        ("scan_jobs", ["security_invoker=true"]),
    ]
