"""Property values as jsonb keeps them: strings exactly as HubSpot sent them.

PostgreSQL's jsonb refuses NUL and lone surrogates. Such a string is kept as ``{"_json": "<its JSON text>"}``, from
which the exact text can be read back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from airflow_provider_hubspot_deals.deals import values


def dumps(value: object) -> str:
    """Compact JSON with sorted keys: HubSpot does not promise an order, and equal content must give equal text."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def canonical(value: object) -> str:
    """Text of a value that is no string although HubSpot's property values always are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def present_properties(properties: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The properties that have a value, and their JSON text, both fit for jsonb.

    Raises:
        RecursionError: a value nested deeper than JSON libraries go.
    """
    present = {name: value for name, value in properties.items() if value is not None}
    if set(map(type, present.values())) <= {str}:
        try:
            text = dumps(present)
        except TypeError:  # orjson refuses lone surrogates
            text = "\\u0000"
        if "\\u0000" not in text:
            return present, text
    present = {_storable_name(name): _storable(value) for name, value in present.items()}
    return present, dumps(present)


def _storable(value: object) -> object:
    if not isinstance(value, str):
        return _storable(canonical(value))
    try:
        return values.text(value)
    except values.ValueIssue:
        return {"_json": json.dumps(value)}


def _storable_name(name: str) -> str:
    try:
        return values.text(name)
    except values.ValueIssue:
        return json.dumps(name)
