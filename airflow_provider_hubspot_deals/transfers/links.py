"""Where a task's buttons lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator, BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class DealsBoardLink(BaseOperatorLink):
    """Button on the task: the deals of this portal in HubSpot."""

    name = "Deals in HubSpot"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow's signature
        return getattr(operator, "deals_board_url", "")


def deals_board_url(summary: dict[str, Any], portal_id: int | None) -> str:
    """Address of the deals that a run of that summary loaded; empty while the portal is not known."""
    portal_id = summary.get("portal_id") or portal_id
    host = summary.get("ui_domain") or "app.hubspot.com"
    return f"https://{host}/contacts/{portal_id}/objects/0-3/views/all/board" if portal_id else ""
