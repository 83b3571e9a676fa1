"""Run when an organization's deals were loaded: its DAG emits an event of the asset, with what the run did.

The asset is that of the DAG `hubspot_deals_northwind`, made from the organizations file.
"""

from typing import Any

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import DAG, task

from airflow_provider_hubspot_deals.dag_factory import deals_asset

NORTHWIND = deals_asset("northwind")

with DAG("report_after_load", schedule=[NORTHWIND], catchup=False, tags={"example"}):

    @task.short_circuit
    def something_changed(triggering_asset_events: Any = None) -> bool:  # noqa: ANN401 - Airflow fills it in
        """Skip the rest when nothing changed; a run by hand, or an event by hand, which says nothing, goes on."""
        runs = [event.extra for event in triggering_asset_events[NORTHWIND]] if triggering_asset_events else []
        changes = ("records_inserted", "records_updated", "records_deleted")  # of a purged deal, only the last
        return not runs or any(run.get(each, 1) > 0 for run in runs for each in changes)

    report = SQLExecuteQueryOperator(
        task_id="report",
        conn_id="hubspot_deals_postgres",
        sql="""
            SELECT stage_label, count(*), sum(amount_in_home_currency)::text
            FROM hubspot_reporting.deals_with_names
            WHERE organization_id = (SELECT id FROM hubspot.organizations WHERE slug = 'northwind')
              AND type = 'standard' AND NOT archived
            GROUP BY stage_label, stage_order
            ORDER BY stage_order
        """,
    )
    something_changed() >> report
