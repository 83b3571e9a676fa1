from airflow.sdk import DAG

from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator

with DAG("ten_lines", schedule="@daily", catchup=False):
    HubSpotDealsToPostgresOperator(
        task_id="load_deals",
        organization="example",
        hubspot_conn_id="hubspot_default",
        postgres_conn_id="hubspot_deals_postgres",
    )
