"""A job that somebody cancels by SQL, at every moment of its run."""

from __future__ import annotations

import threading
from typing import Self

import psycopg
import pytest

from airflow_provider_hubspot_deals import kill_points
from airflow_provider_hubspot_deals.exceptions import JobCancelled
from airflow_provider_hubspot_deals.kill_points import KillPoint
from local_stack.processes import wait_until
from tests.integration.lifecycle.conftest import A_TRY, NEXT_TRY, SMALL
from tests.integration.sync.conftest import Organization

CANCEL = "UPDATE hubspot.jobs SET status = 'cancelled' WHERE status IN ('pending', 'running')"
WAITS = "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
ONCE = {KillPoint.CLAIMED, KillPoint.PORTAL_CHECKED, KillPoint.DIMENSIONS_STORED, KillPoint.READING_FINISHED}
WHEN_IT_IS_TOO_LATE = {KillPoint.COMPLETION_WRITTEN, KillPoint.COMPLETED}
MOMENTS = [point for point in KillPoint if point != KillPoint.CLAIM_WRITTEN]  # before that nobody sees the job


class Person:
    """Cancels when a run reaches a moment, and waits no longer than for whoever has the job's row locked."""

    def __init__(self, acme: Organization, point: KillPoint) -> None:
        self._acme, self._point = acme, point
        self._waits_for = 1 if point in ONCE | WHEN_IT_IS_TOO_LATE else 2
        self._connection = psycopg.connect(acme.database_url, autocommit=True)
        self._thread = threading.Thread(target=self._connection.execute, args=[CANCEL])
        self.batches_before = 0

    def listen(self, point: KillPoint) -> None:
        if point != self._point:
            return
        self._waits_for -= 1
        if self._waits_for == 0:
            self.batches_before = self._acme.jobs()[0]["batches"]
            self._thread.start()
            wait_until(self._is_done_or_waits, what="the cancellation", timeout_s=30)

    def __enter__(self) -> Self:
        kill_points.listen(self.listen)
        return self

    def __exit__(self, *_: object) -> None:
        kill_points.listen(None)
        self._thread.join(30)
        self._connection.close()

    def _is_done_or_waits(self) -> bool:
        return not self._thread.is_alive() or self._acme.query(WAITS, self._connection.info.backend_pid) != []


@pytest.mark.parametrize("point", MOMENTS)
def test_e25_a_job_cancelled_at_any_moment_ends_within_a_batch_and_keeps_what_was_committed(
    acme: Organization, point: KillPoint
) -> None:
    with Person(acme, point) as person:
        if point in WHEN_IT_IS_TOO_LATE:
            acme.sync(mode="full", origin=A_TRY, **SMALL)
        else:
            with pytest.raises(JobCancelled):
                acme.sync(mode="full", origin=A_TRY, **SMALL)

    (job,) = acme.jobs()
    assert job["status"] == ("completed" if point in WHEN_IT_IS_TOO_LATE else "cancelled")
    assert job["batches"] <= person.batches_before + 1
    assert job["records_inserted"] == len(acme.deals())
    if point not in WHEN_IT_IS_TOO_LATE:
        with pytest.raises(JobCancelled):  # whoever cancelled it meant its retries as well
            acme.sync(mode="full", origin=NEXT_TRY, **SMALL)
    acme.sync()
    assert acme.differences() == []
