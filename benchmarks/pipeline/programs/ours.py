"""Ours: `HubSpotDealsToPostgresOperator.execute`, with connections from the environment and no scheduler."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import airflow_provider_hubspot_deals
from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator
from benchmarks.pipeline.programs.metering import metered, read_order

# Imported by `execute` on first use; a worker that has run one organization has them all.
LAZY = ("airflow.providers.postgres.hooks.postgres", "airflow.providers.standard.triggers.temporal")
NOT_IMPORTED = "airflow_provider_hubspot_deals.migrations.versions"  # read by Alembic alone


def main() -> None:
    """One run, measured."""
    import_everything()
    order = read_order()
    task = HubSpotDealsToPostgresOperator(
        task_id="load_deals", organization="bench", organization_id=order["organization_id"], mode=order["mode"]
    )
    with metered(order["figures"]):
        task.execute(context(order["run_id"]))


def import_everything() -> None:
    """Every module of the provider, and what it imports late."""
    package = airflow_provider_hubspot_deals
    names = [found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    for name in (*LAZY, *names):
        if not name.startswith(NOT_IMPORTED) and not name.endswith(("__main__", ".env")):
            import_module(name)


def context(run_id: str) -> Any:  # noqa: ANN401 - the parts of Airflow's context that the operator reads
    """What Airflow's task runner would hand over."""
    task_instance = {"dag_id": "bench", "run_id": run_id, "task_id": "load_deals", "map_index": -1}
    return {
        "ti": SimpleNamespace(**task_instance, try_number=1, max_tries=0),
        "dag_run": SimpleNamespace(run_type="manual", clear_number=None),
    }


if __name__ == "__main__":
    main()
