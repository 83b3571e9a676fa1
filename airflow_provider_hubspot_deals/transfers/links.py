"""Where a task's buttons lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from airflow.providers.common.compat.sdk import BaseOperator, BaseOperatorLink, conf

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

_PAGE = "/plugin/hubspot-deals"  # in Airflow's UI
_IN_THE_FRAME = "/hubspot-deals"  # behind it, what to show there; Airflow before 3.3.2 shows the page's first view


class DealsBoardLink(BaseOperatorLink):
    """Button on the task: the deals of this portal in HubSpot."""

    name = "Deals in HubSpot"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow's signature
        return getattr(operator, "deals_board_url", "")


class JobLink(BaseOperatorLink):
    """Button on the task: its job on the page *HubSpot deals*, which finds it by the task's name."""

    name = "Job"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow's signature
        dag_id, run_id, task_id = (quote(each, safe="") for each in (ti_key.dag_id, ti_key.run_id, ti_key.task_id))
        map_index = -1 if ti_key.map_index is None else ti_key.map_index
        return f"{page_url()}{_IN_THE_FRAME}/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/{map_index}"


def page_url() -> str:
    """The page *HubSpot deals* in Airflow's UI, without a host: below the path that Airflow itself is served at."""
    root = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
    return f"{root}{_PAGE}"


def deals_board_url(summary: dict[str, Any], portal_id: int | None) -> str:
    """Address of the deals that a run of that summary loaded; empty while the portal is not known."""
    portal_id = summary.get("portal_id") or portal_id
    host = summary.get("ui_domain") or "app.hubspot.com"
    return f"https://{host}/contacts/{portal_id}/objects/0-3/views/all/board" if portal_id else ""
