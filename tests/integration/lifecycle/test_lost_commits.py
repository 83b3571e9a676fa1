"""A COMMIT without an answer: what became of it is looked up, and the run goes on without counting anything twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs, sql, sync
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError, DeferredError
from airflow_provider_hubspot_deals.jobs import claiming
from airflow_provider_hubspot_deals.sync import recovery
from airflow_provider_hubspot_deals.transfers.outcomes import TaskKilled
from local_stack.processes import wait_until
from tests.integration.lifecycle.conftest import A_TRY, NEXT_TRY, SMALL, Sessions, at_call
from tests.integration.lifecycle.wire import Loss, LossyWire
from tests.integration.roles import SUPERUSER, Roles
from tests.integration.sync.conftest import Organization
from tests.integration.tenant import Tenant, a_batch, a_run

LOSSES = {
    "d02_reply_lost": Loss(reaches_server=True, is_noticed=True),
    "d03_request_lost": Loss(reaches_server=False, is_noticed=True),
    "d04_reply_swallowed": Loss(reaches_server=True, is_noticed=False),
    "d04_request_swallowed": Loss(reaches_server=False, is_noticed=False),
}


@pytest.fixture
def wire(database_url: str) -> Iterator[LossyWire]:
    parts = urlsplit(database_url)
    with LossyWire(parts.hostname or "127.0.0.1", parts.port or 5432) as running:
        yield running


@pytest.fixture
def behind_wire(acme: Organization, wire: LossyWire, monkeypatch: pytest.MonkeyPatch) -> Organization:
    monkeypatch.setattr(sql, "TRANSACTION_TIMEOUT_S", 1.0)
    parts = urlsplit(acme.database_url)
    account = parts.netloc.rpartition("@")[0]
    through = parts._replace(netloc=f"{account}@127.0.0.1:{wire.port}", query="connect_timeout=5&sslmode=disable")
    return replace(acme, database_url=through.geturl())


def lose_after(monkeypatch: pytest.MonkeyPatch, name: str, number: int, lose: Callable[[], None]) -> None:
    """The COMMIT that follows the n-th call of ``jobs.<name>``."""
    function, calls = getattr(jobs, name), 0

    def counted(*arguments: Any, **settings: Any) -> Any:
        nonlocal calls
        calls += 1
        outcome = function(*arguments, **settings)
        if calls == number:
            lose()
        return outcome

    monkeypatch.setattr(jobs, name, counted)


# The matrix of the simulation loses and swallows answers in each place, of the first, a middle and the last batch.
@pytest.mark.parametrize(
    ("loss", "batch"),
    [("d02_reply_lost", 1), ("d03_request_lost", 3), ("d04_reply_swallowed", 5), ("d04_request_swallowed", 3)],
)
def test_d02_d03_d04_a_batch_whose_commit_is_lost_is_stored_once(
    behind_wire: Organization, wire: LossyWire, monkeypatch: pytest.MonkeyPatch, loss: str, batch: int
) -> None:
    acme = behind_wire
    lose_after(monkeypatch, "record_batch", batch, lambda: wire.lose(LOSSES[loss]))

    summary = acme.sync(origin=A_TRY, **SMALL)

    (job,) = acme.jobs()
    assert wire.losses == 1
    assert (summary.status, job["status"], job["attempt"]) == ("completed", "completed", 2)
    assert job["records_extracted"] == sum(line["received"] for line in acme.query("SELECT * FROM hubspot.job_batches"))
    assert job["records_inserted"] == len(acme.deals()) == 245
    assert job["api_calls"] == len(acme.simulator.requests)
    assert acme.differences() == []


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
def test_d02_d03_d04_a_job_whose_completion_is_lost_is_completed_once(
    behind_wire: Organization, wire: LossyWire, monkeypatch: pytest.MonkeyPatch, loss: Loss
) -> None:
    acme = behind_wire
    complete = jobs.complete

    def lost(*arguments: Any, **settings: Any) -> Any:
        if not wire.losses:
            wire.lose(loss)
        return complete(*arguments, **settings)

    monkeypatch.setattr(jobs, "complete", lost)

    summary = acme.sync(origin=A_TRY, **SMALL)

    (job,) = acme.jobs()
    assert (wire.losses, summary.status, job["status"]) == (1, "completed", "completed")
    assert summary.counts["records_inserted"] == job["records_inserted"] == 245
    assert acme.differences() == []


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
def test_d02_d03_d04_a_take_up_whose_commit_is_lost_is_no_rivals(
    behind_wire: Organization, wire: LossyWire, monkeypatch: pytest.MonkeyPatch, loss: Loss
) -> None:
    acme, started, calls = behind_wire, claiming._started, count(1)

    def lost(*arguments: Any) -> Any:
        row = started(*arguments)
        if next(calls) == 2:  # the first one claimed
            wire.lose(loss)
        return row

    monkeypatch.setattr(claiming, "_started", lost)
    sessions = Sessions(acme.database_url)
    with acme.client(before=at_call("list", 3, sessions.terminate)) as client:
        summary = sync.run(acme.request(origin=A_TRY, **SMALL), client=client, connect=sessions.connect)

    (job,) = acme.jobs()
    assert (wire.losses, summary.status, job["status"], job["attempt"]) == (1, "completed", "completed", 2)
    assert acme.sync_state()["epoch"] == 2
    assert acme.differences() == []


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
def test_d02_d03_d04_a_job_whose_claim_is_lost_does_not_seem_to_run(
    behind_wire: Organization, wire: LossyWire, monkeypatch: pytest.MonkeyPatch, loss: Loss
) -> None:
    acme, started = behind_wire, claiming._started

    def lost(*arguments: Any) -> Any:
        row = started(*arguments)
        if not wire.losses:
            wire.lose(loss)
        return row

    monkeypatch.setattr(claiming, "_started", lost)
    with pytest.raises(DatabaseUnavailableError):
        acme.sync(origin=A_TRY, **SMALL)

    told = [(job["status"], job["error_code"]) for job in acme.jobs()]
    assert told == ([("pending", "DB_UNAVAILABLE")] if loss.reaches_server else [])
    assert acme.sync(origin=NEXT_TRY, **SMALL).status == "completed"
    assert acme.differences() == []


def test_d02_an_attempt_that_ends_badly_after_a_take_up_whose_answer_was_lost_says_so(
    behind_wire: Organization, wire: LossyWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, started, calls = behind_wire, claiming._started, count(1)

    def lost(*arguments: Any) -> Any:
        row = started(*arguments)
        if next(calls) == 2:
            wire.lose(LOSSES["d02_reply_lost"])
        return row

    monkeypatch.setattr(claiming, "_started", lost)
    sessions = Sessions(acme.database_url)

    def fall_out(call: str, number: int) -> None:
        at_call("list", 2, sessions.terminate)(call, number)
        if (call, number) == ("list", 3):
            raise DeferredError("HubSpot asks for a pause.", resume_after_s=60)

    with acme.client(before=fall_out) as client, pytest.raises(DeferredError):
        sync.run(acme.request(origin=A_TRY, **SMALL), client=client, connect=sessions.connect)
    (job,) = acme.jobs()
    assert (wire.losses, job["status"], job["error_code"], job["attempt"]) == (1, "pending", "DEFERRED", 2)


@pytest.mark.parametrize(
    ("unlucky", "told"),
    [(TaskKilled("Stopped."), "KILLED"), (psycopg.OperationalError("the answer is lost"), "DB_UNAVAILABLE")],
    ids=["stopped", "lost for good"],
)
def test_d02_a_job_whose_taking_up_nobody_heard_of_does_not_seem_to_run(
    acme: Organization, monkeypatch: pytest.MonkeyPatch, unlucky: BaseException, told: str
) -> None:
    being_taken_up = jobs.being_taken_up

    @contextmanager
    def without_an_answer(*arguments: Any) -> Iterator[jobs.Job]:
        with being_taken_up(*arguments) as job:
            yield job
        raise unlucky

    monkeypatch.setattr(recovery, "PATIENCE_S", 0.05)
    sessions = Sessions(acme.database_url)
    with monkeypatch.context() as patched, acme.client(before=at_call("list", 3, sessions.terminate)) as client:
        patched.setattr(jobs, "being_taken_up", without_an_answer)
        with pytest.raises((TaskKilled, DatabaseUnavailableError)):
            sync.run(acme.request(origin=A_TRY, **SMALL), client=client, connect=sessions.connect)

    assert [(job["status"], job["error_code"], job["attempt"]) for job in acme.jobs()] == [("pending", told, 2)]
    assert acme.sync(origin=NEXT_TRY, **SMALL).status == "completed"
    assert acme.differences() == []


@pytest.fixture
def tenant(database_url: str) -> Tenant:
    return Tenant(database_url)


def test_d04_a_transaction_in_progress_is_ended_before_it_is_looked_up(tenant: Tenant) -> None:
    job = tenant.claim(a_run())
    with tenant.connect() as lost, tenant.connect() as connection:
        lost.execute("BEGIN")
        transaction_id = jobs.lock_fence(lost, job)
        jobs.record_batch(lost, job, a_batch(received=1, inserted=1))
        assert jobs.was_committed(connection, job, transaction_id) is False
        with pytest.raises(psycopg.OperationalError):
            lost.execute("COMMIT")
        assert tenant.take_up(job, a_run()).epoch == job.epoch + 1
    assert tenant.job(job)["records_extracted"] == 0


def test_d05_of_a_transaction_too_old_for_postgresql_the_ledger_tells(tenant: Tenant) -> None:
    job = tenant.claim(a_run())
    forgotten = "3"  # the first normal one of the cluster
    with tenant.connect() as connection:
        assert jobs.was_committed(connection, job, forgotten) is False
        with sql.transaction(connection):
            jobs.record_batch(connection, job, a_batch(received=1, inserted=1))
        tenant.execute("UPDATE hubspot.job_batches SET xid = %s::text::xid8", forgotten)
        assert jobs.was_committed(connection, job, forgotten) is True


def test_d13_a_transaction_of_a_server_that_failed_over_is_lost(tenant: Tenant) -> None:
    job = tenant.claim(a_run())
    with tenant.connect() as connection:
        assert jobs.was_committed(connection, job, str(2**60)) is False


@contextmanager
def frozen_in_copy(tenant: Tenant, job: jobs.Job, url: str) -> Iterator[int]:
    """A session that holds the fence in the middle of a COPY whose client has frozen; its process id."""
    with closing(psycopg.connect(url, autocommit=True)) as frozen:
        frozen.execute("BEGIN")
        jobs.lock_fence(frozen, job)
        frozen.execute("SET LOCAL statement_timeout = '50ms'")  # which does not end it
        frozen.execute("CREATE TEMPORARY TABLE stage (line text) ON COMMIT DROP")
        pipe = frozen.cursor().copy("COPY stage FROM STDIN")
        pipe.__enter__().write(b"half of\n")
        pid = frozen.info.backend_pid
        time.sleep(0.3)  # longer than an impatient claim waits
        assert is_alive(tenant, pid)
        yield pid
        frozen.pgconn.finish()


def is_alive(tenant: Tenant, pid: int) -> bool:
    return tenant.query("SELECT FROM pg_stat_activity WHERE pid = %s", pid) != []


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "STUCK_AFTER", timedelta(seconds=0.1))


@pytest.mark.usefixtures("impatient")
def test_e16_a_session_stuck_in_copy_does_not_hold_the_fence_for_ever(tenant: Tenant) -> None:
    old = tenant.claim(a_run(try_number=1))
    with frozen_in_copy(tenant, old, tenant.url) as pid:
        assert tenant.claim(a_run(try_number=2)).epoch == old.epoch + 1
        wait_until(lambda: not is_alive(tenant, pid), what="the end of the session", timeout_s=10)


def test_d01_an_attempt_that_goes_on_ends_the_session_that_it_lost(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "LOST_AFTER", timedelta(seconds=0.1))
    job = tenant.claim(a_run())
    with frozen_in_copy(tenant, job, tenant.url) as pid:
        assert tenant.take_up(job, a_run()).epoch == job.epoch + 1
        wait_until(lambda: not is_alive(tenant, pid), what="the end of the session", timeout_s=10)


@pytest.mark.parametrize("origin", [a_run(try_number=2), a_run("second")], ids=["its retry", "another run"])
def test_e16_an_attempt_that_was_replaced_does_not_end_its_successors_session(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, origin: jobs.JobOrigin
) -> None:
    monkeypatch.setattr(claiming, "LOST_AFTER", timedelta(seconds=0.1))
    statements = sql._statements("jobs")
    monkeypatch.setitem(statements, "set_transaction", statements["set_transaction"].replace("'10s'", "'1s'"))
    old = tenant.claim(a_run(try_number=1))
    tenant.execute(
        "UPDATE hubspot.jobs SET last_heartbeat = now() - interval '1 hour', created_at = now() - interval '1 day'"
    )
    successor = tenant.claim(origin)
    with frozen_in_copy(tenant, successor, tenant.url) as pid:
        with pytest.raises(psycopg.errors.LockNotAvailable):
            tenant.take_up(old, a_run(try_number=1))
        assert is_alive(tenant, pid)


@pytest.mark.usefixtures("impatient")
def test_e16_a_session_that_holds_the_fence_and_works_is_waited_for(tenant: Tenant) -> None:
    old = tenant.claim(a_run(try_number=1))
    with tenant.connect() as person, ThreadPoolExecutor() as threads:
        person.execute("BEGIN")
        jobs.lock_fence(person, old)
        purge = threads.submit(person.execute, "SELECT pg_sleep(2); COMMIT")
        sleeping = "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
        wait_until(lambda: tenant.query(sleeping, person.info.backend_pid) != [], what="the purge", timeout_s=10)
        time.sleep(0.2)
        assert tenant.claim(a_run(try_number=2)).epoch == old.epoch + 1
        purge.result()  # was not ended


@pytest.mark.usefixtures("impatient")
def test_e16_the_frozen_session_of_another_role_is_named_until_ours_may_end_it(
    roles: Roles, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = sql._statements("jobs")
    monkeypatch.setitem(statements, "set_transaction", statements["set_transaction"].replace("'10s'", "'1s'"))
    first, second = roles.loader(), roles.loader()
    old = replace(tenant, url=roles.url_of(first)).claim(a_run(try_number=1))
    successor = replace(tenant, url=roles.url_of(second))
    with frozen_in_copy(tenant, old, roles.url_of(first)):
        with pytest.raises(DatabaseUnavailableError, match="pg_read_all_stats and pg_signal_backend") as raised:
            successor.claim(a_run(try_number=2))
        assert raised.value.code == "DB_BUSY"
        with psycopg.connect(roles.url_of(SUPERUSER), autocommit=True) as administrator:
            administrator.execute(f"GRANT pg_read_all_stats TO {second}")
            with pytest.raises(DatabaseUnavailableError):
                successor.claim(a_run(try_number=2))
            administrator.execute(f"GRANT pg_signal_backend TO {second}")
        assert successor.claim(a_run(try_number=2)).epoch == old.epoch + 1
