"""Every statement that the two schema documents print runs on a database that a real run filled, and answers rightly.

A UUID stands where they write a tenant or a job. The exceptions are those of docs/database.md, and no others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from hubspot_simulator import PortalSpec, SimulatorServer
from local_stack.databases import DatabaseServer
from tests.integration.documents import Statement, statements
from tests.integration.sync.conftest import A_DAY_AGO_S, Organization

PAGE = Path(__file__).parents[2] / "docs/database.md"
ROW_OF_EXCEPTIONS = re.compile(r"^\| `(\S+_schema\.md)` \| ([^|]+?) \| ([^|]+?) \|$", re.MULTILINE)
EXCEPTIONS = {(row[1], row[2]): row[3] for row in ROW_OF_EXCEPTIONS.finditer(PAGE.read_text())}
PRINTED = statements()
AS_PRINTED = [statement for statement in PRINTED if statement.name not in EXCEPTIONS]
SELECTS = [statement for statement in AS_PRINTED if statement.verb == "SELECT"]
WRITES = [statement for statement in AS_PRINTED if statement.verb != "SELECT"]


@dataclass(frozen=True)
class World:
    """A database with two organizations, and the one that stands for the documents' tenant."""

    tenant: Organization
    synced_job: UUID
    open_job: UUID

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.tenant.database_url, options="-c search_path=hubspot_reporting,hubspot")

    def filled(self, statement: Statement) -> str:
        """The statement with a UUID for each placeholder of a tenant or a job."""
        text = re.sub(r"'(tenant|org)-123'", f"'{self.tenant.id}'", statement.text)
        if statement.verb == "INSERT scan_jobs":
            return re.sub(r"'uuid-1'", f"'{uuid4()}'", text)
        job = self.open_job if statement.verb == "UPDATE scan_jobs" else self.synced_job
        text = re.sub(r"'(job-uuid|job-id|uuid-1|your-scan-id|(hubspot-|my-)?scan-001)'", f"'{job}'", text)
        return re.sub(r"'uuid-\d'", lambda _: f"'{uuid4()}'", text)


@pytest.fixture(scope="module")
def world(postgres_server: DatabaseServer, migrated_template: str) -> Iterator[World]:
    name = f"hubspot_deals_documents_{uuid4().hex}"
    url = postgres_server.create_database(name, template=migrated_template)
    portals = [PortalSpec(portal_id=1001, deals=60, archived=5), PortalSpec(portal_id=1002, deals=12, seed=2)]
    with SimulatorServer(portals=portals) as simulator:
        simulator.clock.shift(A_DAY_AGO_S)
        acme = Organization(simulator=simulator, portal=simulator.portal(1001), database_url=url)
        other = Organization(simulator=simulator, portal=simulator.portal(1002), database_url=url, slug="other")
        for deal in telling_deals(acme):
            acme.portal.create_deal(deal)
        other.sync()
        synced = acme.sync().job_id
    yield World(acme, synced, an_open_job(acme))
    postgres_server.drop_database(name)


def telling_deals(organization: Organization) -> list[dict[str, Any]]:
    """Deals that every filter of the documents finds."""
    ((this_month,),) = (row.values() for row in organization.query("SELECT now()::date::text || 'T00:00:00Z'"))
    return [
        {"dealname": "Big Enterprise deal", "amount": "90.50", "closedate": this_month},
        {"dealname": "With SEARCH_TERM", "amount": "10", "closedate": "2024-05-06T07:08:09Z"},
        {"dealname": "Described", "description": "a search_term in it", "dealstage": "closedwon"},
    ]


def an_open_job(organization: Organization) -> UUID:
    """A job that a person made; its scan_id is its id, as with the loader's jobs."""
    job_id = uuid4()
    organization.execute(
        "INSERT INTO hubspot.scan_jobs (id, tenant_id, scan_type) VALUES (%s, %s, 'calendar')", job_id, organization.id
    )
    return job_id


@pytest.fixture
def connection(world: World) -> Iterator[psycopg.Connection[Any]]:
    """As the owner, with the documents' names in the search path; whatever it writes is rolled back."""
    with world.connect() as opened:
        yield opened
        opened.rollback()


def name_of(statement: Statement) -> str:
    return f"{statement.document.partition('_schema')[0]}: {statement.title}"


