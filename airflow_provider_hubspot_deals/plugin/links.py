"""Addresses: of our own pages, of Airflow's and of HubSpot's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.ASCII)
_HUBSPOT = "app.hubspot.com"


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses as a browser needs them, whatever path Airflow is served below.

    Args:
        ours: path of this application, without a slash at the end.
        airflow: path of Airflow itself, likewise; empty at the root of its host.
        store: number of the store that is shown; 0 is the first and stands in no address.
    """

    ours: str
    airflow: str
    store: int = 0

    def overview(self, **choice: object) -> str:
        """The table; what is left empty stands in no address."""
        return f"{self.ours}/{self._query(choice)}"

    def jobs(self, dag_id: str, organization_id: object, type_: str) -> str:
        """The jobs of an organization and type, of one DAG."""
        return f"{self.ours}/dags/{quote(dag_id, safe='')}/organizations/{organization_id}/{type_}{self._query({})}"

    def job(self, dag_id: str, job_id: object) -> str:
        """The page of one job."""
        return f"{self.ours}/dags/{quote(dag_id, safe='')}/jobs/{job_id}{self._query({})}"

    def cancel(self, dag_id: str, job_id: object) -> str:
        """Where its cancel button posts to."""
        return f"{self.ours}/dags/{quote(dag_id, safe='')}/jobs/{job_id}/cancel{self._query({})}"

    def asset(self, name: str, version: str) -> str:
        """A file of ours, which browsers keep as long as its version stays."""
        return f"{self.ours}/assets/{name}?v={version}"

    def dag(self, dag_id: str) -> str:
        """The DAG in Airflow's UI."""
        return f"{self.airflow}/dags/{quote(dag_id, safe='')}"

    def dags(self) -> str:
        """All DAGs with our tag."""
        return f"{self.airflow}/dags?tags=hubspot"

    def run(self, job: Mapping[str, Any]) -> str:
        """The DAG run of a job; empty for a job that no DAG run made."""
        if not (job["dag_id"] and job["run_id"]):
            return ""
        return f"{self.dag(job['dag_id'])}/runs/{quote(job['run_id'], safe='')}"

    def log(self, job: Mapping[str, Any]) -> str:
        """The log of its task's last try; empty likewise."""
        run = self.run(job)
        if not (run and job["task_id"]):
            return ""
        is_mapped = job["map_index"] is not None and job["map_index"] >= 0
        mapped = f"/mapped/{job['map_index']}" if is_mapped else ""
        attempt = f"?try_number={job['try_number']}" if job["try_number"] else ""
        return f"{run}/tasks/{quote(job['task_id'], safe='')}{mapped}{attempt}"

    def trigger(self, dag_id: str) -> str:
        """Airflow's own route that triggers a DAG."""
        return f"{self.airflow}/api/v2/dags/{quote(dag_id, safe='')}/dagRuns"

    def login(self) -> str:
        """Airflow's login, which comes back to the page in its frame."""
        return f"{self.airflow}/api/v2/auth/login?{urlencode({'next': f'{self.airflow}/plugin/hubspot-deals'})}"

    def _query(self, choice: Mapping[str, object]) -> str:
        given = {name: value for name, value in {**choice, "store": self.store}.items() if value}
        return f"?{urlencode(given)}" if given else ""


def deals_board(portal_id: int | None, ui_domain: str | None) -> str:
    """The portal's deals in HubSpot; empty when the portal is not known. HubSpot says where its pages are."""
    host = ui_domain if ui_domain and _HOST.fullmatch(ui_domain) else _HUBSPOT
    return f"https://{host}/contacts/{int(portal_id)}/objects/0-3/views/all/board" if portal_id else ""
