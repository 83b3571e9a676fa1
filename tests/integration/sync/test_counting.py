"""Stored deals counted against HubSpot's number, with what lately happened to them."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_hubspot_deals import loading, sql
from airflow_provider_hubspot_deals.deals.parsing import BadRecord
from airflow_provider_hubspot_deals.exceptions import JobSuperseded
from airflow_provider_hubspot_deals.jobs import Job
from airflow_provider_hubspot_deals.sync.counting import LiveCount, compare_counts
from tests.builders import a_row
from tests.integration.tenant import Tenant, a_run, tables_of

HORIZON = datetime(2026, 5, 1, tzinfo=UTC)
LATER = "2026-06-01T00:00:00Z"
LIVE, LATE, DELETED, BAD = 10, 2, 3, 4
STORED = {"stored": LIVE, "explained_more": LATE, "explained_fewer": DELETED + BAD}


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


@pytest.fixture
def job(acme: Tenant) -> Job:
    """Of an organization with as many deals of each kind as named above."""
    job = acme.claim()
    acme.store(job, *(a_row(number) for number in range(1, LIVE - LATE + 1)))
    acme.store(job, *(a_row(number, hs_lastmodifieddate=LATER) for number in range(100, 100 + LATE)))
    gone = range(200, 200 + DELETED)
    acme.store(job, *map(a_row, gone))
    with acme.connect() as connection, sql.transaction(connection):
        loading.mark_missing(connection, tables_of(job), job.keys, gone)
        loading.quarantine(connection, tables_of(job), job.keys, map(bad, range(300, 300 + BAD)))
    return job


def bad(deal_id: int) -> BadRecord:
    return BadRecord(
        deal_id_text=str(deal_id), reason_code="BAD_VERSION", field_name=None, raw=b"%d" % deal_id, page_number=1
    )


def compared(acme: Tenant, job: Job, hubspot: int) -> LiveCount:
    with acme.connect() as connection:
        return compare_counts(connection, job, hubspot=hubspot, horizon=HORIZON)


def told(acme: Tenant) -> list[dict[str, Any]]:
    rows = acme.query("SELECT details FROM hubspot.job_events WHERE kind = 'count_mismatch'")
    return [row["details"] for row in rows]


@pytest.mark.parametrize("hubspot", [LIVE - LATE, LIVE, LIVE + DELETED + BAD], ids=["fewer", "as many", "more"])
def test_a_difference_that_lately_explains_is_not_told(
    acme: Tenant, job: Job, hubspot: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert compared(acme, job, hubspot) == LiveCount(hubspot=hubspot, **STORED)
    assert told(acme) == []
    assert caplog.messages == []


@pytest.mark.parametrize("hubspot", [LIVE - LATE - 1, LIVE + DELETED + BAD + 1], ids=["fewer", "more"])
def test_a_difference_beyond_that_is_told_as_an_event_and_to_whoever_reads_the_log(
    acme: Tenant, job: Job, hubspot: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert compared(acme, job, hubspot) == LiveCount(hubspot=hubspot, **STORED)
    assert told(acme) == [{"hubspot": hubspot, **STORED}]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"Job {job.id}: HubSpot counts {hubspot} live deals of organization 'acme', and {LIVE} are stored; what "
        f"happened lately explains at most {LATE} more or {DELETED + BAD} fewer. A full run reads every deal again."
    )


def test_an_attempt_that_was_replaced_counts_nothing(acme: Tenant, job: Job) -> None:
    acme.claim(a_run(try_number=2))
    with pytest.raises(JobSuperseded):
        compared(acme, job, LIVE + 100)
    assert told(acme) == []


def test_what_happened_before_the_horizon_explains_nothing(acme: Tenant, job: Job) -> None:
    with acme.connect() as connection:
        after_all = datetime.now(UTC) + timedelta(days=400)
        count = compare_counts(connection, job, hubspot=LIVE, horizon=after_all)
    assert (count.stored, count.explained_more, count.explained_fewer) == (LIVE, 0, BAD)
