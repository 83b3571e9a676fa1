"""What each setting of an organization may be, and how a wrong one is explained.

A complaint says what would be right and never repeats the value: a token pasted into the wrong line stays out of logs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.organizations.notifications import NOTIFICATIONS_SCHEMA, check_notifications
from airflow_provider_hubspot_deals.organizations.organization import (
    PROPERTY_PATTERN,
    SCHEMA_PATTERN,
    STANDARD_TYPE,
    TYPE_PATTERN,
    Organization,
    derived_settings,
)
from airflow_provider_hubspot_deals.organizations.patterns import CONN_ID, portable
from airflow_provider_hubspot_deals.organizations.schedules import CRON, PRESETS, is_cron, spread

Complaint = tuple[str, str]  # key, what would be right


@dataclass(frozen=True, slots=True)
class Check:
    """What a setting may be."""

    value_to_keep: Callable[[object], object]  # raises ValueError with what would be right
    schema: Mapping[str, Any]  # the same as JSON Schema, for editors

    def __call__(self, value: object) -> object:
        return self.value_to_keep(value)


def _checks(**schema: object) -> Callable[[Callable[[object], object]], Check]:
    return lambda value_to_keep: Check(value_to_keep, schema)


_UUID = r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}"
_TYPE_NAMES = {bool: "true/false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a table"}


def _text(pattern: str, expected: str) -> Check:
    compiled = re.compile(pattern, re.ASCII)

    @_checks(type="string", pattern=portable(pattern))
    def check(value: object) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError(f"must be {expected}{_but_is(value, str)}")
        return value

    return check


def _whole_number(lowest: int, highest: int, unit: str) -> Check:
    @_checks(type="integer", minimum=lowest, maximum=highest)
    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise ValueError(f"must be {unit}: a whole number from {lowest} to {highest}{_but_is(value, int)}")
        return value

    return check


@_checks(type="boolean")
def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, without quotes{_but_is(value, bool)}")  # noqa: TRY004 - see Check
    return value


def _texts(check: Check, expected: str, *, most: int | None = None) -> Check:
    limit = {"maxItems": most} if most else {}

    @_checks(anyOf=[{"type": "array", "items": check.schema, **limit}, check.schema])
    def check_each(value: object) -> tuple[object, ...]:
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list):
            raise ValueError(f"must be {expected}{_but_is(value, list)}")  # noqa: TRY004 - see Check
        if most and len(value) > most:
            raise ValueError(f"must have at most {most:,} items, not {len(value):,}")
        return tuple(dict.fromkeys(check(item) for item in value))

    return check_each


_PROPERTY = _text(
    f"(?!all$){PROPERTY_PATTERN}",  # which would be a property of that name, and no other
    "HubSpot's internal property names, such as dealname, or patterns of them: hs_*, !hs_analytics_*; * is all of them",
)
_OBJECT_TYPE = _text(
    r"[a-z0-9][a-z0-9_-]{0,99}",
    "HubSpot's names of object types: contacts, companies, line_items, or an id such as 2-1234",
)
# Airflow's columns hold 500 characters of a link, and 2,000 of all owners; what is longer fails the whole DAG file.
_LINK = _text(
    r"(https?://|mailto:)[^\s/]\S{0,490}", "an https: or mailto: address for each owner, of at most 490 characters"
)
_OWNER = _text(r"[^\x00-\x1f\x7f,]{1,100}", "names without commas, of at most 100 characters")
_OWNERS_MAX = 15


@_checks(anyOf=[{"const": "all"}, {"type": "array", "items": _PROPERTY.schema, "minItems": 1}])
def _properties(value: object) -> object:
    if value == "all":
        return None
    if not isinstance(value, list) or not value:
        raise ValueError(
            f'must be "all" or a list of HubSpot\'s internal property names and patterns{_but_is(value, list)}'
        )
    return _texts(_PROPERTY, "a list")(value)


@_checks(type="object", propertyNames=_OWNER.schema, additionalProperties=_LINK.schema)
def _owner_links(value: object) -> object:
    if not isinstance(value, dict):
        raise ValueError(f'must be a table such as {{ "data-team" = "https://…" }}{_but_is(value, dict)}')  # noqa: TRY004 - see Check
    return tuple(sorted((_OWNER(owner), _LINK(link)) for owner, link in value.items()))


@_checks(type="string", pattern=portable(_UUID))
def _uuid(value: object) -> UUID:
    if not isinstance(value, str) or not re.fullmatch(_UUID, value):
        raise ValueError(f"must be a UUID such as 3f2a0c8e-…, or left out{_but_is(value, str)}")
    return UUID(value)


@_checks(type="string", pattern=portable(f"(?!pat-){CONN_ID}"))
def _conn_id(value: object) -> object:
    if isinstance(value, str) and value.startswith("pat-"):
        raise ValueError("is a token; put the token into an Airflow connection and give that connection's id here")
    return _text(CONN_ID, "the id of an Airflow connection")(value)


@_checks(type="string", pattern=portable(f" *({'|'.join(('', 'none', *PRESETS, CRON))}) *"))
def _schedule(value: object) -> object:
    text = value.strip(" ") if isinstance(value, str) else value
    if text in ("", "none"):
        return None
    if isinstance(text, str) and (text in PRESETS or is_cron(text)):
        return text
    raise ValueError(
        f'must be a cron expression of five fields such as "15 * * * *" or "H H(1-4) * * *", one of '
        f'{", ".join(PRESETS)}, or "none"{_but_is(value, str)}'
    )


@_checks(type="string", minLength=1)
def _timezone(value: object) -> object:
    try:
        return ZoneInfo(value if isinstance(value, str) else "").key
    except (LookupError, ValueError, OSError):
        raise ValueError(f"must be a time zone such as Europe/Berlin or UTC{_but_is(value, str)}") from None


def _but_is(value: object, expected: type) -> str:
    """`` (it is a number)`` when the kind of value is wrong; nothing when only its content is."""
    kind = type(value)
    return "" if kind is expected else f" (it is {_TYPE_NAMES.get(kind, 'a date or time')})"


SETTINGS: dict[str, Check] = {
    "slug": _text(
        r"[a-z0-9][a-z0-9_-]{0,62}",
        "1 to 63 lower-case letters, digits, hyphens and underscores, starting with a letter or digit",
    ),
    "type": _text(TYPE_PATTERN, "1 to 15 lower-case letters, digits and underscores, starting with a letter"),
    "id": _uuid,
    "name": _text(r"[^\x00-\x1f\x7f]{1,200}", "1 to 200 characters on one line"),
    "enabled": _flag,
    "hubspot_conn_id": _conn_id,
    "postgres_conn_id": _conn_id,
    "schema": _text(
        SCHEMA_PATTERN, "a PostgreSQL schema in lower-case letters, digits and underscores, not beginning with pg_"
    ),
    "portal_id": _whole_number(1, 2**53, "the HubSpot account's id"),
    "schedule": _schedule,
    "timezone": _timezone,
    "watch_every_seconds": _whole_number(0, 3600, "seconds, 0 for never"),
    "properties": _properties,
    "sensitive_properties": _flag,
    "associations": _texts(_OBJECT_TYPE, 'a list such as ["contacts", "companies"]'),
    "history": _texts(_PROPERTY, 'a list such as ["dealstage", "amount"]'),
    "full_refresh_every_days": _whole_number(1, 3650, "days"),
    "search_lag_minutes": _whole_number(0, 1440, "minutes"),
    "overlap_minutes": _whole_number(0, 1440, "minutes"),
    "dimensions_every_hours": _whole_number(0, 720, "hours"),
    "daily_reserve_percent": _whole_number(0, 99, "percent of the daily API calls"),
    "allow_negative_amounts": _flag,
    "retention_days": _whole_number(1, 36500, "days"),
    "archive_days": _whole_number(1, 36500, "days"),
    "quarantine_days": _whole_number(1, 36500, "days"),
    "timeout_hours": _whole_number(1, 168, "hours"),
    "retries": _whole_number(0, 100, "how often a failed run is tried again"),
    "pool": _text(r"[^\x00-\x1f\x7f]{1,250}", "the name of an Airflow pool"),
    "queue": _text(r"[^\x00-\x1f\x7f]{1,250}", "the name of a queue of your executor"),
    "owners": _texts(_OWNER, 'a list such as ["data-team"]', most=_OWNERS_MAX),
    "owner_links": _owner_links,
    "tags": _texts(_text(r"[^\x00-\x1f\x7f]{1,100}", "tags of 1 to 100 characters"), 'a list such as ["crm"]'),
    "notifications": Check(check_notifications, NOTIFICATIONS_SCHEMA),
    "stale_after_minutes": _whole_number(5, 5256000, "minutes"),
}


def check_settings(table: Mapping[str, object]) -> tuple[dict[str, Any], list[Complaint]]:
    """Return the settings that are right, and a complaint for each that is wrong or unknown."""
    settings: dict[str, Any] = {}
    complaints: list[Complaint] = []
    for key, value in table.items():
        try:
            settings[key] = _check_of(key)(value)
        except ValueError as error:
            complaints.append((key, str(error)))
    return settings, complaints


def parse_organization(table: Mapping[str, object]) -> Organization:
    """Make an organization from settings named as in the organizations file; only ``slug`` is required.

    Raises:
        ConfigurationError: names every setting that is wrong and what would be right.
    """
    settings, complaints = check_settings(table)
    if "slug" not in table:
        complaints.append(("slug", "is missing"))
    if complaints:
        raise ConfigurationError("Organization settings: " + "; ".join(f"{key} {why}" for key, why in complaints))
    return organization_from(settings)


def organization_from(settings: Mapping[str, Any]) -> Organization:
    """Fill in the defaults of checked settings."""
    slug, type_ = settings["slug"], settings.get("type", STANDARD_TYPE)
    schedule = spread(settings.get("schedule", "@hourly"), slug, type_)
    return Organization(**{**derived_settings(slug, type_, schedule), **settings, "schedule": schedule})


def did_you_mean(key: str, known: Collection[str]) -> str:
    """``; did you mean 'schedule'?``, or what is known when nothing is close."""
    close = get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


def _check_of(key: str) -> Check:
    try:
        return SETTINGS[key]
    except KeyError:
        raise ValueError("is not a setting" + did_you_mean(key, SETTINGS)) from None
