"""Read once more what was modified between two days: after a repair in HubSpot, or for a property chosen later.

Trigger it by hand. Each month is a run of the organization's own DAG, which must not be paused: it reads what the entry
in the organizations file says. An operator that says less (no associations, no negative amounts) would take the rest
away from each deal that it reads. The months come one after the other, as all runs of that DAG do.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Param, task

with DAG(
    "backfill_once",
    schedule=None,
    max_active_runs=1,
    params={
        "first_day": Param("2026-01-01", type="string", format="date", pattern=r"^\d{4}-\d{2}-\d{2}$"),
        "last_day": Param("2026-03-31", type="string", format="date", pattern=r"^\d{4}-\d{2}-\d{2}$"),
    },
    tags={"example"},
):

    @task
    def months(params: dict[str, str] | None = None) -> list[dict[str, str]]:
        """Windows that touch each other, as the trigger form of an organization's DAG takes them."""
        asked = params or {}
        start, end = (datetime.fromisoformat(asked[name]).replace(tzinfo=UTC) for name in ("first_day", "last_day"))
        end, windows = end + timedelta(days=1), []
        while start < end:
            following = min((start.replace(day=1) + timedelta(days=32)).replace(day=1), end)
            window = {"window_start": start.isoformat(), "window_end": following.isoformat()}
            windows.append({"mode": "window", **window})
            start = following
        return windows

    TriggerDagRunOperator.partial(
        task_id="load_month",
        trigger_dag_id="hubspot_deals_northwind",
        wait_for_completion=True,
        poke_interval=10,
        max_active_tis_per_dagrun=1,
    ).expand(conf=months())
