"""From an operator's arguments to values of the right type.

Arguments may come out of templates, so every value may be a string, and the trigger form's empty fields arrive as
``""`` or ``"None"``. What an argument may be is decided where the organizations file's settings are decided.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from airflow_provider_hubspot_deals.deals.moments import moment_from
from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.organizations import Organization, check_settings, organization_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_provider_hubspot_deals.jobs import JobOrigin

_SETTING_OF_ARGUMENT = {"organization": "slug", "organization_id": "id", "organization_name": "name"}
_ARGUMENT_OF_SETTING = {setting: argument for argument, setting in _SETTING_OF_ARGUMENT.items()}
KEPT = ("retention_days", "archive_days", "quarantine_days", "stale_after_minutes")  # in our tables, once given
_NUMBERS = (
    "portal_id",
    "full_refresh_every_days",
    "search_lag_minutes",
    "overlap_minutes",
    "dimensions_every_hours",
    "daily_reserve_percent",
    *KEPT,
)
_NAME_LISTS = ("associations", "history")
_FLAGS = ("allow_negative_amounts", "sensitive_properties")
_TRUTH = {"true": True, "false": False}
_EMPTY = ("", "None", "null")
_KEYS_MAX, _KEY_LENGTH_MAX = 10, 50  # of what somebody sent, in a log line


def organization_of(arguments: Mapping[str, object]) -> Organization:
    """Return the organization that the arguments describe.

    Raises:
        ConfigurationError: names each argument that is wrong and what would be right.
    """
    given = {name: _typed(name, given_or_none(value)) for name, value in arguments.items()}
    table = {_SETTING_OF_ARGUMENT.get(name, name): value for name, value in given.items() if value is not None}
    settings, complaints = check_settings(table)
    if "slug" not in table:
        complaints.append(("slug", "is missing"))
    if complaints:
        about = f"Organization {settings['slug']!r}" if "slug" in settings else "The operator's arguments"
        what = "; ".join(f"{_ARGUMENT_OF_SETTING.get(key, key)} {why}" for key, why in complaints)
        raise ConfigurationError(f"{about}: {what}.")
    return organization_from(settings)


def moment_of(argument: str, value: object) -> datetime | None:
    """Return a time with its zone, UTC when it names none; None when nothing is given.

    Raises:
        ConfigurationError: it is no time, or one that no deal can have been modified at.
    """
    given = given_or_none(value)
    if given is None:
        return None
    try:
        return moment_from(given if isinstance(given, datetime) else str(given))
    except ValueError as error:
        raise ConfigurationError(f"{argument} {error}") from None


def added_of(value: object) -> tuple[str, ...]:
    """Return the names and patterns that one run reads besides its organization's.

    Raises:
        ConfigurationError: one is neither.
    """
    names = _typed("properties", given_or_none(value))
    if not names:
        return ()
    settings, complaints = check_settings({"properties": names})
    if complaints:
        raise ConfigurationError(f"additional_properties {complaints[0][1]}.")
    asked: tuple[str, ...] | None = settings["properties"]
    return ("*",) if asked is None else asked


def given_or_none(value: object) -> object:
    """None for an empty text, a text without the spaces around it, anything else as it is."""
    text = value.strip() if isinstance(value, str) else value
    return None if isinstance(text, str) and text in _EMPTY else text


def origin_of(context: Context) -> JobOrigin:
    """Which Airflow task this is. Nothing here needs a logical date: a run triggered over REST may have none."""
    from airflow_provider_hubspot_deals.jobs import JobOrigin

    task_instance, dag_run = context["ti"], context.get("dag_run")
    run_type = getattr(dag_run, "run_type", None)
    return JobOrigin(
        dag_id=task_instance.dag_id,
        run_id=task_instance.run_id,
        task_id=task_instance.task_id,
        map_index=-1 if task_instance.map_index is None else task_instance.map_index,
        try_number=task_instance.try_number,
        max_tries=task_instance.max_tries,
        clear_number=getattr(dag_run, "clear_number", None) or 0,
        first_try=_first_try(context),
        trigger=None if run_type is None else str(getattr(run_type, "value", run_type)),
    )


def _first_try(context: Context) -> int | None:
    """Clearing a task lets it try ``retries`` times more from the try that it has come to; a retry changes nothing."""
    retries = getattr(context.get("task"), "retries", None)
    return None if retries is None else context["ti"].max_tries - retries + 1


def unknown_conf(context: Context) -> list[str]:
    """Keys of the run's ``conf`` that the DAG has no param for; Airflow takes them without a word.

    A DAG without params may read its ``conf`` itself, so of that nothing is unknown.
    """
    dag, conf = context.get("dag"), getattr(context.get("dag_run"), "conf", None)
    params = getattr(dag, "params", None)
    if not params or not isinstance(conf, dict):
        return []
    return [repr(key)[:_KEY_LENGTH_MAX] for key in sorted(set(conf) - set(params))[:_KEYS_MAX]]


def _typed(argument: str, value: object) -> object:
    """What the text of a template stands for."""
    if argument == "properties":
        return value if value == "all" else _names(value)
    if argument in _NAME_LISTS:
        return _names(value)
    if isinstance(value, UUID):
        return str(value)
    if not isinstance(value, str):
        return value
    if argument in _NUMBERS and value.isascii() and value.isdigit():
        return int(value[:20])  # a longer one is too large, whatever follows
    return _TRUTH.get(value.lower(), value) if argument in _FLAGS else value


def _names(value: object) -> object:
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    return list(value) if isinstance(value, tuple) else value
