"""As many organizations as a large installation has, each with a job that waits."""

from __future__ import annotations

from itertools import count
from statistics import median
from time import perf_counter

import pytest

from airflow_provider_hubspot_deals import jobs
from tests.integration.tenant import Tenant, a_run

ORGANIZATIONS = 5_000
OTHERS = "INSERT INTO hubspot.organizations (id, slug) SELECT gen_random_uuid(), 'other-' || generate_series(1, %s)"
THEIR_JOBS = """
    INSERT INTO hubspot.scan_jobs (scan_id, organization_id, scan_type)
    SELECT slug, id, 'by_hand' FROM hubspot.organizations WHERE slug LIKE 'other-%'
"""
run_numbers = count(1)


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def seconds_of_a_claim(tenant: Tenant) -> float:
    """The median of many, each of a new run; what they take alone is a few milliseconds on an idle machine."""
    seconds = []
    with tenant.connect() as connection:
        for _ in range(25):
            connection.execute("UPDATE hubspot.jobs SET status = 'cancelled' WHERE dag_id = 'hubspot_deals_acme'")
            order = tenant.order(a_run(f"run {next(run_numbers)}"))
            began = perf_counter()
            jobs.claim(connection, "hubspot", order)
            seconds.append(perf_counter() - began)
    return median(seconds)


def test_g01_a_claim_among_five_thousand_organizations_takes_as_long_as_one_alone(acme: Tenant) -> None:
    acme.claim(a_run("first"))
    alone = seconds_of_a_claim(acme)
    acme.execute(OTHERS, ORGANIZATIONS)
    assert acme.execute(THEIR_JOBS) == ORGANIZATIONS

    assert seconds_of_a_claim(acme) < 3 * alone  # reading 5,000 rows of jobs would take ten times as long
