"""One Airflow DAG per organization of organizations.toml, which lies beside this file."""

from airflow_provider_hubspot_deals.dag_factory import build_dags

globals().update(build_dags())
