"""How a COMMIT without an answer is looked up: by its own transaction, patiently, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from airflow_provider_hubspot_deals.jobs import unknown_commits
from tests.integration.tenant import Tenant, a_batch, a_run


@dataclass
class Clock:
    """In place of ``time``: stands still but for pauses."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(unknown_commits, "time", made)
    return made


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


@pytest.fixture
def job(acme: Tenant) -> jobs.Job:
    return acme.claim(a_run())


@pytest.fixture
def open_transaction(acme: Tenant, job: jobs.Job) -> Iterator[str]:
    """Id of one that a session of ours still has open."""
    with closing(acme.connect()) as lost:
        lost.execute("BEGIN")
        yield jobs.lock_fence(lost, job)


def test_d04_an_earlier_batch_of_the_job_does_not_speak_for_the_one_in_doubt(acme: Tenant, job: jobs.Job) -> None:
    with acme.connect() as connection:
        with sql.transaction(connection):
            stored = jobs.lock_fence(connection, job)
            jobs.record_batch(connection, job, a_batch(received=1, inserted=1))
        with sql.transaction(connection):
            lost = jobs.lock_fence(connection, job)
        assert jobs.was_committed(connection, job, stored) is True
        assert jobs.was_committed(connection, job, lost) is False


def test_d04_the_end_of_a_session_is_looked_for_several_times_a_second(
    acme: Tenant, job: jobs.Job, open_transaction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses, sleep = list[float](), time.sleep

    def noted(seconds: float) -> None:
        pauses.append(seconds)
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", noted)
    with acme.connect() as connection:
        assert jobs.was_committed(connection, job, open_transaction) is False
    assert pauses
    assert max(pauses) <= 0.25


def test_d04_a_session_that_may_not_be_ended_is_waited_for_until_the_time_is_over(
    acme: Tenant, job: jobs.Job, open_transaction: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unknown_commits, "SETTLED_WITHIN_S", 1.0)
    monkeypatch.setattr(unknown_commits, "_POLL_S", 0.5)
    statements = sql._statements("jobs")
    monkeypatch.setitem(statements, "end_session_of_transaction", "SELECT false")  # as of a session that hangs
    with acme.connect() as connection, pytest.raises(DatabaseUnavailableError, match="pg_terminate_backend"):
        jobs.was_committed(connection, job, open_transaction)
    assert clock.pauses == [0.5] * 3
