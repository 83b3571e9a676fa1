"""What Airflow reads to discover this provider. It imports nothing, since Airflow calls it in every process."""

from __future__ import annotations

from typing import Any

_PACKAGE = "airflow_provider_hubspot_deals"
_INTEGRATION = "HubSpot"
_OAUTH_SECTION = "OAuth app (in place of an access token)"


def get_provider_info() -> dict[str, Any]:
    """Provider metadata in the form of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-hubspot-deals",
        "name": "HubSpot Deals",
        "description": "Keeps a complete, correct copy of every organization's HubSpot deals in PostgreSQL.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://developers.hubspot.com/docs/api-reference/overview",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": _INTEGRATION, "python-modules": [f"{_PACKAGE}.hooks.hubspot"]}],
        "operators": [{"integration-name": _INTEGRATION, "python-modules": [f"{_PACKAGE}.operators.maintenance"]}],
        "sensors": [{"integration-name": _INTEGRATION, "python-modules": [f"{_PACKAGE}.sensors.deals_changed"]}],
        "triggers": [{"integration-name": _INTEGRATION, "python-modules": [f"{_PACKAGE}.triggers.deals_changed"]}],
        "transfers": [
            {
                "source-integration-name": _INTEGRATION,
                "target-integration-name": "PostgreSQL",
                "python-module": f"{_PACKAGE}.transfers.hubspot_deals_to_postgres",
            }
        ],
        "connection-types": [_connection_type()],
        "cli": [f"{_PACKAGE}.cli.definition.get_commands"],
        "notifications": [f"{_PACKAGE}.notifications.webhook.HubSpotDealsWebhookNotifier"],
        "config": _config(),
        "extra-links": [f"{_PACKAGE}.transfers.links.{link}" for link in ("DealsBoardLink", "JobLink")],
    }


def _config() -> dict[str, Any]:
    return {
        "hubspot_deals": {
            "description": "The page HubSpot deals in the Airflow UI.",
            "options": {
                "stores": {
                    "description": "Where the page looks for organizations: connection ids of type Postgres, each "
                    "with a schema behind a slash and commas between them. The first one is shown at first.",
                    "version_added": "0.1.0",
                    "type": "string",
                    "example": "hubspot_deals_postgres/hubspot, warehouse/hubspot_eu",
                    "default": "hubspot_deals_postgres/hubspot",
                }
            },
        }
    }


def _connection_type() -> dict[str, Any]:
    # Hyphens matter: Airflow ignores the spellings with underscores without a word.
    return {
        "connection-type": "hubspot",
        "hook-class-name": f"{_PACKAGE}.hooks.hubspot.HubSpotHook",
        "hook-name": "HubSpot",
        "ui-field-behaviour": {
            # Not the port: the UI of Airflow 3.3.1 and 3.3.2 refuses to test a stored connection without one.
            "hidden-fields": ["login", "schema"],
            "relabeling": {"password": "Access token", "host": "API address"},
            "placeholders": {
                "description": "Whose HubSpot account, and who renews its token",
                "password": "pat-na1-… of a service key or private app; empty with OAuth",
                "host": "https://api.hubapi.com",
                "port": "443; write it, the test button needs it",
            },
        },
        "conn-fields": _connection_fields(),
    }


def _connection_fields() -> dict[str, Any]:
    return {
        "portal_id": {
            "label": "HubSpot account ID",
            "description": "The account (its Hub ID) that the token must belong to. A token of "
            "another account is refused before anything is read or written. Empty: the first one seen.",
            "schema": {"type": ["integer", "null"], "minimum": 1},
        },
        **{name: _in_section(_OAUTH_SECTION, field) for name, field in _oauth_fields().items()},
        **{name: _in_section("More", field) for name, field in _further_fields().items()},
    }


def _oauth_fields() -> dict[str, Any]:
    return {
        "client_id": {
            "label": "Client ID",
            "description": "Of a HubSpot app with OAuth, in place of the access token above; needs the two fields "
            "below as well.",
            "schema": {"type": ["string", "null"]},
        },
        "client_secret": {
            "label": "Client secret",
            "description": "Of the same app.",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
        "refresh_token": {
            "label": "Refresh token",
            "description": "From the installation of the app in this HubSpot account.",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
    }


def _further_fields() -> dict[str, Any]:
    return {
        "api_version": {
            "label": "API version",
            "description": "v3, or the date of one of HubSpot's dated versions, such as 2026-09.",
            "schema": {
                "type": ["string", "null"],
                "default": "v3",
                "pattern": r"^(v3|20\d\d-(0[1-9]|1[0-2])(-beta)?)$",
            },
        },
        "allow_other_hosts": {
            "label": "Allow another API address",
            "description": "The token is sent to HubSpot's own addresses only, unless this is set. For a simulator.",
            "schema": {"type": ["boolean", "null"], "default": False},
        },
    }


def _in_section(section: str, field: dict[str, Any]) -> dict[str, Any]:
    return {**field, "schema": {**field["schema"], "section": section}}
