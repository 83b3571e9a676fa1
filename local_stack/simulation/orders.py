"""What worker processes are told: of which organization, in which run, over which connections."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from uuid import UUID

    from local_stack.simulation.people import People


@dataclass(frozen=True, kw_only=True)
class Orders:
    """Those of one organization.

    Attributes:
        port: where PostgreSQL listens, or a proxy in front of it.
        seed: of the scenario.
    """

    organization: str
    organization_id: UUID
    people: People
    hubspot_url: str
    database_url: str
    port: int | None
    seed: int

    def order(self, run: str, number: int, mode: str, *, stand_still_at: list[Any] | None = None) -> dict[str, Any]:
        """What a worker needs to know of one attempt."""
        arguments = {
            "organization": self.organization,
            "organization_id": str(self.organization_id),
            "mode": mode,
            "batch_rows": 100,
            "search_lag_minutes": 1,
            "overlap_minutes": 0,
        }
        return {
            "arguments": arguments,
            "environment": self._connections(name_of(run, number)),
            "try": {"run_id": run, "try_number": number, "max_tries": 99},
            "stand_still_at": stand_still_at,
            "seed": f"{self.seed}/{self.organization}/{name_of(run, number)}",
        }

    def _connections(self, name: str) -> dict[str, str]:
        parts, token = urlsplit(self.database_url), self.people.portal.spec.token
        hubspot = {"conn_type": "hubspot", "password": token, "host": self.hubspot_url}
        where = {"host": "127.0.0.1", "port": self.port, "schema": parts.path[1:]}
        who = {"login": parts.username, "password": parts.password}
        extra = {"application_name": name, "sslmode": "disable"}
        postgres = {"conn_type": "postgres", **where, **who, "extra": extra}
        return {
            "AIRFLOW_CONN_HUBSPOT_DEFAULT": json.dumps({**hubspot, "extra": {"allow_other_hosts": True}}),
            "AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES": json.dumps(postgres),
        }


def name_of(run: str, number: int) -> str:
    """application_name of an attempt."""
    return f"{run}/{number}"
