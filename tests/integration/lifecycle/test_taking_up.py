"""An attempt that lost its connection takes its job up over a new one, and knows when to give up."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice
from typing import Any, NoReturn

import psycopg
import pytest
from psycopg import errors

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError, JobLostError
from airflow_provider_hubspot_deals.jobs import unknown_commits
from airflow_provider_hubspot_deals.sync import recovery
from airflow_provider_hubspot_deals.sync.recovery import Recovery
from tests.integration.lifecycle.servers import OwnServer
from tests.integration.tenant import Tenant, a_batch, a_run

LOST = psycopg.OperationalError("server closed the connection unexpectedly")


class Connecting:
    """Opens connections, of which the first few read only, and remembers them."""

    def __init__(self, tenant: Tenant, *, read_only: int = 0) -> None:
        self._tenant, self._read_only = tenant, read_only
        self.opened: list[psycopg.Connection[Any]] = []

    def __call__(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self._tenant.url)
        self.opened.append(connection)
        if len(self.opened) <= self._read_only:
            connection.read_only = True
        return connection


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


@pytest.fixture
def job(acme: Tenant) -> jobs.Job:
    return acme.claim(a_run())


@pytest.fixture
def connecting(acme: Tenant) -> Iterator[Connecting]:
    made = Connecting(acme)
    yield made
    for connection in made.opened:
        connection.close()


def test_the_attempt_goes_on_with_the_same_job_and_a_new_epoch(
    acme: Tenant, job: jobs.Job, connecting: Connecting, caplog: pytest.LogCaptureFixture
) -> None:
    with acme.connect() as connection, sql.transaction(connection):
        jobs.record_batch(connection, job, a_batch(received=1, inserted=1))
    caplog.set_level(logging.INFO)

    taken_up = Recovery(connecting, acme.order(a_run())).take_up(job, LOST, None)

    assert (taken_up.job.id, taken_up.job.epoch, taken_up.job.attempt) == (job.id, job.epoch + 1, 2)
    assert (taken_up.connection, taken_up.was_committed) == (connecting.opened[0], False)
    assert taken_up.connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert f"Job {job.id}: PostgreSQL does not go on (OperationalError); connecting again." in caplog.messages
    assert f"Job {job.id}: goes on after batch 1." in caplog.messages


@pytest.mark.parametrize("committed", [True, False])
def test_the_attempt_learns_whether_its_last_batch_was_committed(
    acme: Tenant, job: jobs.Job, connecting: Connecting, *, committed: bool
) -> None:
    with acme.connect() as connection, sql.transaction(connection):
        transaction_id = jobs.lock_fence(connection, job)
        if committed:
            jobs.record_batch(connection, job, a_batch(received=1, inserted=1))

    assert Recovery(connecting, acme.order(a_run())).take_up(job, LOST, transaction_id).was_committed is committed


def test_d04_a_session_that_does_not_end_is_named_with_what_to_do(
    server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unknown_commits, "SETTLED_WITHIN_S", 0.3)
    acme = Tenant(server.url)
    job = acme.claim(a_run())
    with closing(acme.connect()) as lost, acme.connect() as connection:
        lost.execute("BEGIN")
        transaction_id = jobs.lock_fence(lost, job)
        os.kill(lost.info.backend_pid, signal.SIGSTOP)  # as one that waits for a disk
        try:
            with pytest.raises(DatabaseUnavailableError) as raised:
                jobs.was_committed(connection, job, transaction_id)
        finally:
            os.kill(lost.info.backend_pid, signal.SIGCONT)
    assert str(raised.value) == (
        f"Job {job.id} of organization 'acme' lost its connection to PostgreSQL, whose session still holds transaction "
        f"{transaction_id} open; end it with pg_terminate_backend."
    )


@pytest.mark.parametrize(
    "error",
    [errors.UndefinedTable(), errors.DiskFull(), errors.InvalidPassword(), psycopg.InterfaceError()],
    ids=lambda error: type(error).__name__,
)
def test_what_does_not_pass_is_raised_without_another_connection(
    acme: Tenant, job: jobs.Job, error: psycopg.Error
) -> None:
    with pytest.raises(type(error)) as raised:
        Recovery(lambda: pytest.fail("connected again"), acme.order()).take_up(job, error, None)
    assert raised.value is error


@pytest.mark.parametrize(
    "sqlstate", ["08006", "25006", "25P03", "25P04", "40001", "40P01", "53300", "55P03", "57014", "57P01"]
)
def test_what_passes_is_worth_another_connection(
    acme: Tenant, job: jobs.Job, connecting: Connecting, sqlstate: str
) -> None:
    error = errors.lookup(sqlstate)()
    assert Recovery(connecting, acme.order(a_run())).take_up(job, error, None).job.attempt == 2


def test_a_job_taken_for_dead_while_nobody_knew_that_it_was_taken_up_is_left_to_its_next_try(
    acme: Tenant, job: jobs.Job
) -> None:
    acme.take_up(job, a_run())  # of which the answer is lost
    acme.execute("UPDATE hubspot.jobs SET status = 'failed', error_code = 'HEARTBEAT_LOST'")
    with pytest.raises(JobLostError):
        acme.take_up(job, a_run())


def test_what_does_not_pass_ends_the_waiting_too(acme: Tenant, job: jobs.Job, connecting: Connecting) -> None:
    acme.execute("ALTER TABLE hubspot.jobs RENAME TO theirs")
    with pytest.raises(errors.UndefinedTable):
        Recovery(connecting, acme.order(a_run())).take_up(job, LOST, None)
    assert [connection.closed for connection in connecting.opened] == [True]
    acme.execute("ALTER TABLE hubspot.theirs RENAME TO jobs")


def test_connections_to_a_standby_are_closed_until_one_leads_to_the_primary(acme: Tenant, job: jobs.Job) -> None:
    connecting = Connecting(acme, read_only=2)
    taken_up = Recovery(connecting, acme.order(a_run())).take_up(job, LOST, None)
    assert [connection.closed for connection in connecting.opened] == [True, True, False]
    taken_up.connection.close()


def test_a_server_that_stays_away_is_told_by_its_last_word(
    acme: Tenant, job: jobs.Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "PATIENCE_S", 0.3)

    tries = count(1)

    def refuse() -> NoReturn:
        next(tries)
        raise psycopg.OperationalError("the database system is starting up")

    with pytest.raises(psycopg.OperationalError, match="starting up"):
        Recovery(refuse, acme.order()).take_up(job, LOST, None)
    assert 2 <= next(tries) - 1 <= 5  # what comes back is not stormed


def test_three_losses_in_a_row_are_forgiven_and_three_more_after_a_batch(
    acme: Tenant, job: jobs.Job, connecting: Connecting
) -> None:
    attempts = Recovery(connecting, acme.order(a_run()))
    for _ in range(2):
        for _ in range(3):
            job = attempts.take_up(job, LOST, None).job
        with pytest.raises(psycopg.OperationalError) as raised:
            attempts.take_up(job, LOST, None)
        assert raised.value is LOST
        attempts.progressed()
    assert job.attempt == 7


def test_pauses_double_up_to_five_seconds_and_none_is_like_anothers() -> None:
    runs = [list(islice(recovery._pauses(), 10)) for _ in range(20)]
    longest = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0]
    for pauses in runs:
        assert all(most / 2 <= pause <= most for pause, most in zip(pauses, longest, strict=True))
    assert len({pause for pauses in runs for pause in pauses}) == 200


def test_an_attempt_waits_as_long_as_a_restart_takes_and_less_than_a_job_may_be_silent() -> None:
    assert 30 < recovery.PATIENCE_S < jobs.model.SILENCE_MAX.total_seconds() / 2
