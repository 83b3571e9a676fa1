"""A loading role that owns nothing runs the maintenance; what takes more than is due stays with the owner."""

from __future__ import annotations

import psycopg
import pytest

from airflow_provider_hubspot_deals.maintenance import run_maintenance
from tests.builders import a_row
from tests.integration.ended_jobs import an_ended_job, ids_in
from tests.integration.roles import Roles
from tests.integration.tenant import Tenant


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def test_a_loader_that_owns_nothing_does_every_step(acme: Tenant, roles: Roles) -> None:
    an_ended_job(acme, "old", days_ago=91)
    acme.execute("SELECT hubspot.ensure_job_events_partition(now() - interval '20 months')")
    acme.store(acme.claim(), *(a_row(deal_id) for deal_id in range(1, 200)))

    with roles.connected(roles.loader()) as connection:
        report = run_maintenance(connection)

    assert report.problems == ()
    assert (report.done["archive_jobs"], report.done["drop_job_events"]) == (1, 1)
    assert len(ids_in(acme, "jobs_archive")) == 1


@pytest.mark.parametrize("call", ["erase_organization", "purge_job"])
def test_neither_a_loader_nor_a_reader_purges_or_erases(acme: Tenant, roles: Roles, call: str) -> None:
    job = an_ended_job(acme, "first")
    acme.store(job, a_row(1))
    for name in (roles.loader(), roles.reader()):
        argument = acme.id if call == "erase_organization" else job.id
        with roles.connected(name, acme.id) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"SELECT hubspot.{call}(%s)", [argument])
    assert list(acme.deals()) == [1]


@pytest.mark.parametrize("call", ["archive_jobs()", "expire_archive()", "drop_job_events_before(now())"])
def test_a_reader_maintains_nothing(acme: Tenant, roles: Roles, call: str) -> None:
    an_ended_job(acme, "old", days_ago=91)
    with roles.connected(roles.reader(), acme.id) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"SELECT hubspot.{call}")
    assert ids_in(acme, "jobs_archive") == set()
