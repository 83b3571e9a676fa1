"""A moment that is just there has come: claims within one transaction, where PostgreSQL's time stands still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs, loading
from airflow_provider_hubspot_deals.jobs import Job
from tests.builders import a_row
from tests.integration.tenant import NO_USAGE, Tenant, a_run, tables_of

pytestmark = pytest.mark.usefixtures("invariants_hold")


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


@pytest.fixture
def moment(acme: Tenant) -> Iterator[psycopg.Connection[Any]]:
    with acme.connect() as connection, connection.transaction():
        yield connection


def claimed(connection: psycopg.Connection[Any], acme: Tenant, run_id: str) -> Job:
    return jobs.claim(connection, "hubspot", acme.order(a_run(run_id)))


def test_a_job_that_waits_until_now_is_left_behind_by_another_run(
    acme: Tenant, moment: psycopg.Connection[Any]
) -> None:
    first = claimed(moment, acme, "first")
    jobs.release(
        moment, first, error_code="DEFERRED", error_message="…", resume_after=timedelta(hours=6), usage=NO_USAGE
    )
    moment.execute("UPDATE hubspot.jobs SET resume_at = now()")
    assert claimed(moment, acme, "second").id != first.id


def test_a_job_inserted_for_now_is_not_waited_for(acme: Tenant, moment: psycopg.Connection[Any]) -> None:
    moment.execute("INSERT INTO hubspot.organizations (id, slug) VALUES (%s, 'acme')", [acme.id])
    inserted = moment.execute(
        "INSERT INTO hubspot.jobs (scan_id, organization_id, type, resume_at) "
        "VALUES ('mine', %s, 'hubspot_deals', now()) RETURNING id",
        [acme.id],
    ).fetchone()
    assert inserted == (claimed(moment, acme, "first").id,)


def test_a_full_run_that_is_just_as_old_as_it_may_be_is_not_too_old(
    acme: Tenant, moment: psycopg.Connection[Any]
) -> None:
    first = claimed(moment, acme, "first")
    loading.store(moment, tables_of(first), first.keys, [a_row(1)])
    jobs.complete(moment, first, selection="all", started_at=jobs.database_time(moment), usage=NO_USAGE)
    moment.execute(
        "UPDATE hubspot.sync_state SET watermark = now(), last_full_sync_at = now() - %s",
        [acme.order().full_refresh_every],
    )
    assert claimed(moment, acme, "second").mode == "incremental"
