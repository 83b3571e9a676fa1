"""JSON Schema of the organizations file, for editors that complete and check TOML.

Made from the same checks that the loader uses. What one entry cannot know it leaves to the loader: that no two entries
make one DAG or share an id.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from airflow_provider_hubspot_deals.organizations.file import OWN_TO_ONE_ENTRY
from airflow_provider_hubspot_deals.organizations.organization import Organization
from airflow_provider_hubspot_deals.organizations.settings import SETTINGS

DRAFT = "http://json-schema.org/draft-07/schema#"  # the newest that TOML editors know

DESCRIPTIONS = {
    "slug": "Short name, in DAG ids, connection ids and log lines. An entry `acme` becomes the DAG hubspot_deals_acme.",
    "type": "Which of the organization's HubSpot accounts, such as sandbox. Each type has tables and a DAG of its own.",
    "id": "UUID of the organization in the tables; without it, one that is made from the slug.",
    "name": "Name for people.",
    "enabled": "false: no DAG; the deals stay.",
    "hubspot_conn_id": "Airflow connection of type HubSpot; without it, hubspot_<slug>. Never a token.",
    "postgres_conn_id": "Airflow connection of type Postgres to the database that keeps the deals.",
    "schema": "PostgreSQL schema of the tables.",
    "portal_id": "HubSpot account (Hub ID) that the token must belong to; without it, whichever it is at first.",
    "schedule": '@hourly, @daily … at a time of its own; cron, where H is such a time; "none": by hand only.',
    "timezone": "Of the schedule, such as Europe/Berlin.",
    "watch_every_seconds": "Seconds between two looks of the triggerer whether a deal has changed; 0: none.",
    "properties": 'What is read of each deal: "all", or HubSpot\'s internal names and patterns: ["hs_*", "!hs_v2_*"].',
    "sensitive_properties": "Read properties that HubSpot keeps as sensitive too, where the token may.",
    "associations": "Object types whose associations with deals are kept, such as contacts, companies, line_items.",
    "history": "Properties, or patterns of them, of which every value that they had is kept.",
    "full_refresh_every_days": "Days until everything is read again, which sees what no modification date shows.",
    "search_lag_minutes": "Minutes that HubSpot's search index may be behind.",
    "overlap_minutes": "Minutes before the last watermark that are read again.",
    "dimensions_every_hours": "Hours after which pipelines, stages and owners are read again.",
    "daily_reserve_percent": "Percent of the account's daily API calls that are left to other apps.",
    "allow_negative_amounts": "false: a negative amount is stored as NULL with a value issue.",
    "retention_days": "Days that a job which has ended stays in the table jobs; then it moves to jobs_archive.",
    "archive_days": "Days that such a job stays in jobs_archive; then it is removed.",
    "quarantine_days": "Days that the raw bytes of records that could not be stored are kept.",
    "timeout_hours": "Hours that one attempt of a run may take.",
    "retries": "How often Airflow tries a failed run again.",
    "pool": "Airflow pool that the task takes a slot of.",
    "queue": "Queue of the executor, such as Celery's.",
    "notifications": "Who is told that a job completed or failed, or that data is stale: docs/notifications.md.",
    "stale_after_minutes": "Minutes without a completed run after which data is stale; without it, twice the "
    "time between two runs of the schedule, a day at least. Without a schedule, data is never stale.",
    "owners": "Owners of the DAG, shown in the Airflow UI.",
    "owner_links": "Address of each owner: https: or mailto:.",
    "tags": "Tags of the DAG beside our own.",
}


def json_schema() -> dict[str, Any]:
    """The schema of the whole file."""
    settings = {name: _setting(name) for name in SETTINGS}
    defaults = {name: schema for name, schema in settings.items() if name not in OWN_TO_ONE_ENTRY}
    return {
        "$schema": DRAFT,
        "title": "Organizations whose HubSpot deals are kept in PostgreSQL",
        "type": "object",
        "required": ["organizations"],
        "additionalProperties": False,
        "properties": {
            "defaults": {"description": "For every entry that does not say otherwise.", **_table(defaults)},
            "organizations": {
                "description": "One entry is one HubSpot account and one Airflow DAG.",
                "type": "array",
                "minItems": 1,
                "items": {**_table(settings), "required": ["slug"]},
            },
        },
    }


def _table(settings: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": settings}


def _setting(name: str) -> dict[str, Any]:
    return {"description": DESCRIPTIONS[name], **SETTINGS[name].schema, **_default(name)}


def _default(name: str) -> dict[str, Any]:
    (default,) = (field.default for field in fields(Organization) if field.name == name)
    if name == "properties":
        return {"default": "all"}
    if default is MISSING or default is None or name == "owner_links":
        return {}
    return {"default": list(default) if isinstance(default, tuple) else default}
