"""A second organization in the same database: worker processes of its own, at work while the first one's are hit.

Nobody strikes it, but what strikes the whole server. What it writes is checked together with what the first one writes.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from local_stack.simulation.orders import name_of
from local_stack.simulation.workers import SilentWorkerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_stack.simulation.orders import Orders
    from local_stack.simulation.workers import Workers

ENDS_WITHIN_S = 90.0  # a run, though the server may crash meanwhile
BEGINS_WITHIN_S, POLL_S = 5.0, 0.02  # the next run
CROWD = 60
GAVE_UP = "AirflowFailException"
_RUNNING = "SELECT FROM hubspot.jobs WHERE organization_id = %s AND status = 'running'"
_WAITING = """
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND starts_with(application_name, %s) AND wait_event_type = 'Lock'
"""
NAME = "neighbour-"


class Neighbour:
    """Runs of one organization that may last as long as something else.

    Attributes:
        runs: that were completed.
    """

    def __init__(self, orders: Orders, workers: Workers) -> None:
        self.people = orders.people
        self._orders, self._workers = orders, workers
        self._failures: list[BaseException] = []
        self.runs = 0

    @contextmanager
    def at_work(self, mode: str) -> Iterator[None]:
        """Whole runs, one after the other, beside what is done meanwhile; one at least.

        Raises:
            SilentWorkerError: see ``run``.
        """
        is_over = threading.Event()
        thread = threading.Thread(target=self._in_thread, args=(mode, is_over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
        if self._failures:
            raise self._failures[0]

    def is_running(self) -> bool:
        """Whether its job is running; between two runs once the next one has begun, unless it waits for a lock."""
        deadline = time.monotonic() + BEGINS_WITHIN_S
        with psycopg.connect(self._orders.database_url, autocommit=True) as connection:
            while not (is_running := bool(connection.execute(_RUNNING, (self._orders.organization_id,)).rowcount)):
                if time.monotonic() > deadline or connection.execute(_WAITING, (NAME,)).rowcount:
                    break
                time.sleep(POLL_S)
        return is_running

    def run(self, mode: str) -> None:
        """Attempts until one of them completes.

        Raises:
            SilentWorkerError: none does in ``ENDS_WITHIN_S``, or one gave up for good.
        """
        self.people.a_run_begins()
        if self.people.are_at_work:
            self.people.edit_crowd(CROWD)
        run, number, ended = f"{NAME}{self.runs + 1}", 0, ""
        deadline = time.monotonic() + ENDS_WITHIN_S
        while ended != "completed":
            number += 1
            worker = self._workers.start(
                name_of(run, number), self._orders.order(run, number, mode), see_batch=lambda _: None
            )
            ended = str(worker.next_word().get("ended", "died"))
            worker.close()
            if ended.startswith(GAVE_UP) or time.monotonic() > deadline:
                raise SilentWorkerError(f"{run}: {number} attempts, the last one ended: {ended}")
        self.runs += 1

    def _in_thread(self, mode: str, is_over: threading.Event) -> None:
        try:
            self.run(mode)
            while not is_over.is_set():
                self.run(mode)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self._failures.append(error)
