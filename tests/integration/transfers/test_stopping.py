"""A task that Airflow stops, in a process of its own: it leaves at once wherever it is, and its retry goes on."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import contextmanager
from multiprocessing.connection import Connection
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_hubspot_deals import jobs, kill_points, sql
from airflow_provider_hubspot_deals.jobs import unknown_commits
from airflow_provider_hubspot_deals.kill_points import KillPoint
from airflow_provider_hubspot_deals.transfers.outcomes import TaskKilled
from hubspot_simulator import FaultRule, SimulatorServer
from local_stack.processes import wait_until
from tests.integration.transfers.conftest import ACME, Airflow

if TYPE_CHECKING:
    from collections.abc import Iterator

STOPPED_WITHIN_S = 5.0  # then Airflow's supervisor sends SIGKILL
KILLED = 42
SLEEPING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"


def run_task(airflow: Airflow, at: KillPoint | None, line: Connection) -> None:
    """As Airflow's task runner: SIGTERM calls ``on_kill``, and the process ends without waiting for threads."""
    task = airflow.task(batch_rows=100, mode="full")
    signal.signal(signal.SIGTERM, lambda *_: task.on_kill())

    def stand_still(point: KillPoint) -> None:
        if point == at:
            line.send("here")
            while True:  # not signal.pause: a signal just before it would be handled after it, which is never
                sleep(0.01)

    kill_points.listen(stand_still)
    try:
        task.execute(airflow.context())
    except TaskKilled:
        os._exit(KILLED)
    os._exit(0)


