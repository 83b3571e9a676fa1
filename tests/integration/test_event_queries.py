"""The queries that docs/database.md gives for events and usage run, and tell what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sqlparse

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.jobs import Job
from tests.integration.tenant import NO_USAGE, Tenant, a_batch, a_run

SECTION = re.compile(r"^## Events and usage$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
TEXT = (Path(__file__).parents[2] / "docs/database.md").read_text(encoding="utf-8")
(EVENTS_AND_USAGE,) = SECTION.findall(TEXT)
QUERIES = [
    query
    for code in re.findall(r"^```sql$(.*?)^```$", EVENTS_AND_USAGE, re.MULTILINE | re.DOTALL)
    for query in sqlparse.split(code)
]


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


@pytest.fixture
def job(acme: Tenant) -> Job:
    """Continues a lost one, met bad records, and was cancelled."""
    lost = acme.claim(a_run(try_number=1))
    acme.execute("UPDATE hubspot.jobs SET status = 'failed', error_code = 'HEARTBEAT_LOST' WHERE id = %s", lost.id)
    job = acme.claim(a_run(try_number=2))
    with acme.connect() as connection, sql.transaction(connection):
        counts = {"received": 8, "inserted": 6, "quarantined": 2, "pages": 1, "api_calls": 3}
        jobs.record_batch(connection, job, a_batch(**{**NO_USAGE, **counts}))
    acme.execute("UPDATE hubspot.jobs SET status = 'cancelled' WHERE id = %s", job.id)
    return job


def answers(acme: Tenant, job: Job, words: str) -> list[dict[str, Any]]:
    (query,) = [query for query in QUERIES if words in query]
    named = query.replace(":job_id", f"'{job.id}'").replace(":organization_id", f"'{acme.id}'")
    return acme.query(named)


def test_a_jobs_story(acme: Tenant, job: Job) -> None:
    kinds = [row["kind"] for row in answers(acme, job, "kind, actor, details FROM hubspot.job_events WHERE job_id")]
    assert kinds == ["created", "started", "phase", "cancelled"]


def test_the_story_from_the_lost_job_on(acme: Tenant, job: Job) -> None:
    told = [row["kind"] for row in answers(acme, job, "WITH RECURSIVE")]
    assert told == ["created", "started", "failed", "created", "started", "phase", "cancelled"]


def test_an_organizations_day_its_cancellations_and_its_phases(acme: Tenant, job: Job) -> None:
    assert len(answers(acme, job, "interval '1 day'")) == 7
    assert [row["job_id"] for row in answers(acme, job, "kind = 'cancelled'")] == [job.id]
    phases = answers(acme, job, "AS lasted")
    assert [(row["phase"], row["lasted"] is None) for row in phases] == [("live", False), (None, True)]


def test_usage_by_day_by_organization_and_in_all(acme: Tenant, job: Job) -> None:
    assert [row["api_calls"] for row in answers(acme, job, "daily API limit")] == [3]
    (bill,) = answers(acme, job, "month's bill")
    assert (bill["slug"], bill["api_calls"], bill["written"], bill["failed_runs"]) == ("acme", 3, 6, 1)
    (total,) = answers(acme, job, "total_deals_processed")
    assert {name: float(value) for name, value in total.items()} == {
        "total_jobs": 2,
        "completed_jobs": 0,
        "failed_jobs": 1,
        "success_rate": 75,
        "total_deals_processed": 8,
    }


def test_every_query_is_tested_here() -> None:
    assert len(QUERIES) == 8
