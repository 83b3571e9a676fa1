"""The program of `./run bench celery`: runs in an environment with Celery.

python -m benchmarks.fleet.celery_run ORDER.json FIGURES.json
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fleet import copies, entries
from benchmarks.fleet.stack import FleetStack
from benchmarks.fleet.tasks import Task, Tasks
from benchmarks.process_tree import tree
from benchmarks.report import say
from benchmarks.server import bench_server
from local_stack.airflow import airflow_command
from local_stack.ports import LOOPBACK, free_port
from local_stack.processes import ManagedProcess

POLL_S = 1.0
RUNS_BEFORE = 5  # runs that have ended well when the worker is killed: the fleet is in full swing then
READY_TIMEOUT_S = 120.0
FLEET_TIMEOUT_S = 3600.0
WORKER_STOP_S = 10.0


def main(question: Path, answer: Path) -> None:
    """Load every organization on Celery, kill a worker meanwhile, and look at what is there in the end."""
    order = json.loads(question.read_text())
    with tempfile.TemporaryDirectory(prefix="hubspot-deals-celery-") as folder, bench_server() as server:
        files = entries.write(Path(folder), order["organizations"], per_file=250, deals=order["deals"], schedule="none")
        broker = free_port()
        options = settings(broker, order)
        with (
            redis(broker, Path(folder)),
            FleetStack(files, server, Path(folder), options, latency_ms=order["latency_ms"]) as stack,
            ExitStack() as running,
        ):
            stack.start_dag_processor()
            workers = [worker(stack, number, Path(folder)) for number in range(1, order["workers"] + 1)]
            for each in workers:
                running.enter_context(each)
            for each in workers:
                each.wait_until(partial(is_ready, each), timeout_s=READY_TIMEOUT_S)
            answer.write_text(json.dumps(killed(stack, workers[0])))


def is_ready(worker: ManagedProcess) -> bool:
    """Whether it says that it takes tasks."""
    return " ready." in worker.log.read_text()


def settings(broker: int, order: Mapping[str, Any]) -> dict[str, str]:
    """What makes it a Celery; the result backend is Airflow's database, as when nothing is said."""
    return {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CELERY__BROKER_URL": f"redis://{LOOPBACK}:{broker}/0",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(order["concurrency"]),
        "AIRFLOW__CORE__PARALLELISM": "32",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(order["heartbeat_timeout_s"]),
    }


def redis(port: int, folder: Path) -> ManagedProcess:
    """The broker, in memory only."""
    command = ["redis-server", "--bind", LOOPBACK, "--port", str(port), "--save", "", "--appendonly", "no"]
    return ManagedProcess(name="Redis", command=command, log=folder / "redis.log", cwd=folder)


def worker(stack: FleetStack, number: int, folder: Path) -> ManagedProcess:
    """One worker, not yet started."""
    name = f"worker-{number}"
    return ManagedProcess(
        name=name,
        command=airflow_command("celery", "worker", "--celery-hostname", f"{name}@localhost", "--skip-serve-logs"),
        log=folder / f"{name}.log",
        env=stack.settings.environment(),
        cwd=stack.settings.home,
        stop_timeout_s=WORKER_STOP_S,
    )


def killed(stack: FleetStack, victim: ManagedProcess) -> dict[str, Any]:
    """Start every run, kill the worker in the middle, wait for all; gives what happened."""
    tasks = Tasks(stack.settings.database_url)
    stack.metadata.set_paused(paused=False)
    began = time.monotonic()
    for organization in stack.organizations:
        stack.airflow.trigger(organization.dag_id)
    say(f"{len(stack.organizations)} runs triggered")
    lost = kill_in_the_middle(stack, tasks, victim)
    at, seen = time.monotonic(), [{"after_s": 0.0, "tasks": [task.shown for task in lost]}]
    say(f"killed {victim.name} with {len(lost)} tasks: {', '.join(task.dag_id for task in lost)}")
    while (states := Counter(tasks.run_states()))["success"] + states["failed"] < len(stack.organizations):
        if time.monotonic() - began > FLEET_TIMEOUT_S:
            break
        note(seen, tasks.of([task.dag_id for task in lost]), time.monotonic() - at)
        time.sleep(POLL_S)
    note(seen, tasks.of([task.dag_id for task in lost]), time.monotonic() - at)
    return {
        "seconds": round(time.monotonic() - began, 1),
        "killed_after_s": round(at - began, 1),
        "lost_tasks": len(lost),
        "seen": seen,
        "runs": dict(states),
        "tries": {str(number): count for number, count in sorted(Counter(tasks.tries()).items())},
        **copies.compared(stack, [task.dag_id for task in lost]),
    }


def kill_in_the_middle(stack: FleetStack, tasks: Tasks, victim: ManagedProcess) -> list[Task]:
    """Wait until some runs have ended and a task of the worker has stored deals, then kill all of its processes.

    Gives its running tasks.
    """
    while True:
        members = [each.pid for each in tree(victim.pid)]
        running = [task for task in tasks.running() if task.pid in members]
        busy = copies.half_done(stack.deals_url)
        ended = Counter(tasks.run_states())["success"]
        if ended >= RUNS_BEFORE and any(task.dag_id in busy for task in running):
            kill(members)
            return running
        time.sleep(POLL_S / 5)


def kill(pids: Sequence[int]) -> None:
    """As when a machine is gone: the worker first, and everything below it."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def note(seen: list[dict[str, Any]], lost: Sequence[Task], after_s: float) -> None:
    """What Airflow shows of the lost tasks, when it is no more what it showed before."""
    shown = [task.shown for task in lost]
    if shown != seen[-1]["tasks"]:
        say(f"{after_s:.0f} s after the kill: {'; '.join(shown)}")
        seen.append({"after_s": round(after_s, 1), "tasks": shown})


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is stopped
    main(Path(sys.argv[1]), Path(sys.argv[2]))
