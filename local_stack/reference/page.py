"""What docs/reference.md holds."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

from airflow_provider_hubspot_deals.advice import CODES, advice_for
from airflow_provider_hubspot_deals.dag_factory import build_dag, build_dags, deals_asset
from airflow_provider_hubspot_deals.hooks.hubspot import HubSpotHook
from airflow_provider_hubspot_deals.notifications.webhook import HubSpotDealsWebhookNotifier
from airflow_provider_hubspot_deals.operators.maintenance import HubSpotDealsMaintenanceOperator
from airflow_provider_hubspot_deals.organizations.schema import json_schema
from airflow_provider_hubspot_deals.sensors.deals_changed import HubSpotDealsChangedSensor
from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator
from airflow_provider_hubspot_deals.triggers.deals_changed import (
    HubSpotDealsChangedEventTrigger,
    HubSpotDealsChangedTrigger,
)
from local_stack.reference.docstrings import Docstring, docstring_of

CLASSES: tuple[type, ...] = (
    HubSpotDealsToPostgresOperator,
    HubSpotDealsMaintenanceOperator,
    HubSpotDealsChangedSensor,
    HubSpotDealsChangedTrigger,
    HubSpotDealsChangedEventTrigger,
    HubSpotDealsWebhookNotifier,
    HubSpotHook,
)
METHODS: dict[type, tuple[str, ...]] = {HubSpotHook: ("run", "get_client", "access")}
FUNCTIONS = (build_dags, build_dag, deals_asset)
HEAD = """\
# Reference
Made by `./run reference` from signatures, docstrings, the checks of the organizations file and the errors' advice.

- The classes and functions that DAGs use: [below](#classes)
- The settings of `organizations.toml`: [below](#settings-of-organizationstoml)
- The codes in `jobs.error_code`: [below](#error-codes)
- The command line: [cli.md](cli.md)
- Tables, views and functions: [database.md](database.md#tables)
- The connection's fields and the token's scopes: [airflow.md](airflow.md#the-connection)
"""


def page() -> str:
    """The whole file."""
    parts = [HEAD, "## Classes\n", *map(_class, CLASSES), "## Functions for DAG files\n", *map(_function, FUNCTIONS)]
    return "\n".join([*parts, *_settings(), *_codes()])


def _class(of: type) -> str:
    found = docstring_of(of)
    for base in set(of.__mro__[1:]) & set(CLASSES):
        found.arguments.update(docstring_of(base).arguments)
    templated = set(getattr(of, "template_fields", ()))
    lines = [f"### {of.__name__}", f"`from {of.__module__} import {of.__name__}`\n", found.text, ""]
    lines += _arguments(of.__init__, found, templated)  # type: ignore[misc]  # of the class that is documented
    lines += _outcome(found)
    for name in METHODS.get(of, ()):
        lines += _method(of, name)
    return "\n".join(lines)


def _method(of: type, name: str) -> Iterator[str]:
    method = getattr(of, name)
    found = docstring_of(method)
    yield from (f"#### {of.__name__}.{name}", found.text, "")
    yield from _arguments(method, found, set())
    yield from _outcome(found)


def _function(function: Any) -> str:  # noqa: ANN401 - functions of any signature
    found = docstring_of(function)
    lines = [
        f"### {function.__name__}",
        f"`from airflow_provider_hubspot_deals.dag_factory import {function.__name__}`\n",
    ]
    return "\n".join([*lines, found.text, "", *_arguments(function, found, set()), *_outcome(found)])


def _arguments(function: Any, found: Docstring, templated: set[str]) -> Iterator[str]:  # noqa: ANN401 - as above
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self" and parameter.kind is not parameter.VAR_KEYWORD
    }
    names = [*parameters, *(name for name in found.arguments if name not in parameters and name.isidentifier())]
    if not names:
        return
    yield "| argument | default | meaning |\n|---|---|---|"
    for name in names:
        meaning = found.arguments.get(name, "").removesuffix(".").removesuffix(" (templated)")
        mark = "; may be a template" if name in templated else ""
        yield f"| `{name}` | {_default(parameters.get(name))} | {_cell(meaning)}{mark} |"
    yield ""


def _default(parameter: inspect.Parameter | None) -> str:
    """Nothing for an argument that must be given, or that Airflow's own class has."""
    if parameter is None:
        return "Airflow's"
    default = parameter.default
    return (
        "" if default is parameter.empty else f"`{json.dumps(default) if isinstance(default, str) else repr(default)}`"
    )


def _outcome(found: Docstring) -> Iterator[str]:
    if found.returns:
        yield f"**Returns** {found.returns}\n"
    if found.raises:
        yield "| raises | when |\n|---|---|"
        yield from (f"| `{name}` | {_cell(when)} |" for name, when in found.raises.items())
        yield ""


def _settings() -> Iterator[str]:
    schema = json_schema()["properties"]
    yield "## Settings of organizations.toml"
    yield "Of an entry in `[[organizations]]`; those with a mark also in `[defaults]`.\n"
    yield "| setting | default | in `[defaults]` | meaning |\n|---|---|---|---|"
    for name, setting in schema["organizations"]["items"]["properties"].items():
        default = f"`{json.dumps(setting['default'])}`" if "default" in setting else ""
        mark = "✓" if name in schema["defaults"]["properties"] else ""
        yield f"| `{name}` | {default} | {mark} | {_cell(setting['description'])}{_range(setting)} |"
    yield ""


def _range(setting: dict[str, Any]) -> str:
    if "minimum" in setting and setting["maximum"] < 2**31:
        return f" {setting['minimum']} to {setting['maximum']}."
    return ""


def _codes() -> Iterator[str]:
    yield "## Error codes"
    yield "What stands in `jobs.error_code`, and on a job's page in the Airflow UI.\n"
    yield "| code | meaning | what to do |\n|---|---|---|"
    for code in sorted(CODES):
        advice = advice_for(code)
        yield f"| `{code}` | {_cell(advice.meaning)} | {_cell(advice.remedy)} |"
    yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
