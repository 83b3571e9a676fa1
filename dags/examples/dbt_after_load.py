"""Build dbt models when deals were loaded. Where dbt is not installed, the task says what it would run.

The project is expected where `HUBSPOT_DBT_PROJECT` says; its sources are `hubspot.hubspot_deals` and the views of
`hubspot_reporting`.
"""

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

from airflow_provider_hubspot_deals.dag_factory import deals_asset

with DAG("dbt_after_load", schedule=[deals_asset("northwind")], catchup=False, max_active_runs=1, tags={"example"}):
    BashOperator(
        task_id="dbt_build",
        append_env=True,
        bash_command="""
            project=${HUBSPOT_DBT_PROJECT:-dbt}
            if command -v dbt > /dev/null; then
                dbt build --project-dir "$project" --select source:hubspot+
            else
                echo "dbt is not installed here; with it: dbt build --project-dir $project --select source:hubspot+"
            fi
        """,
    )
