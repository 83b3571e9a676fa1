"""What an operator reads of a job that cannot be claimed, or is not ours any more: which one, why, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.exceptions import (
    ConfigurationError,
    DatabaseUnavailableError,
    JobAlreadyRunning,
    JobCancelled,
    JobSuperseded,
    WrongPortalError,
)
from airflow_provider_hubspot_deals.jobs import JobOrigin, claiming, rivals
from tests.integration.tenant import NO_USAGE, Tenant, a_batch, a_run


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def said_by(call: Callable[[], object], kind: type[Exception]) -> str:
    with pytest.raises(kind) as raised:
        call()
    assert type(raised.value) is kind
    return str(raised.value)


def test_a_second_run_names_the_active_job_and_leaves_it_alone(acme: Tenant) -> None:
    first = acme.claim(a_run("first"))
    assert said_by(lambda: acme.claim(a_run("second")), JobAlreadyRunning) == (
        f"Organization 'acme' (type 'standard') has an active job already: {first.id}, running, of run 'first'. "
        "This run leaves it alone."
    )


def test_a_cancelled_job_is_named_to_its_own_run(acme: Tenant) -> None:
    job = acme.claim()
    acme.execute("UPDATE hubspot.jobs SET status = 'cancelled'")
    assert said_by(acme.claim, JobCancelled) == f"Job {job.id} of organization 'acme' was cancelled."
    assert said_by(lambda: acme.take_up(job), JobCancelled) == (
        f"Job {job.id} of organization 'acme' was cancelled; committed batches stay."
    )


def test_a_name_that_belongs_to_another_id_says_what_to_change(acme: Tenant) -> None:
    acme.claim()
    other = Tenant(acme.url, "other").id
    assert said_by(lambda: acme.claim(a_run("second"), organization_id=other), ConfigurationError) == (
        f"Organization 'acme' is registered under another id than {other}. "
        "Give it its registered id again, or choose another name."
    )


def test_a_portal_of_somebody_else_says_where_the_right_token_belongs(acme: Tenant) -> None:
    other = Tenant(acme.url, "other")
    with acme.connect() as connection:
        jobs.bind_portal(connection, acme.claim(), 1001)
        job = other.claim(a_run(dag_id="other"))
        assert said_by(lambda: jobs.bind_portal(connection, job, 1001), WrongPortalError) == (
            "The HubSpot token of organization 'other' (type 'standard') opens portal 1001, which belongs to another "
            "organization or type. Put the right token into its connection."
        )


@pytest.mark.parametrize("successor", ["second", None], ids=["Airflow", "outside Airflow"])
def test_a_job_that_was_taken_over_says_why_and_by_whom(acme: Tenant, successor: str | None) -> None:
    origin = a_run(successor) if successor else JobOrigin()
    by_whom = "run 'second' took over" if successor else "a run outside Airflow took over"
    job = acme.claim(a_run("first"))
    acme.execute("UPDATE hubspot.jobs SET last_heartbeat = '2020-01-01', created_at = '2020-01-01'")
    acme.claim(origin)
    row = acme.job(job)
    assert (row["error_code"], row["error_message"]) == (
        "HEARTBEAT_LOST",
        f"No sign of life for more than 120 s; {by_whom}.",
    )


def test_a_job_whose_retry_is_overdue_says_that_none_came(acme: Tenant) -> None:
    job = acme.claim(a_run("first", dag_id="another"))
    with acme.connect() as connection:
        jobs.release(connection, job, error_code="X", error_message="…", resume_after=timedelta(0), usage=NO_USAGE)
    acme.execute(
        "UPDATE hubspot.jobs SET last_heartbeat = '2020-01-01', created_at = '2020-01-01', resume_at = '2020-01-01'"
    )
    acme.claim(a_run("second"))
    row = acme.job(job)
    assert (row["error_code"], row["error_message"]) == (
        "HEARTBEAT_LOST",
        "It waited for another attempt, and none came within 120 s after it was due; run 'second' took over.",
    )


def test_a_job_whose_task_was_cleared_says_so(acme: Tenant) -> None:
    job = acme.claim(a_run(clear_number=0, first_try=1))
    acme.claim(a_run(clear_number=1, try_number=2, first_try=2))
    row = acme.job(job)
    assert (row["error_code"], row["error_message"]) == ("ABANDONED", "Its task was cleared; run 'first' took over.")


def test_a_job_that_its_run_left_behind_says_so(acme: Tenant) -> None:
    job = acme.claim(a_run("first"))
    with acme.connect() as connection:
        jobs.release(connection, job, error_code="X", error_message="…", resume_after=timedelta(0), usage=NO_USAGE)
    acme.claim(a_run("second"))
    row = acme.job(job)
    assert (row["error_code"], row["error_message"]) == (
        "ABANDONED",
        "Run 'first' left it behind; run 'second' took over.",
    )


def test_a_fence_that_somebody_holds_says_what_ends_them(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    statements = sql._statements("jobs")
    monkeypatch.setitem(statements, "set_transaction", statements["set_transaction"].replace("'10s'", "'100ms'"))
    job = acme.claim(a_run(try_number=1))
    with closing(psycopg.connect(acme.url)) as other:
        jobs.lock_fence(other, job)
        with pytest.raises(DatabaseUnavailableError) as raised:
            acme.claim(a_run(try_number=2))
    assert raised.value.code == "DB_BUSY"
    assert raised.value.__suppress_context__
    assert str(raised.value) == (
        "Another session holds the row of organization 'acme' (type 'standard') in hubspot.sync_state. If its worker "
        f"is frozen, a load ends it after {rivals.STUCK_AFTER.total_seconds():.0f} s, where it logs in as the same "
        "role, or as one that has pg_read_all_stats and pg_signal_backend; end any other with pg_terminate_backend."
    )


@pytest.mark.parametrize(
    ("status", "seconds_of_silence", "expected"),
    [
        ("running", 0, JobAlreadyRunning),
        ("running", 500, DatabaseUnavailableError),
        ("pending", 0, DatabaseUnavailableError),  # whoever holds the fence works on no batch of it
    ],
    ids=["alive", "dead", "waiting"],
)
def test_e22_a_run_that_is_in_the_middle_of_a_long_batch_is_left_alone(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch, status: str, seconds_of_silence: int, expected: type[Exception]
) -> None:
    statements = sql._statements("jobs")
    monkeypatch.setitem(statements, "set_transaction", statements["set_transaction"].replace("'10s'", "'100ms'"))
    job = acme.claim(a_run("first"))
    acme.execute(
        "UPDATE hubspot.jobs SET status = %s,"
        " last_heartbeat = now() - make_interval(secs => %s), created_at = now() - interval '1 day'",
        *(status, seconds_of_silence),
    )
    with closing(psycopg.connect(acme.url)) as other:
        jobs.lock_fence(other, job)
        with pytest.raises(expected):
            acme.claim(a_run("second"))
    assert acme.job(job)["status"] == status


def test_e22_so_is_another_mapped_task_of_the_same_run(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    statements = sql._statements("jobs")
    monkeypatch.setitem(statements, "set_transaction", statements["set_transaction"].replace("'10s'", "'100ms'"))
    job = acme.claim(a_run(map_index=0))
    with closing(psycopg.connect(acme.url)) as other:
        jobs.lock_fence(other, job)
        with pytest.raises(JobAlreadyRunning):
            acme.claim(a_run(map_index=1))


def test_no_client_of_ours_waits_as_long_as_a_stuck_session_may() -> None:
    assert sql.TRANSACTION_TIMEOUT_S < rivals.STUCK_AFTER.total_seconds() < 2 * sql.TRANSACTION_TIMEOUT_S


@pytest.mark.parametrize("ended", ["completed", "failed"])
def test_an_attempt_whose_job_has_ended_stops_and_says_how(acme: Tenant, ended: str) -> None:
    job = acme.claim()
    acme.execute("UPDATE hubspot.jobs SET status = %s", ended)
    with acme.connect() as connection:
        said = said_by(lambda: jobs.record_batch(connection, job, a_batch()), JobSuperseded)
    assert said == f"Job {job.id} is {ended}; this attempt stops without writing."


def test_an_attempt_whose_job_is_gone_says_so(acme: Tenant) -> None:
    job = acme.claim()
    acme.execute("DELETE FROM hubspot.jobs")
    with acme.connect() as connection:
        said = said_by(lambda: jobs.record_batch(connection, job, a_batch()), JobSuperseded)
    assert said == f"Job {job.id} is gone; this attempt stops without writing."


def test_an_attempt_that_was_replaced_says_so_wherever_it_notices(acme: Tenant) -> None:
    old = acme.claim(a_run(try_number=1))
    acme.claim(a_run(try_number=2))
    replaced = f"Job {old.id} was taken over by a newer attempt; this one stops without writing."
    with acme.connect() as connection:
        assert said_by(lambda: jobs.lock_fence(connection, old), JobSuperseded) == replaced
    assert said_by(lambda: acme.take_up(old), JobSuperseded) == replaced


def test_a_job_that_a_standby_never_heard_of_is_begun_again_by_the_retry(acme: Tenant) -> None:
    job = acme.claim()
    acme.execute("DELETE FROM hubspot.jobs")
    assert said_by(lambda: acme.take_up(job), DatabaseUnavailableError) == (
        f"Job {job.id} of organization 'acme' is not in this database: a standby that lacked the last commits seems to "
        "have taken over. The run's retry begins it again."
    )


def test_an_organization_that_was_erased_meanwhile_is_named(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    register: Any = claiming._register

    def registered_and_erased(connection: psycopg.Connection[Any], *arguments: Any) -> None:
        register(connection, *arguments)
        connection.execute("DELETE FROM hubspot.sync_state")

    monkeypatch.setattr(claiming, "_register", registered_and_erased)
    assert said_by(acme.claim, JobSuperseded) == ("Organization 'acme' was erased while its job was being claimed.")


def test_a_job_that_ends_while_it_is_claimed_is_named(acme: Tenant) -> None:
    job = acme.claim(a_run(try_number=1))
    acme.execute(
        """
        CREATE FUNCTION hubspot.cancel() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            UPDATE hubspot.jobs SET status = 'cancelled'; RETURN NULL;
        END $$;
        CREATE TRIGGER cancel AFTER UPDATE OF epoch ON hubspot.sync_state EXECUTE FUNCTION hubspot.cancel()
        """
    )
    assert said_by(lambda: acme.claim(a_run(try_number=2)), JobSuperseded) == (
        f"Job {job.id} ended while it was being claimed."
    )
