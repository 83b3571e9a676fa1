"""``airflow hubspot-deals organizations``."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from airflow_provider_hubspot_deals.cli.calling import command
from airflow_provider_hubspot_deals.cli.exit_codes import DONE
from airflow_provider_hubspot_deals.cli.finding import organizations_file
from airflow_provider_hubspot_deals.cli.printing import show_rows
from airflow_provider_hubspot_deals.organizations import Organization

_COLUMNS = {
    "slug": "organization",
    "type": "type",
    "name": "name",
    "enabled": "enabled",
    "schedule": "schedule",
    "dag_id": "DAG",
    "hubspot_conn_id": "HubSpot connection",
    "postgres_conn_id": "PostgreSQL connection",
    "schema": "schema",
}


@command
def list_organizations(arguments: Namespace) -> int:
    """What the organizations file says, with every default filled in."""
    rows = [_row(each) for each in organizations_file(arguments).organizations]
    show_rows(rows, _COLUMNS, arguments.output)
    return DONE


def _row(organization: Organization) -> dict[str, Any]:
    derived = {"dag_id": organization.dag_id, "deals_table": organization.deals_table}
    return {**asdict(organization), "owner_links": dict(organization.owner_links), **derived}
