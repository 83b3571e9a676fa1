"""The Airflow connections of the demo, as its REST API takes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_hubspot_deals.organizations.organization import Organization


def postgres_connection(url: str, conn_id: str = "hubspot_deals_postgres") -> dict[str, object]:
    """A `postgresql://…` address as a connection of type Postgres."""
    parts = urlsplit(url)
    return {
        "connection_id": conn_id,
        "conn_type": "postgres",
        "host": parts.hostname,
        "port": parts.port or 5432,
        "login": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "schema": parts.path.lstrip("/"),
    }


def hubspot_connection(organization: Organization, tokens: Mapping[int, str], url: str) -> dict[str, object]:
    """The organization's connection of type HubSpot, to the simulator at `url`; `tokens` by portal id.

    The port has a field of its own: Airflow's UI sends 0 where that is empty, and its API then refuses to test.
    """
    address = urlsplit(url)
    return {
        "connection_id": organization.hubspot_conn_id,
        "conn_type": "hubspot",
        "host": f"{address.scheme}://{address.hostname}",
        "port": address.port,
        "password": tokens[portal_id_of(organization)],
        "extra": json.dumps({"allow_other_hosts": True}),  # else a token only ever goes to HubSpot's own hosts
    }


def portal_id_of(organization: Organization) -> int:
    """The simulated account that belongs to an organization of the demo."""
    if organization.portal_id is None:
        msg = f"organization {organization.slug} of the demo must name its portal_id"
        raise ValueError(msg)
    return organization.portal_id
