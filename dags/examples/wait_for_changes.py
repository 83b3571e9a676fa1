"""Wait, without a worker, until a deal changes in HubSpot, and load it. Needs a running triggerer.

For an organization of the organizations file, the setting `watch_every_seconds` does the same with a watched asset.
"""

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_hubspot_deals.sensors.deals_changed import HubSpotDealsChangedSensor
from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator

with DAG("wait_for_changes", schedule=None, max_active_runs=1, tags={"example"}):
    changed = HubSpotDealsChangedSensor(
        task_id="changed",
        hubspot_conn_id="hubspot_default",
        poke_interval=30,
        timeout=timedelta(hours=8).total_seconds(),
    )
    load = HubSpotDealsToPostgresOperator(task_id="load_deals", organization="example")
    changed >> load
