"""An organization's sandbox and its real account side by side, then what the two have in common and what not.

Each type has a table of its own, `hubspot_deals_standard_…` and `hubspot_deals_sandbox_…`, under one organization id.
The operators know nothing of the organizations file: what its entries ask for besides, such as `associations`, must be
said here as well, or it is taken away from each deal that is read.
"""

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import DAG

from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator

CONNECTIONS = {"standard": "hubspot_northwind", "sandbox": "hubspot_northwind_sandbox"}

with DAG("sandbox_beside_production", schedule=None, max_active_runs=1, tags={"example"}):
    loads = [
        HubSpotDealsToPostgresOperator(
            task_id=f"load_{type_}",
            organization="northwind",
            type=type_,
            hubspot_conn_id=conn_id,
            retries=3,
        )
        for type_, conn_id in CONNECTIONS.items()
    ]
    compare = SQLExecuteQueryOperator(
        task_id="compare",
        conn_id="hubspot_deals_postgres",
        sql="""
            SELECT name, bool_or(type = 'standard') AS in_production, bool_or(type = 'sandbox') AS in_sandbox
            FROM hubspot.deal_properties
            WHERE organization_id = (SELECT id FROM hubspot.organizations WHERE slug = 'northwind')
            GROUP BY name
            HAVING count(DISTINCT type) < 2
            ORDER BY name
        """,
    )
    loads >> compare
