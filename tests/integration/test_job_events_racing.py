"""Sessions that change one job at once: it ends once, and its events stay numbered without gaps."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.exceptions import JobStopped
from airflow_provider_hubspot_deals.jobs import Job
from tests.integration.tenant import NO_USAGE, Tenant, a_batch, a_run

pytestmark = pytest.mark.usefixtures("invariants_hold")

ROUNDS = 12
CHANGES = 6  # of each session and round
ONE_EACH = {"api_calls": 1, "api_calls_by_endpoint": {"list": 1}, "rate_limit_hits": 1, "bytes_received": 1}

Connection = psycopg.Connection[Any]
Change = Callable[[Connection, Job], object]


def record(connection: Connection, job: Job) -> None:
    with sql.transaction(connection):
        jobs.lock_fence(connection, job)
        jobs.record_batch(connection, job, a_batch(pages=100, received=1, inserted=1, **ONE_EACH))


def roll_back(connection: Connection, job: Job) -> None:
    with connection.transaction(force_rollback=True):
        jobs.record_batch(connection, job, a_batch(pages=100, **ONE_EACH))


def move_watermark(connection: Connection, job: Job) -> None:
    with sql.transaction(connection):
        jobs.advance_watermark(connection, job, datetime.now(UTC))


def tell(connection: Connection, job: Job) -> None:
    with connection.transaction():
        jobs.tell(connection, job, "note", {})


def complete(connection: Connection, job: Job) -> None:
    jobs.complete(connection, job, selection="all", started_at=datetime.now(UTC), usage=ONE_EACH)


def fail(connection: Connection, job: Job) -> None:
    jobs.fail(connection, job, error_code="UPSTREAM_DOWN", error_message="…", usage=ONE_EACH)


def release(connection: Connection, job: Job) -> None:
    jobs.release(
        connection, job, error_code="DAILY", error_message="…", resume_after=timedelta(hours=1), usage=NO_USAGE
    )


def cancel(connection: Connection, job: Job) -> None:
    connection.execute(
        "UPDATE hubspot.scan_jobs SET status = 'cancelled' WHERE id = %s AND status IN ('pending', 'running')", [job.id]
    )


def force(connection: Connection, job: Job) -> None:
    """What nobody should do: no look at the status before."""
    connection.execute("UPDATE hubspot.jobs SET status = 'failed' WHERE id = %s", [job.id])


def retry(connection: Connection, _job: Job) -> None:
    jobs.claim(connection, "hubspot", Tenant("").order(a_run(try_number=2)))


LIVING: tuple[Change, ...] = (record, roll_back, move_watermark, tell, jobs.heartbeat)
ENDING: tuple[Change, ...] = (complete, fail, release, cancel, force, retry)


def test_e26_whoever_races_a_job_ends_once_and_its_story_has_no_gap(database_url: str) -> None:
    chance = random.Random(17)  # noqa: S311 - a scenario, not a secret
    acme = Tenant(database_url)
    unexpected: list[str] = []

    def change_at_once(job: Job, together: threading.Barrier, changes: list[Change]) -> None:
        with acme.connect() as connection:
            together.wait()
            for change in changes:
                try:
                    change(connection, job)
                except (JobStopped, psycopg.errors.CheckViolation):
                    pass  # it came too late
                except Exception as error:  # noqa: BLE001 - a thread's failure must reach the test
                    unexpected.append(f"{change.__name__}: {type(error).__name__}: {error}")

    with ThreadPoolExecutor() as threads:
        for _ in range(ROUNDS):
            job = acme.claim(a_run(try_number=1))
            sessions = [[*chance.choices(LIVING, k=CHANGES), *chance.sample(ENDING, 2)] for _ in range(4)]
            together = threading.Barrier(len(sessions))
            for done in [threads.submit(change_at_once, job, together, changes) for changes in sessions]:
                done.result()
            acme.execute("UPDATE hubspot.jobs SET status = 'cancelled' WHERE end_time IS NULL")
            acme.execute("UPDATE hubspot.jobs SET clear_number = clear_number + 1000")  # the next round is another run

    assert unexpected == []
    terminal = acme.query(
        "SELECT count(*) AS count FROM hubspot.job_events WHERE kind IN ('completed', 'failed', 'cancelled')"
    )
    assert terminal == acme.query("SELECT count(*) AS count FROM hubspot.jobs")
