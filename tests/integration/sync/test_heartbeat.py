"""The thread that keeps a job alive: as long as the work goes on, and no longer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from airflow_provider_hubspot_deals.sql.hanging_up import hung_up_after
from airflow_provider_hubspot_deals.sync import heartbeat
from airflow_provider_hubspot_deals.sync.heartbeat import Heartbeat
from local_stack.processes import wait_until
from tests.integration.tenant import Tenant


@dataclass
class World:
    """A claimed job, the connection that works for it, and its heartbeat's connections."""

    acme: Tenant
    working: psycopg.Connection[Any]
    opened: list[psycopg.Connection[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.job = self.acme.claim()

    def connect(self) -> psycopg.Connection[Any]:
        self.opened.append(self.acme.connect())
        return self.opened[-1]

    def beating(self) -> Heartbeat:
        return Heartbeat(self.connect, self.job, self.working)

    def wait_for_a_beat(self) -> None:
        before = self.acme.job(self.job)["last_heartbeat"]
        wait_until(lambda: self.acme.job(self.job)["last_heartbeat"] > before, what="a beat", timeout_s=30)

    def wait_for_the_end_of_the_beats(self) -> None:
        wait_until(lambda: self.threads() == [], what="the end of the beats", timeout_s=30)

    def threads(self) -> list[threading.Thread]:
        return [each for each in threading.enumerate() if each.name == f"heartbeat {self.job.id}"]

    def is_hung_up(self) -> bool:
        try:
            self.working.execute("SELECT 1")
        except psycopg.OperationalError:
            return True
        return False


@pytest.fixture
def world(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(heartbeat, "INTERVAL_S", 0.05)
    # A beat may last no longer than that, and lasts as long as it likes here: the machine may be busy.
    monkeypatch.setattr(heartbeat, "hung_up_after", lambda connection, _: hung_up_after(connection, 30))
    with psycopg.connect(database_url, autocommit=True) as working:
        made = World(Tenant(database_url), working)
        yield made
        made.wait_for_the_end_of_the_beats()


@dataclass
class Clock:
    """In place of the heartbeat's."""

    now: float = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(heartbeat, "time", made)
    return made


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], bool]]:
    """What the next beats do in place of the real one, which comes when none is left."""
    planned: list[Callable[[], bool]] = []
    real = jobs.heartbeat
    monkeypatch.setattr(jobs, "heartbeat", lambda *given: planned.pop(0)() if planned else real(*given))
    return planned


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def broken() -> bool:
    raise psycopg.OperationalError("a beat does not get through")


def test_a_job_is_heard_of_again_and_again_over_one_connection(world: World) -> None:
    with world.beating() as heart:
        world.wait_for_a_beat()
        world.wait_for_a_beat()
        assert heart.check() is True
    assert len(world.opened) == 1


def test_no_beat_comes_after_the_work_and_nothing_is_left_open(world: World) -> None:
    before, heart = descriptors(), world.beating()
    with heart:
        world.wait_for_a_beat()
    assert world.threads() == []
    assert [connection.closed for connection in world.opened] == [True]
    assert descriptors() == before
    assert not world.is_hung_up()


@pytest.mark.parametrize(("kind", "waits"), [(ValueError, True), (KeyboardInterrupt, False)])
def test_work_that_failed_waits_for_the_last_beat_and_a_killed_task_does_not(
    world: World,
    beats: list[Callable[[], bool]],
    monkeypatch: pytest.MonkeyPatch,
    kind: type[BaseException],
    *,
    waits: bool,
) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def held() -> bool:
        begun.set()
        return may_end.wait(30)

    def work() -> None:
        with world.beating():
            assert begun.wait(30)
            monkeypatch.setattr(heartbeat, "INTERVAL_S", 5.0)  # how long the end waits at most
            if waits:
                threading.Timer(0.2, may_end.set).start()
            raise kind

    beats.append(held)
    with pytest.raises(kind):
        work()
    assert bool(world.threads()) is not waits
    may_end.set()


def test_a_beat_that_hangs_keeps_no_process_from_ending(world: World) -> None:
    with world.beating():
        assert [thread.daemon for thread in world.threads()] == [True]


def test_once_the_job_is_somebody_elses_it_is_said_and_kept_alive_no_more(world: World) -> None:
    with world.beating() as heart:
        world.wait_for_a_beat()
        world.acme.execute("UPDATE hubspot.jobs SET status = 'cancelled' WHERE id = %s", world.job.id)
        world.wait_for_the_end_of_the_beats()
        assert heart.check() is False
        assert [connection.closed for connection in world.opened] == [True]
    assert not world.is_hung_up()


def test_a_beat_that_fails_is_told_and_the_next_one_has_a_connection_of_its_own(
    world: World, beats: list[Callable[[], bool]], caplog: pytest.LogCaptureFixture
) -> None:
    beats.append(broken)
    with world.beating() as heart:
        wait_until(lambda: len(world.opened) == 2, what="another connection", timeout_s=30)
        world.wait_for_a_beat()
        assert heart.check() is True
    assert [connection.closed for connection in world.opened] == [True, True]
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f"Heartbeat of job {world.job.id} failed: OperationalError"
    ]
    assert not world.is_hung_up()


def test_without_a_beat_for_too_long_the_work_is_stopped_and_its_connection_hung_up(
    world: World, beats: list[Callable[[], bool]], caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    beats.extend([broken] * 10_000)
    with world.beating() as heart:
        clock.now += heartbeat.LOST_AFTER_S
        assert heart.check() is True
        clock.now += 0.1
        with pytest.raises(DatabaseUnavailableError) as raised:
            heart.check()
        wait_until(world.is_hung_up, what="the line to be hung up", timeout_s=30)
    assert str(raised.value) == f"Job {world.job.id} could not be kept alive in PostgreSQL for 80 s; it stops itself."
    assert f"Job {world.job.id}: PostgreSQL has been silent for too long; hanging up." in caplog.messages


def test_a_worker_that_froze_and_woke_up_has_a_beat_before_its_connection_is_given_up(
    world: World, clock: Clock
) -> None:
    with world.beating() as heart:
        clock.now += 10 * heartbeat.LOST_AFTER_S
        world.wait_for_a_beat()
        world.wait_for_a_beat()  # the first may have begun before
        assert heart.check() is True
    assert not world.is_hung_up()


def test_work_that_does_not_move_is_kept_alive_no_more_and_its_connection_hung_up(
    world: World, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    with world.beating() as heart:
        for _ in range(2):
            clock.now += heartbeat.STALLED_AFTER_S
            world.wait_for_a_beat()
            world.wait_for_a_beat()
            assert heart.check() is True  # it moved
        clock.now += heartbeat.STALLED_AFTER_S + 0.1
        world.wait_for_the_end_of_the_beats()
        assert world.is_hung_up()
        assert [connection.closed for connection in world.opened] == [True]
    so_long = f"{heartbeat.STALLED_AFTER_S:.0f} s"
    assert caplog.messages == [f"Job {world.job.id} has not moved for {so_long}; its heartbeat ends."]
