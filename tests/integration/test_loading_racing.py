"""Somebody writes a deal by hand after the loader compared it and before it wrote it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import loading
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from airflow_provider_hubspot_deals.jobs import Job
from airflow_provider_hubspot_deals.loading import Written
from tests.builders import MODIFIED, a_row
from tests.integration.tenant import Tenant

EARLIER, LATER = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
TIMEOUT_S = 30.0
WAITING = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'transactionid'"
INSERT = """
INSERT INTO hubspot.hubspot_deals (hubspot_deal_id, dealname, hs_lastmodifieddate, _organization_id, _tenant_id)
VALUES (2, 'by hand', %(version)s, %(id)s, %(id)s)
"""
UPDATE = """
UPDATE hubspot.hubspot_deals SET dealname = 'by hand', hs_lastmodifieddate = %(version)s
WHERE hubspot_deal_id = 2 AND _organization_id = %(id)s
"""


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


@pytest.fixture
def job(acme: Tenant) -> Job:
    return acme.claim()


def overtaken(acme: Tenant, job: Job, statement: str, version: str, *rows: Any) -> Written:
    """Store ``rows`` while a person writes deal 2, who commits only when the loader is waiting for it."""
    with ThreadPoolExecutor() as threads, psycopg.connect(acme.url) as person:
        person.execute(statement, {"version": version, "id": acme.id})
        stored = threads.submit(acme.store, job, *rows)
        deadline = time.monotonic() + TIMEOUT_S
        while not acme.query(WAITING):
            assert time.monotonic() < deadline, "the loader never waited"
        person.commit()
        return stored.result()


@pytest.mark.parametrize(
    ("version", "expected", "name"),
    [(LATER, {"inserted": 2, "stale": 1}, "by hand"), (EARLIER, {"inserted": 2, "updated": 1}, "Deal 2")],
    ids=["newer", "older"],
)
def test_a_deal_that_somebody_inserts_meanwhile_is_compared_again(
    acme: Tenant, job: Job, version: str, expected: dict[str, int], name: str
) -> None:
    written = overtaken(acme, job, INSERT, version, a_row(1), a_row(2), a_row(3))
    assert {count: getattr(written, count) for count in expected} == expected
    assert written.inserted + written.updated + written.stale == 3
    assert acme.deal(2)["dealname"] == name
    assert acme.living() == [1, 2, 3]


def test_a_deal_that_somebody_makes_newer_meanwhile_is_not_taken_back(acme: Tenant, job: Job) -> None:
    acme.store(job, *(a_row(deal_id, dealname="old") for deal_id in (1, 2)))
    written = overtaken(acme, job, UPDATE, LATER, a_row(1), a_row(2), a_row(3))
    assert (written.inserted, written.updated, written.stale) == (1, 1, 1)
    assert [acme.deal(number)["dealname"] for number in (1, 2, 3)] == ["Deal 1", "by hand", "Deal 3"]


def test_writers_who_never_stop_end_the_batch_and_leave_nothing(
    acme: Tenant, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "ATTEMPTS_MAX", 1)
    with pytest.raises(DatabaseUnavailableError) as raised:
        overtaken(acme, job, INSERT, MODIFIED, a_row(1), a_row(2))
    assert (raised.value.code, str(raised.value)) == (
        "DB_BUSY",
        f"Others write the same deals of table {job.leaf} all the time, between their being compared and written.",
    )
    assert acme.living() == [2]
