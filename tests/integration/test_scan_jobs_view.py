"""What scan_jobs does where the schema documents are silent: races, secrets, counts, tenants."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import CheckViolation, ForeignKeyViolation, UniqueViolation
from psycopg.types.json import Jsonb

from airflow_provider_hubspot_deals.jobs import Job
from tests.integration.tenant import Tenant

LONG_ENOUGH_S = 10.0
WAITING = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'transactionid'"


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


@pytest.fixture
def job(acme: Tenant) -> Job:
    return acme.claim()


def while_locked(acme: Tenant, job: Job, statement: str, meanwhile: str) -> int:
    """Rows that `statement` changes when it has to wait for `meanwhile`, which is committed first."""
    rows: list[int] = []
    with psycopg.connect(acme.url) as other:
        other.execute(meanwhile, [job.id])
        waiting = Thread(target=lambda: rows.append(acme.execute(statement, job.id)))
        waiting.start()
        until(lambda: bool(acme.query(WAITING)))
        other.commit()
        waiting.join(LONG_ENOUGH_S)
    return rows[0]


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG_ENOUGH_S
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


CANCEL = "UPDATE hubspot.scan_jobs SET status = 'cancelled' WHERE id = %s AND status IN ('pending', 'running')"
PROGRESS = "UPDATE hubspot.scan_jobs SET processed_items = processed_items + 3 WHERE id = %s"


def test_a_job_that_completes_while_it_is_being_cancelled_stays_completed(acme: Tenant, job: Job) -> None:
    complete = "UPDATE hubspot.jobs SET status = 'completed' WHERE id = %s"

    assert while_locked(acme, job, CANCEL, complete) == 0
    assert acme.job(job)["status"] == "completed"


def test_progress_reported_while_the_job_completes_does_not_undo_that(acme: Tenant, job: Job) -> None:
    complete = "UPDATE hubspot.jobs SET status = 'completed', error_message = 'note' WHERE id = %s"

    assert while_locked(acme, job, PROGRESS, complete) == 1

    row = acme.job(job)
    assert (row["status"], row["error_message"], row["end_time"] is None) == ("completed", "note", False)
    assert row["job_metadata"] == {"reported": {"processed": 3}}


def test_two_increments_at_once_both_count(acme: Tenant, job: Job) -> None:
    assert while_locked(acme, job, PROGRESS, PROGRESS) == 1
    assert acme.query("SELECT processed_items, processed_deals FROM hubspot.scan_jobs") == [
        {"processed_items": 6, "processed_deals": 6}
    ]


def test_an_ended_job_stays_ended(acme: Tenant, job: Job) -> None:
    acme.execute(CANCEL, job.id)

    with pytest.raises(CheckViolation, match="cannot go from cancelled to running"):
        acme.execute("UPDATE hubspot.scan_jobs SET status = 'running' WHERE id = %s", job.id)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE hubspot.scan_jobs SET processed_items = -1",
        "UPDATE hubspot.scan_jobs SET failed_deals = -1",
        "UPDATE hubspot.scan_jobs SET total_items = -1",
        "UPDATE hubspot.scan_jobs SET id = gen_random_uuid()",
        "UPDATE hubspot.scan_jobs SET tenant_id = NULL",
    ],
)
def test_what_a_job_cannot_be_is_refused(acme: Tenant, job: Job, change: str) -> None:
    with pytest.raises(CheckViolation, match=str(job.id)):
        acme.execute(change)


def test_a_job_can_be_counted_in_either_vocabulary_or_both(acme: Tenant, job: Job) -> None:
    acme.execute("UPDATE hubspot.scan_jobs SET total_items = 8, total_deals = 8, processed_deals = 3, failed_items = 1")

    (row,) = acme.query("SELECT * FROM hubspot.scan_jobs WHERE id = %s", job.id)
    counts = [row[f"{count}_{what}"] for what in ("items", "deals") for count in ("total", "processed", "failed")]
    assert counts == [8, 3, 1, 8, 3, 1]
    assert row["success_rate"] == "75.00%"


def test_the_loaders_own_counters_show_in_both_vocabularies(acme: Tenant, job: Job) -> None:
    acme.execute(
        "UPDATE hubspot.jobs SET records_expected = 12, records_extracted = 10, records_inserted = 4,"
        " records_unchanged = 3, records_quarantined = 3, api_calls = 5 WHERE id = %s",
        job.id,
    )

    (row,) = acme.query("SELECT * FROM hubspot.scan_jobs")
    counts = [row[f"{count}_{what}"] for what in ("items", "deals") for count in ("total", "processed", "failed")]
    assert counts == [12, 7, 3, 12, 7, 3]
    assert (row["success_rate"], row["api_calls_made"], row["batch_size"]) == ("70.00%", 5, None)


@pytest.mark.parametrize("metadata", ["[1]", '"text"', '{"reported": {"processed": "many"}}', '{"reported": 7}'])
def test_metadata_of_any_shape_breaks_no_view(acme: Tenant, job: Job, metadata: str) -> None:
    acme.execute("UPDATE hubspot.jobs SET job_metadata = %s, config = '[]' WHERE id = %s", metadata, job.id)

    assert acme.query("SELECT processed_items, batch_size FROM hubspot.scan_jobs") == [
        {"processed_items": 0, "batch_size": None}
    ]


def test_a_config_keeps_its_settings_and_none_of_its_secrets(acme: Tenant, job: Job) -> None:
    given = {"a": 1, "API_Token": "s", "nested": [{"clientSecret": "s", "password": {"x": "s"}, "kept": None}]}

    acme.execute("UPDATE hubspot.scan_jobs SET config = %s", Jsonb(given))

    assert acme.job(job)["config"] == {"a": 1, "nested": [{"kept": None}]}


def test_a_second_active_job_and_another_tenant_are_refused(acme: Tenant, job: Job) -> None:
    insert = "INSERT INTO hubspot.scan_jobs (organization_id, tenant_id) VALUES (%s, %s)"
    with pytest.raises(UniqueViolation, match="one_active"):
        acme.execute(insert, acme.id, acme.id)
    with pytest.raises(CheckViolation, match="same thing"):
        acme.execute(insert, acme.id, uuid4())
    with pytest.raises(ForeignKeyViolation):
        acme.execute(insert, None, uuid4())
    assert len(acme.query("SELECT FROM hubspot.jobs WHERE id = %s", job.id)) == 1


def test_counts_of_a_new_job_cannot_be_negative(acme: Tenant, job: Job) -> None:
    with pytest.raises(CheckViolation, match="cannot be negative"):
        acme.execute(
            "INSERT INTO hubspot.scan_jobs (tenant_id, scan_type, processed_deals) VALUES (%s, 'calendar', -1)", acme.id
        )
    assert [row["id"] for row in acme.query("SELECT id FROM hubspot.jobs")] == [job.id]


def test_an_insert_gives_back_the_job_that_it_made(acme: Tenant, job: Job) -> None:
    rows = acme.query(
        "INSERT INTO hubspot.scan_jobs (tenant_id, scan_type, total_items) VALUES (%s, 'calendar', 4) RETURNING *",
        acme.id,
    )

    (row,) = rows
    assert row["scan_id"] == str(row["id"]) != str(job.id)
    assert (row["status"], row["organization_id"], row["total_deals"]) == ("pending", acme.id, 4)
    assert (row["batch_size"], row["created_at"] is None) == (50, False)


def test_the_average_of_no_percentage_is_unknown(acme: Tenant, job: Job) -> None:
    (row,) = acme.query("SELECT hubspot.avg(success_rate) AS average FROM hubspot.scan_jobs WHERE id = %s", job.id)
    assert row == {"average": None}
