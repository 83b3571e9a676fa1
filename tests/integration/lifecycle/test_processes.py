"""Workers that freeze or hang, and what their successors find."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs, kill_points, sql
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError, HubSpotDealsError, JobSuperseded
from airflow_provider_hubspot_deals.kill_points import KillPoint
from airflow_provider_hubspot_deals.sync import heartbeat, recovery
from local_stack.processes import wait_until
from tests.integration.lifecycle.conftest import A_TRY, NEXT_TRY, SMALL, at_call, wait_for_stop
from tests.integration.sync.conftest import Organization


def test_e16_e28_a_worker_that_froze_within_a_batch_is_replaced_and_writes_nothing(acme: Organization) -> None:
    """SIGSTOP, takeover, SIGCONT. It froze before its transaction; within one, the fence waits for its timeout."""
    frozen = multiprocessing.get_context("fork").Process(target=run_and_freeze, args=(acme,))
    frozen.start()
    assert frozen.pid is not None
    wait_for_stop(frozen.pid)

    acme.sync(origin=NEXT_TRY, **SMALL)
    done = acme.deals()
    os.kill(frozen.pid, signal.SIGCONT)
    frozen.join(60)

    assert frozen.exitcode == 42
    assert acme.deals() == done
    assert acme.differences() == []
    assert [job["status"] for job in acme.jobs()] == ["completed"]


def run_and_freeze(organization: Organization) -> None:
    before = at_call("list", 4, lambda: os.kill(os.getpid(), signal.SIGSTOP))
    try:
        organization.sync(origin=A_TRY, before=before, **SMALL)
    except JobSuperseded:
        os._exit(42)


@pytest.mark.parametrize(
    "point", [KillPoint.BATCH_BEGUN, KillPoint.ROWS_WRITTEN, KillPoint.BATCH_WRITTEN, KillPoint.COMPLETION_WRITTEN]
)
def test_e16_a_worker_that_froze_within_a_transaction_until_its_session_was_ended_goes_on(
    acme: Organization, monkeypatch: pytest.MonkeyPatch, point: KillPoint
) -> None:
    assert freeze_until_timed_out(acme, monkeypatch, point) == "completed"

    (job,) = acme.jobs()
    assert (job["status"], job["attempt"], job["records_inserted"]) == ("completed", 2, 245)
    assert acme.differences() == []


def test_e16_a_worker_that_froze_within_its_claim_leaves_the_work_to_its_retry(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert freeze_until_timed_out(acme, monkeypatch, KillPoint.CLAIM_WRITTEN) == "DB_UNAVAILABLE"
    assert acme.sync(origin=NEXT_TRY, **SMALL).status == "completed"
    assert acme.differences() == []


def freeze_until_timed_out(organization: Organization, monkeypatch: pytest.MonkeyPatch, point: KillPoint) -> str:
    """How a worker ends that stood still within a transaction for longer than PostgreSQL lets it."""
    statements = sql._statements("jobs")
    hasty = statements["set_transaction"].replace("'30s'", "'1s'")
    monkeypatch.setitem(statements, "set_transaction", hasty)
    outcomes = multiprocessing.get_context("fork").SimpleQueue()
    worker = multiprocessing.get_context("fork").Process(target=run_and_freeze_at, args=(organization, point, outcomes))
    worker.start()
    assert worker.pid is not None
    wait_for_stop(worker.pid)
    held = "SELECT FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"
    wait_until(lambda: organization.query(held) == [], what="the end of its session", timeout_s=30)
    os.kill(worker.pid, signal.SIGCONT)
    worker.join(60)
    assert worker.exitcode == 0
    return str(outcomes.get())


def run_and_freeze_at(organization: Organization, point: KillPoint, outcomes: multiprocessing.SimpleQueue[str]) -> None:
    def freeze(current: KillPoint) -> None:
        if current == point:
            kill_points.listen(None)
            os.kill(os.getpid(), signal.SIGSTOP)

    kill_points.listen(freeze)
    try:
        outcomes.put(organization.sync(origin=A_TRY, **SMALL).status)
    except HubSpotDealsError as error:
        outcomes.put(error.code)


def test_e17_an_attempt_whose_heartbeats_fail_ends_itself(acme: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "INTERVAL_S", 0.05)
    monkeypatch.setattr(heartbeat, "LOST_AFTER_S", 0.3)

    def broken(*_: object) -> bool:
        raise psycopg.OperationalError("heartbeats do not get through")

    monkeypatch.setattr(jobs, "heartbeat", broken)
    with pytest.raises(DatabaseUnavailableError, match="could not be kept alive"):
        acme.sync(origin=A_TRY, before=at_call("list", 3, lambda: time.sleep(0.5)), **SMALL)
    monkeypatch.undo()
    (job,) = acme.jobs()
    assert (job["status"], job["error_code"]) == ("pending", "DB_UNAVAILABLE")
    acme.sync(origin=NEXT_TRY, **SMALL)
    assert acme.differences() == []


def test_e18_a_job_that_only_its_heartbeat_keeps_alive_is_let_go(
    acme: Organization, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(heartbeat, "INTERVAL_S", 0.05)
    monkeypatch.setattr(heartbeat, "STALLED_AFTER_S", 0.3)
    monkeypatch.setattr(recovery, "PATIENCE_S", 0.0)
    with pytest.raises(DatabaseUnavailableError):
        acme.sync(origin=A_TRY, before=at_call("list", 3, lambda: time.sleep(1.0)), **SMALL)
    assert "its heartbeat ends" in caplog.text
    monkeypatch.undo()
    acme.sync(origin=NEXT_TRY, **SMALL)
    assert acme.differences() == []


def test_e28_a_deferred_task_that_is_resumed_twice_at_once_loads_once(acme: Organization) -> None:
    outcomes: list[str] = []
    together = threading.Barrier(2)

    def resume() -> None:
        together.wait()
        try:
            outcomes.append(acme.sync(origin=A_TRY, **SMALL).status)
        except JobSuperseded:
            outcomes.append("superseded")

    resumed = [threading.Thread(target=resume) for _ in range(2)]
    for thread in resumed:
        thread.start()
    for thread in resumed:
        thread.join()

    assert "completed" in outcomes
    assert {job["status"] for job in acme.jobs()} == {"completed"}
    assert sum(job["records_inserted"] for job in acme.jobs()) == 245
    assert acme.differences() == []
