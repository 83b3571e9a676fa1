"""A worker of its own: does what each line of JSON on standard input says, and answers with a line of JSON."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.sdk.execution_time.context import OutletEventAccessors

from airflow_provider_hubspot_deals.hooks.hubspot import HubSpotHook
from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator


def load(*, run_id: str, try_number: int = 1, **arguments: Any) -> None:
    """A try of a task, as Airflow's task runner has it."""
    defaults = {"task_id": "load_deals", "organization": "acme", "search_lag_minutes": 0}
    task = HubSpotDealsToPostgresOperator(**{**defaults, **arguments})
    context: Any = {
        "ti": SimpleNamespace(
            dag_id="acme_deals",
            run_id=run_id,
            task_id="load_deals",
            map_index=None,
            try_number=try_number,
            max_tries=3,
        ),
        "dag_run": SimpleNamespace(run_type="manual", clear_number=None),
        "outlet_events": OutletEventAccessors(),
    }
    signal.signal(signal.SIGTERM, lambda *_: task.on_kill())
    task.execute(context)


def search(*, times: int, pause_s: float = 0.0) -> None:
    """What another task of the same connection might ask."""
    with HubSpotHook().get_client() as client:
        for _ in range(times):
            client.highest_deal()
            time.sleep(pause_s)


def limit_memory(*, megabytes: int) -> None:
    """From now on, so much more than at present."""
    (present,) = (line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmData" in line)
    limit = int(present) * 2**10 + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


ORDERS: Mapping[str, Callable[..., None]] = {"load": load, "search": search, "limit_memory": limit_memory}


def outcome_of(order: dict[str, Any]) -> dict[str, Any]:
    """How it ended: ``completed``, or an exception's name."""
    try:
        ORDERS[order.pop("do")](**order)
    except BaseException as error:  # noqa: BLE001 - told to the test
        moment = getattr(getattr(error, "trigger", None), "moment", None)
        resumes_at = moment.isoformat() if moment else None
        return {"ended": type(error).__name__, "message": str(error), "resumes_at": resumes_at}
    return {"ended": "completed"}


def main() -> None:
    """Until standard input ends."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # whatever else is printed
        for line in sys.stdin:
            answers.write(json.dumps({**outcome_of(json.loads(line)), "clock": time.time()}) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
