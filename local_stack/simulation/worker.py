"""The program of a worker: `HubSpotDealsToPostgresOperator.execute` in a process of its own for each attempt.

It imports once and then forks, as Airflow's own workers do. Each attempt connects to the harness, stands still behind
each batch and at the kill point that its order names until it hears "go", and says at last how it ended. Orders are
lines of JSON on stdin.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import random
import signal
import socket
import sys
import threading
from collections import Counter
from functools import partial
from types import SimpleNamespace
from typing import Any, NoReturn

from airflow_provider_hubspot_deals import kill_points, sql
from airflow_provider_hubspot_deals.client import hubspot_client, pauses
from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.kill_points import KillPoint
from airflow_provider_hubspot_deals.sync import heartbeat
from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator
from local_stack.tether import tie_to_parent

# What an attempt would import when it gets there: a quarter of a second of each, if nobody had it before the fork.
LAZY = (
    "airflow.providers.openlineage.conf",
    "airflow.providers.postgres.hooks.postgres",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.observability.stats",
    "airflow_provider_hubspot_deals.hooks.hubspot",
    "airflow_provider_hubspot_deals.hooks.postgres",
    "airflow_provider_hubspot_deals.migrations",
    "airflow_provider_hubspot_deals.transfers.lineage",
    "airflow_provider_hubspot_deals.transfers.metrics",
    "requests_toolbelt",
)
# How long something waits, not what it does then: of minutes and seconds, a simulation has no time for.
DEADLINES = {"INTERVAL_S": 1.0, "LOST_AFTER_S": 6.0}
TRANSACTION_TIMEOUT_S = 5.0  # on a busy machine three are not enough for those who wait for a frozen one
IDLE_IN_TRANSACTION = ("'30s'", "'8s'")  # longer than an attempt stands still within one
PAUSE_S = 0.02  # of the client, before it asks HubSpot again


class Attempt:
    """One forked process."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        self._counts: Counter[str] = Counter()
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(order["harness"])
        self._words = self._line.makefile("r")
        self._say(attempt=order["name"], pid=os.getpid())

    def run(self) -> None:
        """Never lets an exception out: how the attempt ended is what it says."""
        random.seed(self._order["seed"])  # the provider's own: how long it pauses
        kill_points.listen(self._reached)
        os.environ.update(self._order["environment"])
        task = HubSpotDealsToPostgresOperator(task_id="load_deals", **self._order["arguments"])
        signal.signal(signal.SIGTERM, lambda *_: task.on_kill())  # as Airflow's task runner has it
        try:
            task.execute(self._context())
            ended = "completed"
        except BaseException as error:  # noqa: BLE001 - told to the harness
            ended = f"{type(error).__name__}: {error}"
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._say(ended=ended, counts=self._counts)

    def _reached(self, point: KillPoint) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._counts[point] += 1
        if point == KillPoint.BATCH_COMMITTED:
            self._stand_still(batch=self._counts[point])
        if [point, self._counts[point]] == self._order["stand_still_at"]:
            self._stand_still(point=point)

    def _stand_still(self, **what: Any) -> None:  # noqa: ANN401 - JSON
        self._say(**what)
        self._words.readline()

    def _say(self, **what: Any) -> None:  # noqa: ANN401 - JSON
        self._line.sendall(json.dumps(what).encode() + b"\n")

    def _context(self) -> Any:  # noqa: ANN401 - the parts of Airflow's context that the operator reads
        task_instance = {"dag_id": "simulation", "task_id": "load_deals", "map_index": -1, **self._order["try"]}
        return {
            "ti": SimpleNamespace(**task_instance),
            "dag_run": SimpleNamespace(run_type="manual", clear_number=None),
        }


def hurry() -> None:
    """In this process, for good."""
    for name, seconds in DEADLINES.items():
        setattr(heartbeat, name, seconds)
    sql.TRANSACTION_TIMEOUT_S = TRANSACTION_TIMEOUT_S
    statements = sql._statements("jobs")  # noqa: SLF001 - a setting of each transaction's
    statements["set_transaction"] = statements["set_transaction"].replace(*IDLE_IN_TRANSACTION)
    for status in pauses.PAUSE_MIN_S:
        pauses.PAUSE_MIN_S[status] = PAUSE_S
    vars(hubspot_client)["Retries"] = partial(Retries, backoff_s=PAUSE_S)


def main() -> NoReturn:
    """Fork for each order, until stdin ends."""
    for name in LAZY:
        __import__(name)
    hurry()
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them: the harness sees their lines close
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nobody reads on: a pipe that is full would stop the attempts
    gc.collect()
    gc.freeze()  # else each attempt looks through, and so copies, all that Airflow has: a tenth of a second
    ours = os.getpid()
    for text in sys.stdin:
        if not os.fork():
            tie_to_parent(ours, signal.SIGKILL)  # else it would look for a PostgreSQL that was stopped as well
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            Attempt(json.loads(text)).run()
            os._exit(0)
    sys.exit()


if __name__ == "__main__":
    main()
