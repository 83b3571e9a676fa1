"""Whatever people and machines do to a run in a real Airflow, in a random order: the copy and its books are right.

One seed decides the order. ``AIRFLOW_SEQUENCES=50`` asks for more of them, ``AIRFLOW_SEED=7`` for a certain one.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from local_stack.exceptions import StackError
from local_stack.processes import wait_until
from tests.acceptance.conftest import AirflowStack
from tests.acceptance.processes import processes
from tests.integration.invariants import violations

HARBOR, PORTAL = "hubspot_deals_harbor", 9100001
COUNT = int(os.environ.get("AIRFLOW_SEQUENCES", "1"))
FIRST = int(os.environ.get("AIRFLOW_SEED", "1"))
STEPS = 3
SETTLES_WITHIN_S = 240.0
ACTIVE = "SELECT id FROM hubspot.jobs WHERE status IN ('pending', 'running') AND dag_id = %s"
COUNT_DEALS = """
    SELECT count(*) FILTER (WHERE NOT archived) AS live,
           count(*) FILTER (WHERE _deleted_reason = 'archived') AS archived
    FROM hubspot.hubspot_deals JOIN hubspot.organizations ON id = _organization_id
    WHERE slug = 'harbor' AND _type = 'standard'
"""


class Sequence:
    """What happens to the runs of one organization."""

    def __init__(self, stack: AirflowStack, seed: int) -> None:
        self._stack, self._chance = stack, random.Random(seed)  # noqa: S311 - a scenario
        self.done: list[str] = []
        self._run_id = ""

    def play(self) -> None:
        steps: list[Callable[[], None]] = [self.clear, self.mark_success, self.mark_failed, self.kill_worker]
        steps += [self.second_run, self.restart_scheduler, self.restart_api_server, self.cancel]
        self._stack.airflow.unpause(HARBOR)
        for step in self._chance.choices(steps, k=STEPS):
            self._stack.simulator.mutate(PORTAL, edit=self._chance.randint(1, 9), archive=self._chance.randint(0, 2))
            self._run_id = self._stack.airflow.trigger(HARBOR, {"mode": self._chance.choice(["full", "auto"])})
            if self._chance.random() < 0.8:
                self._wait_until_loading()
            self.done.append(step.__name__)
            step()

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
        self._stack.query("UPDATE hubspot.jobs SET status = 'cancelled' WHERE status = 'running'")

    def kill_worker(self) -> None:
        for pid in task_processes(self._stack.settings.home):
            os.kill(pid, signal.SIGKILL)

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

    def _wait_until_loading(self) -> None:
        """Until the run's task has begun; it may be over as quickly."""

        def has_begun() -> bool:
            (task,) = self._stack.airflow.task_instances(HARBOR, self._run_id)
            return task["state"] not in (None, "scheduled", "queued")

        wait_until(has_begun, what="the task", timeout_s=60)


def task_processes(home: Path) -> list[int]:
    """The workers of this Airflow that have a task, and the processes that they forked for it: both say which."""
    return [
        pid
        for pid, environment, command in processes()
        if str(home).encode() in environment and b"LocalExecutor:" in command and b"<idle>" not in command
    ]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_e21_e23_e24_whatever_happens_to_runs_the_copy_and_its_books_are_right(
    airflow_stack: AirflowStack, seed: int
) -> None:
    sequence = Sequence(airflow_stack, seed)
    sequence.play()
    told = f"AIRFLOW_SEED={seed} AIRFLOW_SEQUENCES=1: {', '.join(sequence.done)}"

    airflow_stack.airflow.end_runs(HARBOR)
    assert violations(airflow_stack.deals_url) == [], told
    airflow_stack.query("UPDATE hubspot.jobs SET last_heartbeat = now() - interval '5 minutes' WHERE end_time IS NULL")
    try:
        airflow_stack.run_dag(HARBOR, {"mode": "full"}, timeout_s=SETTLES_WITHIN_S)
    except StackError as error:
        pytest.fail(f"{told}: {error}")

    held = airflow_stack.simulator.counts()[PORTAL]
    (stored,) = airflow_stack.query(COUNT_DEALS)
    assert (stored["live"], stored["archived"]) == (held.live, held.archived), told
    assert violations(airflow_stack.deals_url) == [], told
    assert airflow_stack.query(ACTIVE, HARBOR) == [], told
    with psycopg.connect(airflow_stack.deals_url) as connection:
        locks = connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone()
    assert locks == (0,), told
