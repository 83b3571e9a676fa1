"""What each setting of an organization may be, and how a wrong one is explained.

A complaint says what would be right and never repeats the value: a token pasted into the wrong line stays out of logs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from hashlib import sha256
from typing import Any
from uuid import UUID

from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.organizations.notifications import check_notifications
from airflow_provider_hubspot_deals.organizations.organization import (
    PROPERTY_PATTERN,
    SCHEMA_PATTERN,
    STANDARD_TYPE,
    TYPE_PATTERN,
    Organization,
    derived_settings,
)

Complaint = tuple[str, str]  # key, what would be right
Check = Callable[[object], object]  # returns the value to keep, or raises ValueError with what would be right

_PRESETS = ("@once", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
_CRON = re.compile(r"[\w*/,?#-]+( +[\w*/,?#-]+){4}", re.ASCII)
_TYPE_NAMES = {bool: "true/false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a table"}


def _text(pattern: str, expected: str) -> Check:
    compiled = re.compile(pattern, re.ASCII)

    def check(value: object) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError(f"must be {expected}{_but_is(value, str)}")
        return value

    return check


def _whole_number(lowest: int, highest: int, unit: str) -> Check:
    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise ValueError(f"must be {unit}: a whole number from {lowest} to {highest}{_but_is(value, int)}")
        return value

    return check


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, without quotes{_but_is(value, bool)}")  # noqa: TRY004 - see Check
    return value


def _texts(check: Check, expected: str) -> Check:
    def check_each(value: object) -> tuple[object, ...]:
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list):
            raise ValueError(f"must be {expected}{_but_is(value, list)}")  # noqa: TRY004 - see Check
        return tuple(dict.fromkeys(check(item) for item in value))

    return check_each


def _properties(value: object) -> object:
    if value == "all":
        return None
    if not isinstance(value, list) or not value:
        raise ValueError(
            f'must be "all" or a list of HubSpot\'s internal property names and patterns{_but_is(value, list)}'
        )
    return _texts(_PROPERTY, "a list")(value)


def _owner_links(value: object) -> object:
    if not isinstance(value, dict):
        raise ValueError(f'must be a table such as {{ "data-team" = "https://…" }}{_but_is(value, dict)}')  # noqa: TRY004 - see Check
    return tuple(sorted((owner, _LINK(link)) for owner, link in value.items()))


def _uuid(value: object) -> UUID:
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(f"must be a UUID such as 3f2a0c8e-…, or left out{_but_is(value, str)}") from None


def _conn_id(value: object) -> object:
    if isinstance(value, str) and value.startswith("pat-"):
        raise ValueError("is a token; put the token into an Airflow connection and give that connection's id here")
    return _text(r"[\w#!()\-.:/\\]{1,250}", "the id of an Airflow connection")(value)


def _schedule(value: object) -> object:
    text = value.strip() if isinstance(value, str) else value
    if text in ("", "none"):
        return None
    if text in _PRESETS or (isinstance(text, str) and _CRON.fullmatch(text)):
        return text
    raise ValueError(
        f'must be a cron expression of five fields such as "15 * * * *", one of {", ".join(_PRESETS)}, or "none"'
        f"{_but_is(value, str)}"
    )


def _but_is(value: object, expected: type) -> str:
    """`` (it is a number)`` when the kind of value is wrong; nothing when only its content is."""
    kind = type(value)
    return "" if kind is expected else f" (it is {_TYPE_NAMES.get(kind, 'a date or time')})"


_PROPERTY = _text(
    PROPERTY_PATTERN, "HubSpot's internal property names, such as dealname, or patterns of them: hs_*, !hs_analytics_*"
)
_OBJECT_TYPE = _text(
    r"[a-z0-9][a-z0-9_-]{0,99}",
    "HubSpot's names of object types: contacts, companies, line_items, or an id such as 2-1234",
)
_LINK = _text(r"(https?://|mailto:)[^\s/]\S{0,500}", "an https: or mailto: address for each owner")

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
    "owners": _texts(_text(r"[^\x00-\x1f\x7f,]{1,100}", "names without commas"), 'a list such as ["data-team"]'),
    "owner_links": _owner_links,
    "tags": _texts(_text(r"[^\x00-\x1f\x7f]{1,100}", "tags of 1 to 100 characters"), 'a list such as ["crm"]'),
    "notifications": check_notifications,
    "stale_after_minutes": _whole_number(5, 525600, "minutes"),
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
    schedule = settings.get("schedule", "@hourly")
    return Organization(**{**derived_settings(slug, type_), **settings, "schedule": spread(schedule, slug, type_)})


def spread(schedule: str | None, slug: str, type_: str) -> str | None:
    """Give ``@hourly`` and ``@daily`` a minute of their own, so that 1,000 organizations do not all start at :00.

    The minute comes from the slug and type alone: it never moves when other organizations come or go.
    """
    number = int.from_bytes(sha256(f"{slug}/{type_}".encode()).digest()[:8])
    minute, hour = number % 60, number // 60 % 24
    return {"@hourly": f"{minute} * * * *", "@daily": f"{minute} {hour} * * *"}.get(schedule or "", schedule)


def did_you_mean(key: str, known: Collection[str]) -> str:
    """``; did you mean 'schedule'?``, or what is known when nothing is close."""
    close = get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


def _check_of(key: str) -> Check:
    try:
        return SETTINGS[key]
    except KeyError:
        raise ValueError("is not a setting" + did_you_mean(key, SETTINGS)) from None