@contextmanager
def running(airflow: Airflow, at: KillPoint | None = None) -> Iterator[tuple[Callable[[], float], Connection]]:
    """A function that stops the task and gives the seconds that took; and the line on which it says where it is."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=run_task, args=(airflow, at, theirs))

    def stop() -> float:
        began = monotonic()
        process.terminate()
        process.join(30)
        assert process.exitcode == KILLED
        return monotonic() - began

    process.start()
    try:
        yield stop, ours
    finally:
        process.kill()
        process.join()


def assert_its_retry_goes_on(airflow: Airflow, stopped_after_s: float) -> None:
    assert stopped_after_s < STOPPED_WITHIN_S
    airflow.task(mode="full").execute(airflow.context(try_number=2))
    (job,) = airflow.jobs()
    assert job["status"] == "completed"
    (count,) = airflow.query("SELECT count(*) FROM hubspot.hubspot_deals WHERE NOT archived")
    assert count["count"] == ACME.deals


@pytest.mark.parametrize("point", KillPoint)
def test_e15_a_task_is_stopped_within_five_seconds_wherever_it_is(airflow: Airflow, point: KillPoint) -> None:
    with running(airflow, point) as (stop, line):
        assert line.poll(30)
        seconds = stop()

    told = [(job["status"], job["error_code"]) for job in airflow.jobs()]
    expected = {KillPoint.CLAIM_WRITTEN: [], KillPoint.COMPLETED: [("completed", None)]}
    assert told == expected.get(point, [("pending", "KILLED")])
    assert_its_retry_goes_on(airflow, seconds)


def test_e15_a_second_signal_does_not_keep_the_job_from_being_put_back(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = jobs.release

    def signalled(*arguments: Any, **settings: Any) -> Any:  # systemd tells Airflow's supervisor and the task itself
        os.kill(os.getpid(), signal.SIGTERM)
        return release(*arguments, **settings)

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "release", signalled)
        with running(airflow, KillPoint.PAGE_READ) as (stop, line):
            assert line.poll(30)
            seconds = stop()
    assert [(job["status"], job["error_code"]) for job in airflow.jobs()] == [("pending", "KILLED")]
    assert_its_retry_goes_on(airflow, seconds)


def test_e15_a_task_that_is_stopped_while_its_failure_is_being_noted_puts_its_job_back(
    airflow: Airflow, simulator: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.add_fault(FaultRule(fault="status", status=477, retry_after=7_200, endpoint="list", nth=2))
    release = jobs.release

    def signalled(*arguments: Any, **settings: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return release(*arguments, **settings)

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "release", signalled)
        with running(airflow) as (stop, _):
            wait_until(lambda: [job["status"] for job in airflow.jobs()] == ["pending"], what="it", timeout_s=30)
            seconds = stop()
    assert airflow.jobs()[0]["error_code"] == "KILLED"  # as its task ends
    assert_its_retry_goes_on(airflow, seconds)


def test_e15_a_task_that_waits_for_an_answer_is_stopped(airflow: Airflow, simulator: SimulatorServer) -> None:
    rule = simulator.add_fault(FaultRule(fault="hang", endpoint="list", nth=2))
    with running(airflow) as (stop, _):
        wait_until(lambda: rule.fired > 0, what="the request", timeout_s=30)
        seconds = stop()
    assert_its_retry_goes_on(airflow, seconds)


def test_e15_a_task_that_waits_for_hubspots_limit_is_stopped(airflow: Airflow, simulator: SimulatorServer) -> None:
    rule = simulator.add_fault(FaultRule(fault="status", status=429, retry_after=30, endpoint="list", nth=2))
    with running(airflow) as (stop, _):
        wait_until(lambda: rule.fired > 0, what="the answer", timeout_s=30)
        seconds = stop()
    assert_its_retry_goes_on(airflow, seconds)


def test_e15_a_task_within_a_slow_statement_is_stopped(airflow: Airflow) -> None:
    airflow.query(
        """
        CREATE FUNCTION hubspot.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_sleep(20); RETURN NULL;
        END $$
        """
    )
    airflow.query(
        "CREATE TRIGGER slow AFTER INSERT ON hubspot.job_batches FOR EACH STATEMENT EXECUTE FUNCTION hubspot.slow()"
    )
    with running(airflow) as (stop, _):
        wait_until(lambda: airflow.query(SLEEPING) != [], what="the slow statement", timeout_s=30)
        seconds = stop()
    airflow.query("DROP TRIGGER slow ON hubspot.job_batches")
    assert_its_retry_goes_on(airflow, seconds)


OF_A_CLAIM = "INSERT ON hubspot.jobs", "true"
OF_THE_FIRST_BATCH = "INSERT ON hubspot.job_batches", "NEW.batch_number = 1"
OF_A_TAKING_UP = "UPDATE ON hubspot.jobs", "OLD.load_id <> NEW.load_id"


@pytest.fixture
def slow_commit(airflow: Airflow) -> Iterator[Callable[[tuple[str, str], float], None]]:
    """Lets a COMMIT take so many seconds, whether anybody waits for it or not."""

    def install(of: tuple[str, str], seconds: float) -> None:
        event, condition = of
        airflow.query(
            f"""
            CREATE FUNCTION hubspot.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                PERFORM set_config('client_connection_check_interval', '0', true), pg_sleep({seconds}); RETURN NULL;
            END $$
            """
        )
        airflow.query(
            f"CREATE CONSTRAINT TRIGGER slow AFTER {event} DEFERRABLE INITIALLY DEFERRED "
            f"FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION hubspot.slow()"
        )

    yield install
    for table in ("jobs", "job_batches"):
        airflow.query(f"DROP TRIGGER IF EXISTS slow ON hubspot.{table}")


def test_e15_the_claim_of_a_task_that_is_stopped_while_it_is_committed_is_ended(
    airflow: Airflow, slow_commit: Callable[[tuple[str, str], float], None]
) -> None:
    slow_commit(OF_A_CLAIM, 20)
    with running(airflow) as (stop, _):
        wait_until(lambda: airflow.query(SLEEPING) != [], what="the slow COMMIT", timeout_s=30)
        seconds = stop()
    assert airflow.query(SLEEPING) == []  # else it would go through when nobody knows of it any more
    assert airflow.jobs() == []
    airflow.query("DROP TRIGGER slow ON hubspot.jobs")
    assert_its_retry_goes_on(airflow, seconds)


def test_e15_a_claim_that_goes_through_after_its_task_was_stopped_leaves_no_job_that_seems_to_run(
    airflow: Airflow, slow_commit: Callable[[tuple[str, str], float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sql._statements("jobs"), "end_session_of_transaction", "SELECT false")
    slow_commit(OF_A_CLAIM, 2)
    with running(airflow) as (stop, _):
        wait_until(lambda: airflow.query(SLEEPING) != [], what="the slow COMMIT", timeout_s=30)
        seconds = stop()
    assert [(job["status"], job["error_code"]) for job in airflow.jobs()] == [("pending", "KILLED")]
    assert_its_retry_goes_on(airflow, seconds)


def test_e15_a_taking_up_that_is_being_committed_when_its_task_is_stopped_leaves_no_job_that_seems_to_run(
    airflow: Airflow, slow_commit: Callable[[tuple[str, str], float], None]
) -> None:
    airflow.query(
        """
        CREATE FUNCTION hubspot.cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL;
        END $$
        """
    )
    airflow.query("CREATE TRIGGER cut AFTER INSERT ON hubspot.job_batches EXECUTE FUNCTION hubspot.cut()")
    slow_commit(OF_A_TAKING_UP, 20)
    with running(airflow) as (stop, _):
        wait_until(lambda: airflow.query(SLEEPING) != [], what="the slow COMMIT", timeout_s=30)
        seconds = stop()
    assert airflow.query(SLEEPING) == []
    assert [(job["status"], job["error_code"]) for job in airflow.jobs()] == [("pending", "KILLED")]
    airflow.query("DROP TRIGGER cut ON hubspot.job_batches")
    airflow.query("DROP TRIGGER slow ON hubspot.jobs")
    assert_its_retry_goes_on(airflow, seconds)


@pytest.mark.parametrize("goes_through", [False, True])
def test_e15_a_batch_that_is_being_committed_when_its_task_is_stopped_is_looked_up_first(
    airflow: Airflow,
    slow_commit: Callable[[tuple[str, str], float], None],
    monkeypatch: pytest.MonkeyPatch,
    simulator: SimulatorServer,
    *,
    goes_through: bool,
) -> None:
    with monkeypatch.context() as patched:
        if goes_through:
            patched.setitem(sql._statements("jobs"), "end_session_of_transaction", "SELECT false")
        slow_commit(OF_THE_FIRST_BATCH, 2 if goes_through else 20)
        with running(airflow) as (stop, _):
            wait_until(lambda: airflow.query(SLEEPING) != [], what="the slow COMMIT", timeout_s=30)
            seconds = stop()
    asked = len(simulator.requests)
    assert airflow.query(SLEEPING) == []
    (job,) = airflow.jobs()
    assert (job["status"], job["error_code"], job["batches"] > 0) == ("pending", "KILLED", goes_through)
    assert job["api_calls"] <= asked
    airflow.query(f"DROP TRIGGER slow ON {OF_THE_FIRST_BATCH[0].rpartition(' ')[2]}")
    assert_its_retry_goes_on(airflow, seconds)


def test_e15_a_batch_of_which_nobody_can_tell_how_it_ended_is_told_and_its_job_put_back(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(unknown_commits, "SETTLED_WITHIN_S", 0.0)

    def stop(point: KillPoint) -> None:
        if point is KillPoint.BATCH_WRITTEN:
            raise TaskKilled

    with monkeypatch.context() as patched:
        patched.setitem(sql._statements("jobs"), "is_in_progress", "SELECT true")  # as of a session that hangs
        patched.setattr(kill_points, "_listener", stop)
        with pytest.raises(TaskKilled):
            airflow.task(mode="full").execute(airflow.context())
    assert [(job["status"], job["error_code"]) for job in airflow.jobs()] == [("pending", "KILLED")]
    assert "how its last batch has ended is not known" in caplog.text
    assert "end it with pg_terminate_backend" in caplog.text
    assert_its_retry_goes_on(airflow, 0.0)


def test_e15_a_task_that_is_stopped_right_after_its_claim_was_committed_gives_its_job_back(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = jobs.being_claimed

    @contextmanager
    def stopped_behind(*arguments: Any) -> Iterator[jobs.Job]:
        with real(*arguments) as job:
            yield job
        raise TaskKilled

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "being_claimed", stopped_behind)
        with pytest.raises(TaskKilled):
            airflow.task(mode="full").execute(airflow.context())
    assert [(job["status"], job["error_code"]) for job in airflow.jobs()] == [("pending", "KILLED")]
    assert_its_retry_goes_on(airflow, 0.0)
