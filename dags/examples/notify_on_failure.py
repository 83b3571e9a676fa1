"""Tell somebody when a load has failed for good: any of Airflow's notifiers, here a POST to the connection `alerts`.

The error is the sentence that stands in `jobs.error_message`: what is wrong and what to do, never a token. Of an error
that nobody foresaw it is that error's own text, of which the setting `notifications` tells the kind alone.
"""

from airflow.providers.http.notifications import HttpNotifier
from airflow.sdk import DAG

from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator

tell_on_call = HttpNotifier(
    http_conn_id="alerts",
    endpoint="hubspot-deals",
    json={"dag": "{{ dag.dag_id }}", "run": "{{ run_id }}", "error": "{{ exception }}"},
)

with DAG("notify_on_failure", schedule="@daily", catchup=False, max_active_runs=1, tags={"example"}):
    HubSpotDealsToPostgresOperator(
        task_id="load_deals",
        organization="example",
        hubspot_conn_id="hubspot_default",
        retries=3,
        on_failure_callback=tell_on_call,
    )
