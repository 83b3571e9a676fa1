"""Build dbt models when deals were loaded. Where dbt is not installed, the task says what it would run.

The project is the folder `dbt` beside this file, or the one that `HUBSPOT_DBT_PROJECT` names. Its `profiles.yml` says
which role reads the deals, and which variables the task must find in its environment.
"""

import os
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

from airflow_provider_hubspot_deals.dag_factory import deals_asset

PROJECT = os.environ.get("HUBSPOT_DBT_PROJECT") or str(Path(__file__).with_name("dbt"))

with DAG("dbt_after_load", schedule=[deals_asset("northwind")], catchup=False, max_active_runs=1, tags={"example"}):
    BashOperator(
        task_id="dbt_build",
        append_env=True,
        cwd=PROJECT,  # dbt looks for profiles.yml there
        bash_command="""
            if command -v dbt > /dev/null; then
                dbt build --select source:hubspot+ source:hubspot_reporting+
            else
                echo "dbt is not installed here; with it: dbt build --select source:hubspot+ source:hubspot_reporting+"
            fi
        """,
    )
