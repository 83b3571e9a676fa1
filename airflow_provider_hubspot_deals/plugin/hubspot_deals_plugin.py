"""What Airflow loads from the entry point ``airflow.plugins``: in every process of its own, so this imports nothing."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

NAME = "HubSpot deals"
URL_PREFIX = "/hubspot-deals"


class HubSpotDealsPlugin(AirflowPlugin):
    """Adds the page to the navigation of the UI, and the application that answers it to the API server."""

    name = "hubspot_deals"

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # made when the API server asks, not by tasks
        """The one application."""
        from airflow_provider_hubspot_deals.plugin.application import create_app

        return [{"app": create_app(), "url_prefix": URL_PREFIX, "name": NAME}]

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # as above
        """Where the UI shows it. The address holds the path below which Airflow itself is served."""
        from urllib.parse import urlsplit

        from airflow.configuration import conf

        root = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
        return [
            {
                "name": NAME,
                "href": f"{root}{URL_PREFIX}/",
                "url_route": "hubspot-deals",
                "destination": "nav",
                "category": "browse",
                "icon": f"{root}{URL_PREFIX}/assets/icon.svg",
                "icon_dark_mode": f"{root}{URL_PREFIX}/assets/icon-dark.svg",
            }
        ]
