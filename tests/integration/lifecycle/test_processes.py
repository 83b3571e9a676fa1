"""Workers that freeze or hang, and what their successors find."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError, JobSuperseded
from airflow_provider_hubspot_deals.sync import heartbeat, recovery
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
