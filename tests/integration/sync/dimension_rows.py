"""What is stored of dimensions after a run, and a client that lets a test act while they are read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from airflow_provider_hubspot_deals import sync
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.deals.records import Record
from tests.integration.sync.conftest import Organization, WatchedClient

QUIET: dict[str, Any] = {"mode": "incremental", "dimensions_every": timedelta(hours=1)}
ALWAYS: dict[str, Any] = {"mode": "incremental", "dimensions_every": timedelta(0)}


def rows(acme: Organization, table: str) -> list[dict[str, Any]]:
    query = f"SELECT *, xmin::text AS row_version FROM hubspot.{table} WHERE organization_id = %s ORDER BY 1, 2, 3"  # noqa: S608 - names of this file
    return acme.query(query, acme.id)


def labels(acme: Organization) -> dict[str, str]:
    return {row["stage_id"]: row["label"] for row in rows(acme, "pipeline_stages") if row["_deleted_at"] is None}


def events(acme: Organization, kind: str) -> list[dict[str, Any]]:
    query = "SELECT details FROM hubspot.job_events WHERE organization_id = %s AND kind = %s ORDER BY occurred_at"
    return [row["details"] for row in acme.query(query, acme.id, kind)]


def asked(acme: Organization, endpoint: str) -> int:
    return len([request for request in acme.simulator.requests if request.endpoint == endpoint])


class TellingClient(WatchedClient):
    """Tells before it asks for pipelines and owners, too."""

    def pipelines(self) -> list[Record]:
        self._tell("pipelines")
        return super().pipelines()

    def owners(self, *, archived: bool = False) -> Iterator[list[Record]]:
        self._tell("owners")
        return super().owners(archived=archived)


def run_with(acme: Organization, before: Any, **request: Any) -> TellingClient:
    token = PrivateAppToken(acme.portal.spec.token)
    with TellingClient(token, base_url=acme.simulator.base_url, allow_other_hosts=True) as client:
        client.before = before
        sync.run(acme.request(**request), client=client, connect=acme.connect)
        return client
