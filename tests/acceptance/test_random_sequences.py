"""Whatever people and machines do to a run in a real Airflow, in a random order: the copy and its books are right.

One seed decides the order. ``AIRFLOW_SEQUENCES=50`` asks for more of them, ``AIRFLOW_SEED=7`` for a certain one. Two
that follow each other, from an odd seed on, hold each step once.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from local_stack.exceptions import StackError
from local_stack.processes import session_of, wait_until
from tests.acceptance.conftest import AirflowStack
from tests.acceptance.processes import processes
from tests.integration.invariants import violations

HARBOR, PORTAL = "hubspot_deals_harbor", 9100001
COUNT = int(os.environ.get("AIRFLOW_SEQUENCES", "2"))
FIRST = int(os.environ.get("AIRFLOW_SEED", "1"))
LOADING_RATE = 0.8  # of the steps that may come at any time: while a job runs
ANSWERS_MS = 500  # while a step waits for a job that runs, so that it still runs when the step comes
SETTLES_WITHIN_S = 240.0
BUSY = Retry(total=5, backoff_factor=1, status_forcelist=[429])  # loads just before may have used up ten seconds' calls
RUNNING = "SELECT id FROM hubspot.jobs WHERE status = 'running' AND run_id = %s"
ACTIVE = "SELECT id FROM hubspot.jobs WHERE status IN ('pending', 'running') AND dag_id = %s"
FIVE_MINUTES_PASS = """
    UPDATE hubspot.jobs
    SET created_at = created_at - interval '5 minutes', last_heartbeat = now() - interval '5 minutes'
    WHERE end_time IS NULL
"""
LOCKS = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND datname = current_database()
"""  # Airflow has some of its own in its database
COPY = """
    SELECT hubspot_deal_id::text AS id, hs_lastmodifieddate AS modified, archived
    FROM hubspot.hubspot_deals JOIN hubspot.organizations ON id = _organization_id
    WHERE slug = 'harbor' AND _type = 'standard' AND (NOT archived OR _deleted_reason = 'archived')
"""


class Sequence:
    """What happens to the runs of one organization."""

    def __init__(self, stack: AirflowStack, seed: int) -> None:
        self._stack, self._chance = stack, random.Random(seed)  # noqa: S311 - a scenario
        self.done: list[str] = []
        self._run_id, self._seed = "", seed

    def play(self) -> None:
        steps: list[Callable[[], None]] = [self.clear, self.mark_success, self.mark_failed, self.kill_worker]
        steps += [self.second_run, self.restart_scheduler, self.restart_api_server, self.cancel]
        self._stack.airflow.unpause(HARBOR)
        pair, is_second = divmod(self._seed - 1, 2)
        random.Random(f"{pair}/steps").shuffle(steps)  # noqa: S311 - a scenario
        half = len(steps) // 2
        for step in steps[half:] if is_second else steps[:half]:
            self._stack.simulator.mutate(PORTAL, edit=self._chance.randint(1, 9), archive=self._chance.randint(0, 2))
            self.done.append(step.__name__)
            if step in (self.kill_worker, self.cancel) or self._chance.random() < LOADING_RATE:
                settle(self._stack)  # a run that waits for its next try would keep this one waiting, for minutes
                with self._a_job_that_runs():
                    step()
            else:
                self._trigger()
                step()

    def _trigger(self) -> None:
        self._run_id = self._stack.airflow.trigger(HARBOR, {"mode": self._chance.choice(["full", "auto"])})

    def clear(self) -> None:
        body = {"dry_run": False, "dag_run_id": self._run_id, "only_failed": False, "reset_dag_runs": True}
        self._stack.airflow.call("POST", f"/dags/{HARBOR}/clearTaskInstances", json=body)

    def mark_success(self) -> None:
        self._mark("success")

    def mark_failed(self) -> None:
        self._mark("failed")

    def second_run(self) -> None:
        self._stack.airflow.trigger(HARBOR)

    def cancel(self) -> None:
        update = "UPDATE hubspot.jobs SET status = 'cancelled' WHERE status = 'running' AND run_id = %s RETURNING id"
        assert self._stack.query(update, self._run_id), "no job was running"

    def kill_worker(self) -> None:
        pids = task_processes(self._stack)
        assert pids, "no worker had a task"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self._task_state() != "running", what="the death to be noticed", timeout_s=SETTLES_WITHIN_S)
        self.clear()  # Airflow would wait for minutes before it tries again, and the next run behind it

    def restart_scheduler(self) -> None:
        self._restart("scheduler")

    def restart_api_server(self) -> None:
        self._restart("api-server")

    def _restart(self, component: str) -> None:
        (process,) = [each for each in self._stack.services.processes if each.name.endswith(component)]
        process.stop()
        process.start()
        self._stack.services.wait_healthy()

    def _mark(self, state: str) -> None:
        self._stack.airflow.mark_run(HARBOR, self._run_id, state)

    @contextmanager
    def _a_job_that_runs(self) -> Iterator[None]:
        self._stack.simulator.slow_down(ANSWERS_MS)
        try:
            self._trigger()
            wait_until(
                lambda: bool(self._stack.query(RUNNING, self._run_id)),
                what="a job that runs",
                timeout_s=SETTLES_WITHIN_S,
            )
            yield
        finally:
            self._stack.simulator.slow_down(0)

    def _task_state(self) -> str | None:
        (task,) = self._stack.airflow.task_instances(HARBOR, self._run_id)
        state: str | None = task["state"]
        return state


