"""DAGs from the organizations file: one per organization, and one that maintains the tables.

A DAG file needs three lines::

from airflow_provider_hubspot_deals.dag_factory import build_dags

globals().update(build_dags())
"""

from airflow_provider_hubspot_deals.dag_factory.factory import build_dags
from airflow_provider_hubspot_deals.dag_factory.organization_dag import build_dag, deals_asset

__all__ = ["build_dag", "build_dags", "deals_asset"]
