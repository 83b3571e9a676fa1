"""Read once more what was modified between two days: after a repair in HubSpot, or for a property chosen later.

Trigger it by hand, and pause the organization's own DAG meanwhile: an organization has one active job, and a month that
meets another is skipped. For the same reason the months come one after the other.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param, task

from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator

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
        """Windows that touch each other, as arguments of the operator."""
        asked = params or {}
        start, end = (datetime.fromisoformat(asked[name]).replace(tzinfo=UTC) for name in ("first_day", "last_day"))
        end, windows = end + timedelta(days=1), []
        while start < end:
            following = min((start.replace(day=1) + timedelta(days=32)).replace(day=1), end)
            windows.append({"window_start": start.isoformat(), "window_end": following.isoformat()})
            start = following
        return windows

    HubSpotDealsToPostgresOperator.partial(
        task_id="load_month",
        organization="northwind",
        hubspot_conn_id="hubspot_northwind",
        mode="window",
        max_active_tis_per_dagrun=1,
    ).expand_kwargs(months())