def settle(stack: AirflowStack) -> None:
    """End every run; whatever job is left behind is taken for dead."""
    stack.airflow.end_runs(HARBOR)
    wait_until(lambda: not worker_titles(stack), what="workers to be idle", timeout_s=SETTLES_WITHIN_S)
    stack.query(FIVE_MINUTES_PASS)


def task_processes(stack: AirflowStack) -> list[int]:
    """Those in which tasks run, each forked by a worker of the scheduler's."""
    return [pid for pid, title in worker_titles(stack).items() if b"LocalExecutor" not in title]


def worker_titles(stack: AirflowStack) -> dict[int, bytes]:
    """What the scheduler's workers that have a task, and the processes that they forked for it, call themselves.

    They are not found by their environment: a title that is longer than the command was is written over it.
    """
    (scheduler,) = [each for each in stack.services.processes if each.name.endswith("scheduler")]
    session = session_of(scheduler.pid)
    titles = {each.pid: each.command for each in processes() if session_of(each.pid) == session}
    return {pid: title for pid, title in titles.items() if b"airflow worker -- " in title and b"<idle>" not in title}


def held_deals(stack: AirflowStack, portal_id: int, *, archived: bool) -> dict[str, tuple[datetime, bool]]:
    """When each deal that HubSpot lists was changed, by id, and whether it is archived."""
    held = {}
    question: dict[str, Any] = {"limit": 100, "archived": str(archived).lower(), "properties": "hs_lastmodifieddate"}
    session = requests.Session()
    session.mount("http://", HTTPAdapter(max_retries=BUSY))
    while question:
        answer = session.get(
            f"{stack.simulator.url}/crm/v3/objects/deals",
            params=question,
            headers={"Authorization": f"Bearer {stack.tokens[portal_id]}"},
            timeout=30,
        )
        answer.raise_for_status()
        page = answer.json()
        for deal in page["results"]:
            held[deal["id"]] = (datetime.fromisoformat(deal["properties"]["hs_lastmodifieddate"]), archived)
        following = page.get("paging", {}).get("next")
        question = {**question, "after": following["after"]} if following else {}
    return held


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_e21_e23_e24_whatever_happens_to_runs_the_copy_and_its_books_are_right(
    airflow_stack: AirflowStack, seed: int
) -> None:
    sequence = Sequence(airflow_stack, seed)
    sequence.play()
    told = f"AIRFLOW_SEED={seed} AIRFLOW_SEQUENCES=1: {', '.join(sequence.done)}"

    settle(airflow_stack)
    assert violations(airflow_stack.deals_url) == [], told
    try:
        run_id = airflow_stack.run_dag(HARBOR, {"mode": "full"}, timeout_s=SETTLES_WITHIN_S)
    except StackError as error:
        pytest.fail(f"{told}: {error}")

    jobs = airflow_stack.query("SELECT status, error_code FROM hubspot.jobs WHERE run_id = %s", run_id)
    assert jobs == [{"status": "completed", "error_code": None}], f"{told}\n{airflow_stack.logs(HARBOR, run_id)}"
    stored = {row["id"]: (row["modified"], row["archived"]) for row in airflow_stack.query(COPY)}
    held = {
        **held_deals(airflow_stack, PORTAL, archived=False),
        **held_deals(airflow_stack, PORTAL, archived=True),
    }
    different = [
        (each, stored.get(each), held.get(each)) for each in stored | held if stored.get(each) != held.get(each)
    ]
    assert different == [], told
    assert violations(airflow_stack.deals_url) == [], told
    assert airflow_stack.query(ACTIVE, HARBOR) == [], told
    with psycopg.connect(airflow_stack.deals_url) as connection:
        locks = connection.execute(LOCKS).fetchone()
    assert locks == (0,), told
