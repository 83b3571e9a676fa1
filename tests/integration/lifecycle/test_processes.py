"""Workers that die, freeze or hang, wherever they are; and what their successors find."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs, loading
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError, JobSuperseded
from airflow_provider_hubspot_deals.sync import batches, committing, copying, heartbeat, recovery
from tests.integration.lifecycle.conftest import A_TRY, NEXT_TRY, SMALL, at_call
from tests.integration.sync.conftest import Organization

# Where the worker dies: what is called there, before or after it, and the how-manieth time.
POINTS: dict[str, tuple[Any, str, str, int]] = {
    "e01 claimed": (jobs, "claim", "after", 1),
    "e02 before a request": (Organization, "client", "after", 1),
    "e03 after an answer": (copying, "parsed", "before", 2),
    "e04 parsed": (copying, "parsed", "after", 3),
    "e05 transaction open": (batches, "_note_absences", "before", 2),
    "e06 within COPY": (loading, "_stage", "within", 2),
    "e07 copied": (loading, "_stage", "after", 2),
    "e08 rows written": (loading, "store", "after", 2),
    "e09 ledger written": (jobs, "record_batch", "after", 3),
    "e10 watermark set": (jobs, "advance_watermark", "after", 1),
    "e11 before COMMIT": (jobs, "record_batch", "after", 2),
    "e12 after COMMIT": (committing, "write", "after", 2),
    "e13 before completion": (jobs, "complete", "before", 1),
    "e14 after completion": (jobs, "complete", "after", 1),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(function: Callable[..., Any], moment: str, number: int) -> Callable[..., Any]:
    calls = count(1)

    def wrapped(*arguments: Any, **settings: Any) -> Any:
        is_last = next(calls) == number
        if is_last and moment == "within":
            psycopg.Copy.write = lambda *_: die()  # type: ignore[method-assign]  # this process ends here
        if is_last and moment == "before":
            die()
        outcome = function(*arguments, **settings)
        if is_last:
            die()
        return outcome

    return wrapped


def run_and_die(organization: Organization, point: str) -> None:
    owner, name, moment, number = POINTS[point]
    setattr(owner, name, dying(getattr(owner, name), moment, number))
    organization.sync(origin=A_TRY, **SMALL)


@pytest.mark.parametrize("point", POINTS)
def test_e01_to_e14_a_worker_that_is_killed_anywhere_loses_nothing(acme: Organization, point: str) -> None:
    worker = multiprocessing.get_context("fork").Process(target=run_and_die, args=(acme, point))
    worker.start()
    worker.join(60)
    assert worker.exitcode == -signal.SIGKILL
    asked = len(acme.simulator.requests)
    stored = sum(line["received"] for line in acme.query("SELECT received FROM hubspot.job_batches"))

    summary = acme.sync(origin=NEXT_TRY, **SMALL)

    (job,) = acme.jobs()
    assert (summary.status, job["status"], job["records_inserted"]) == ("completed", "completed", 245)
    assert job["records_extracted"] == sum(
        line["received"] for line in acme.query("SELECT received FROM hubspot.job_batches")
    )
    assert acme.differences() == []
    lists = [seen for seen in acme.simulator.requests[asked:] if seen.endpoint == "list"]
    assert len(lists) <= 5 - stored // 115  # pages that were committed are not asked for again
    if point == "e14 after completion":
        assert (summary.was_finished_already, lists) == (True, [])


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


def wait_for_stop(pid: int) -> None:
    while os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT) is None:
        pass


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