# What the tables themselves say. {deals} is the tenant's own table, {job} the run that filled it.
PROCESSED = "(records_inserted + records_updated + records_unchanged + records_duplicate + records_stale)"
TOTAL = "greatest(records_expected, records_extracted)"
HAND_MADE = "FROM hubspot.jobs WHERE id = '{open_job}'"
THE_JOB = "FROM hubspot.jobs WHERE id = '{job}'"
STATUS = f"SELECT scan_id, status, start_time, end_time, error_message {THE_JOB}"
ANSWERS = {
    "Get ETL job with status (multi-tenant)":
        f"SELECT id, scan_id, status, type, {TOTAL}, {PROCESSED}, '100.00%' {THE_JOB}",
    "Get active ETL jobs for tenant": f"SELECT scan_id, status, start_time, type, 0, 0 {HAND_MADE}",
    "Get ETL progress with success rate":
        f"SELECT scan_id, {TOTAL}, {PROCESSED}, 0, round({PROCESSED} * 100.0 / {TOTAL}, 2), '100.00%' {THE_JOB}",
    "Get paginated deals for tenant":
        "SELECT _dlt_id, hubspot_deal_id, dealname, amount, dealstage, pipeline, closedate FROM {deals}",
    "Count deals by stage for tenant":
        "SELECT dealstage, count(*), sum(amount) FROM {deals} WHERE NOT archived GROUP BY 1",
    "Search deals by name (multi-tenant)":
        "SELECT hubspot_deal_id, dealname, amount, dealstage, closedate FROM {deals}"
        " WHERE strpos(lower(dealname), 'enterprise') > 0",
    "Get deals by owner and stage":
        "SELECT hubspot_owner_id, dealstage, count(*), avg(amount) FROM {deals} WHERE NOT archived GROUP BY 1, 2",
    "Get recent deals (last 30 days)":
        "SELECT hubspot_deal_id, dealname, amount, dealstage, createdate FROM {deals}"
        " WHERE createdate >= now()::date - 30",
    "Get deals closing this month":
        "SELECT hubspot_deal_id, dealname, amount, dealstage, closedate FROM {deals}"
        " WHERE date_trunc('month', closedate) = date_trunc('month', now())",
    "Get ETL job status and basic info (multi-tenant)":
        f"SELECT scan_id, status, start_time, end_time, error_message, api_calls {THE_JOB}",
    "Get ETL job statistics for tenant": f"SELECT 2, 1, 0, 100.00, {TOTAL} {THE_JOB}",
    "Get tenant-specific analytics":
        "SELECT _tenant_id, count(*), sum(amount), avg(amount), count(*) FILTER (WHERE dealstage = 'closedwon')"
        " FROM {deals} WHERE NOT archived GROUP BY 1",
    "Get scan job with status": f"SELECT id, scan_id, status, type, {TOTAL}, {PROCESSED} {THE_JOB}",
    "Get active scans": f"SELECT scan_id, status, start_time, type {HAND_MADE}",
    "Get scan progress": f"SELECT scan_id, {TOTAL}, {PROCESSED}, round({PROCESSED} * 100.0 / {TOTAL}, 2) {THE_JOB}",
    "Get paginated deals results":
        "SELECT _dlt_id, hubspot_deal_id, dealname, amount, dealstage, closedate, pipeline FROM {deals}",
    "Count deals by stage": "SELECT dealstage, count(*), sum(amount) FROM {deals} WHERE NOT archived GROUP BY 1",
    "Count deals by pipeline": "SELECT pipeline, count(*), avg(amount) FROM {deals} WHERE NOT archived GROUP BY 1",
    "Search deals by name or description":
        "SELECT hubspot_deal_id, dealname, amount, dealstage FROM {deals}"
        " WHERE strpos(lower(concat_ws(' ', dealname, description)), 'search_term') > 0",
    "Get deals by date range":
        "SELECT hubspot_deal_id, dealname, amount, closedate FROM {deals}"
        " WHERE closedate >= '2024-01-01' AND closedate <= '2024-12-31'",
    "Get deals by owner": "SELECT hubspot_owner_id, count(*), sum(amount) FROM {deals} WHERE NOT archived GROUP BY 1",
    "Multi-tenant query": "SELECT hubspot_deal_id, dealname, amount, dealstage FROM {deals}",
    "Get scan job status and basic info": STATUS,
}  # fmt: skip


@pytest.mark.parametrize("statement", SELECTS, ids=name_of)
def test_a_printed_query_answers_what_the_tables_say(
    world: World, connection: psycopg.Connection[Any], statement: Statement
) -> None:
    leaf = f"hubspot.hubspot_deals_standard_{world.tenant.id.hex}"
    expected = ANSWERS[statement.title].format(deals=leaf, job=world.synced_job, open_job=world.open_job)

    found = connection.execute(world.filled(statement)).fetchall()

    assert found
    assert sorted(found, key=repr) == sorted(connection.execute(expected).fetchall(), key=repr)


Row = dict[str, Any]
JOB = "SELECT * FROM hubspot.jobs WHERE id = %s"


def is_cancelled(job: Row) -> bool:
    return (job["status"], job["error_message"], job["end_time"] is None) == ("cancelled", "Cancelled by user", False)


def is_running(job: Row) -> bool:
    return job["status"] == "running" and job["start_time"] is not None


def is_completed(job: Row) -> bool:
    return (job["status"], job["job_metadata"]["reported"]["success_rate"]) == ("completed", "100%")


def has_progressed(by: int) -> Callable[[Row], bool]:
    return lambda job: job["job_metadata"]["reported"]["processed"] == by and job["records_extracted"] == 0


