"""Who is told of what: the setting ``notifications`` of the organizations file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_hubspot_deals.organizations.patterns import CONN_ID, portable

EVENTS = ("completed", "failed", "stale")
WEBHOOK_NOTIFIER = "airflow_provider_hubspot_deals.notifications.webhook.HubSpotDealsWebhookNotifier"

_KEYS = ("on", "webhook", "notifier", "arguments")
_USUAL_EVENTS = ("failed", "stale")
_CLASS_PATH = re.compile(r"[a-zA-Z_][\w]*(\.[a-zA-Z_][\w]*)+", re.ASCII)
_CONN_ID = re.compile(CONN_ID, re.ASCII)
_SECRET_NAME = re.compile(r"password|secret|token|api_?key|webhook_url", re.IGNORECASE)

_EVENT_SCHEMA = {"enum": list(EVENTS)}
NOTIFICATIONS_SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "on": {
                "description": "What is told: a job completed, a job failed for good, data is stale.",
                "default": list(_USUAL_EVENTS),
                "anyOf": [{"type": "array", "items": _EVENT_SCHEMA, "minItems": 1}, _EVENT_SCHEMA],
            },
            "webhook": {
                "description": "Airflow connection of type HTTP that holds address and secret; or else notifier.",
                "type": "string",
                "pattern": portable(f"(?!whsec_)(?!.*://){_CONN_ID.pattern}"),
            },
            "notifier": {
                "description": "Class of an Airflow notifier with its module, in place of webhook, such as "
                "airflow.providers.smtp.notifications.smtp.SmtpNotifier.",
                "type": "string",
                "pattern": portable(_CLASS_PATH.pattern),
            },
            "arguments": {
                "description": "What the notifier is made with; texts may be templates, which find hubspot_job. "
                "Passwords and tokens belong into an Airflow connection.",
                "type": "object",
            },
        },
        "additionalProperties": False,
        "oneOf": [
            {"required": ["webhook"], "not": {"anyOf": [{"required": ["notifier"]}, {"required": ["arguments"]}]}},
            {"required": ["notifier"], "not": {"required": ["webhook"]}},
        ],
    },
}
"""The same as JSON Schema, for editors; the names of arguments are left to the check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One notifier, and what it is called for.

    Attributes:
        on: of ``EVENTS``.
        notifier: where the class of an Airflow notifier is imported from, when there is something to tell.
        arguments: what it is made with, JSON-able; texts may be templates, which find ``hubspot_job``.
    """

    notifier: str
    on: tuple[str, ...] = _USUAL_EVENTS
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)


def check_notifications(value: object) -> tuple[Notification, ...]:
    """Return the notifications that an entry asks for.

    Raises:
        ValueError: says which of them, and what would be right; never what stands there.
    """
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ValueError("must be tables: [[organizations.notifications]] with on, and webhook or notifier, below it")
    notifications = []
    for number, table in enumerate(value, start=1):
        try:
            notifications.append(_notification(table))
        except ValueError as error:
            raise ValueError(f"number {number}: {error}") from None
    return tuple(notifications)


def _notification(table: Mapping[str, object]) -> Notification:
    if unknown := [key for key in table if key not in _KEYS]:
        raise ValueError(f"{unknown[0]!r} is not known; known are {', '.join(_KEYS)}")
    if ("webhook" in table) == ("notifier" in table):
        raise ValueError("needs either webhook, the id of an Airflow connection, or notifier, the class of a notifier")
    on = _events(table.get("on", list(_USUAL_EVENTS)))
    if "webhook" in table:
        return Notification(on=on, notifier=WEBHOOK_NOTIFIER, arguments=_of_the_webhook(table))
    path = table["notifier"]
    if not isinstance(path, str) or not _CLASS_PATH.fullmatch(path):
        raise ValueError(
            "notifier must be a class with its module, such as airflow.providers.smtp.notifications.smtp.SmtpNotifier"
        )
    return Notification(on=on, notifier=path, arguments=_arguments(table.get("arguments", {})))


def _events(value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(name in EVENTS for name in names):
        raise ValueError(f"on must be a list of {', '.join(EVENTS)}")
    return tuple(dict.fromkeys(names))


def _of_the_webhook(table: Mapping[str, object]) -> dict[str, Any]:
    conn_id = table["webhook"]
    if "arguments" in table:
        raise ValueError("arguments are a notifier's; a webhook has none")
    if (
        not isinstance(conn_id, str)
        or not _CONN_ID.fullmatch(conn_id)
        or "://" in conn_id
        or conn_id.startswith("whsec_")
    ):
        raise ValueError("webhook must be the id of an Airflow connection, which holds the address and the secret")
    return {"webhook_conn_id": conn_id}


def _arguments(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("arguments must be a table")  # noqa: TRY004 - as all checks of settings
    for name, argument in value.items():
        if not name.isidentifier():
            raise ValueError("arguments must have names that Python takes")
        if secret := _secret_name({name: argument}):
            raise ValueError(
                f"arguments: {secret} belongs into an Airflow connection, which the notifier is given the id of"
            )
        if not _is_json(argument):
            raise ValueError(f"arguments: {name} must be text, a number, true or false, or a list or table of them")
    return dict(value)


def _secret_name(value: object) -> str | None:
    """A name, at whatever depth, that says that its value is a secret."""
    if isinstance(value, list):
        return next(filter(None, map(_secret_name, value)), None)
    if not isinstance(value, dict):
        return None
    for name, each in value.items():
        if _SECRET_NAME.search(name) and not name.endswith("conn_id"):
            return str(name)
        if secret := _secret_name(each):
            return secret
    return None


def _is_json(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_is_json, value))
    if isinstance(value, dict):
        return all(map(_is_json, value.values()))
    return isinstance(value, str | int | float)
