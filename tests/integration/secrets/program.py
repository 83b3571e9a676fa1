"""A task in a process of its own: takes its connections from standard input, so that no secret is in its environment.

Started with the organization's name.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from types import SimpleNamespace
from typing import Any

logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, force=True)
os.environ.update(json.load(sys.stdin))

from airflow.sdk.execution_time.context import OutletEventAccessors  # noqa: E402 - reads the environment

from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import (  # noqa: E402 - as above
    HubSpotDealsToPostgresOperator,
)


def main(organization: str) -> None:
    """Until it is done, or killed."""
    logging.getLogger().setLevel(logging.DEBUG)  # Airflow has set its own
    task = HubSpotDealsToPostgresOperator(
        task_id="load", organization=organization, search_lag_minutes=0, batch_rows=50
    )
    context: Any = {
        "ti": SimpleNamespace(
            dag_id="dag", run_id="manual__1", task_id="load", map_index=None, try_number=1, max_tries=3
        ),
        "dag_run": SimpleNamespace(run_type="manual", clear_number=None),
        "outlet_events": OutletEventAccessors(),
    }
    signal.signal(signal.SIGTERM, lambda *_: task.on_kill())
    sys.stdout.write(json.dumps(task.execute(context)))


if __name__ == "__main__":
    main(sys.argv[1])