EFFECTS: dict[tuple[str, str], Callable[[Row], bool]] = {
    ("hubspot_deals_etl_schema.md", "Cancel an ETL job (update status)"): is_cancelled,
    ("hubspot_deals_etl_schema.md", "Update scan job progress"): has_progressed(2),
    ("hubspot_deals_etl_schema.md", "Start scan"): is_running,
    ("hubspot_deals_etl_schema.md", "Complete scan"): is_completed,
    ("scan_job_schema.md", "Cancel a scan (update status)"): is_cancelled,
    ("scan_job_schema.md", "Update scan job progress"): has_progressed(3),
    ("scan_job_schema.md", "Start scan"): is_running,
    ("scan_job_schema.md", "Complete scan"): is_completed,
}
UPDATES = [statement for statement in WRITES if statement.verb == "UPDATE scan_jobs"]


@pytest.mark.parametrize("statement", UPDATES, ids=name_of)
def test_a_printed_update_does_to_the_job_what_it_says(
    world: World, connection: psycopg.Connection[Any], statement: Statement
) -> None:
    if statement.title == "Complete scan":
        connection.execute("UPDATE scan_jobs SET status = 'running' WHERE id = %s", [world.open_job])

    assert connection.execute(world.filled(statement)).rowcount == 1

    with connection.cursor(row_factory=dict_row) as cursor:
        job = cursor.execute(JOB, [world.open_job]).fetchone()
    assert job is not None
    assert EFFECTS[statement.name](job)


INSERTED = {
    "Insert deal data with tenant isolation": [(12345678901, "Enterprise Deal", "50000.00", "qualifiedtobuy")],
    "Insert HubSpot deals results": [
        (51, "New Website Project", "1500.00", "presentationscheduled"),
        (52, "Enterprise Software License", "5000.00", "qualifiedtobuy"),
    ],
    "Batch insert with raw properties": [(53, "Mobile App Development", "25000.00", "contractsent")],
}
DEAL_INSERTS = [statement for statement in WRITES if statement.verb == "INSERT hubspot_deals"]


@pytest.mark.parametrize("statement", DEAL_INSERTS, ids=name_of)
def test_a_printed_insert_puts_its_deals_into_the_tenants_own_table(
    world: World, connection: psycopg.Connection[Any], statement: Statement
) -> None:
    expected = INSERTED[statement.title]

    connection.execute(world.filled(statement))

    found = connection.execute(
        "SELECT hubspot_deal_id, dealname, amount::text, dealstage, tableoid::regclass::text, _scan_id"
        " FROM hubspot.hubspot_deals WHERE hubspot_deal_id = ANY (%s) ORDER BY 1",
        [[deal[0] for deal in expected]],
    ).fetchall()
    leaf = f"hubspot_deals_standard_{world.tenant.id.hex}"
    assert found == [(*deal, leaf, world.synced_job) for deal in expected]


def test_the_printed_insert_of_a_job_makes_it_pending_and_keeps_no_token(
    world: World, connection: psycopg.Connection[Any]
) -> None:
    (statement,) = [statement for statement in WRITES if statement.verb == "INSERT scan_jobs"]

    connection.execute(world.filled(statement))

    found = connection.execute(
        "SELECT organization_id, type, status, config FROM hubspot.jobs WHERE scan_id = 'hubspot-scan-001'"
    ).fetchall()
    config = {"base_url": "https://api.hubapi.com"}
    assert found == [(world.tenant.id, "hubspot_deals", "pending", config)]


def test_the_printed_job_with_an_elided_config_runs_once_the_dots_are_gone(
    world: World, connection: psycopg.Connection[Any]
) -> None:
    for statement in PRINTED:
        if statement.title == "Create scan job":
            with connection.transaction(force_rollback=True):
                connection.execute(world.filled(statement).replace("{...}", "{}"))
                found = connection.execute(
                    "SELECT status, config, batch_size FROM scan_jobs WHERE scan_id = 'my-scan-001'"
                ).fetchall()
                assert found == [("pending", {"auth": {}, "filters": {}}, 100)]


@pytest.mark.parametrize("statement", [each for each in PRINTED if each.name in EXCEPTIONS], ids=name_of)
def test_an_exception_is_one_and_has_a_reason(
    world: World, connection: psycopg.Connection[Any], statement: Statement
) -> None:
    with pytest.raises((psycopg.errors.SyntaxError, psycopg.errors.InvalidTextRepresentation)):
        connection.execute(world.filled(statement))
    assert EXCEPTIONS[statement.name]


def test_the_page_counts_the_statements_and_names_no_exception_that_is_not_printed() -> None:
    assert {statement.name for statement in PRINTED} >= EXCEPTIONS.keys()
    assert len({statement.name for statement in PRINTED}) == len(PRINTED)
    counted = f"{len(PRINTED)} statements, of which {len(AS_PRINTED)} run as printed"
    assert counted in PAGE.read_text()
