"""``airflow hubspot-deals organizations``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.cli.calling import command
from airflow_provider_hubspot_deals.cli.exit_codes import DONE
from airflow_provider_hubspot_deals.cli.printing import show_json, show_rows
from airflow_provider_hubspot_deals.cli.stores import transaction_in
from airflow_provider_hubspot_deals.cli.targets import organizations_file
from airflow_provider_hubspot_deals.organizations import Organization, stores_of

_COLUMNS = {"slug": "organization", "type": "type", "name": "name", "enabled": "enabled", "dag_id": "DAG"}
_SETTINGS = {
    "schedule": "schedule",
    "hubspot_conn_id": "HubSpot connection",
    "postgres_conn_id": "PostgreSQL connection",
    "schema": "schema",
}
_STATE = {
    "last_sync_at": "last sync (UTC)",
    "last_full_sync_at": "last full (UTC)",
    "watermark": "complete up to (UTC)",
    "job_status": "newest job",
}
_NO_STATE = dict.fromkeys((*_STATE, "portal_id", "job_id"))


@command
def list_organizations(arguments: Namespace) -> int:
    """What the organizations file says, with every default filled in; with ``--state`` also how fresh each is."""
    organizations = organizations_file(arguments).organizations
    if not arguments.state:
        show_rows([_settings_of(each) for each in organizations], _COLUMNS | _SETTINGS, arguments.output)
        return DONE
    states = _states(organizations)
    rows = [(_settings_of(each), states.get((each.id, each.type), _NO_STATE)) for each in organizations]
    if arguments.output == "json":
        show_json([{**settings, "state": state} for settings, state in rows])
    else:
        show_rows([settings | state for settings, state in rows], _COLUMNS | _STATE, "table")
    return DONE


def _settings_of(organization: Organization) -> dict[str, Any]:
    derived = {"dag_id": organization.dag_id, "deals_table": organization.deals_table}
    return {**asdict(organization), "owner_links": dict(organization.owner_links), **derived}


def _states(organizations: Sequence[Organization]) -> dict[tuple[UUID, str], dict[str, Any]]:
    """By organization and type, as PostgreSQL has them; none where nothing was ever loaded."""
    found: dict[tuple[UUID, str], dict[str, Any]] = {}
    for store in stores_of(organizations):
        with transaction_in(store) as connection:
            for row in sql.rows(connection, "listing.portals", {}, schema=store.schema):
                found[row.pop("organization_id"), row.pop("type")] = row
    return found
