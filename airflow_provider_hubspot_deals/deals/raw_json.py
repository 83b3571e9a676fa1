"""Property values as jsonb keeps them: strings exactly as HubSpot sent them.

PostgreSQL's jsonb refuses NUL and lone surrogates. A value with one is kept as ``{"_json": "<its JSON text>"}``, from
which it can be read back exactly.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
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
    if set(map(type, present.values())) <= {str} and (text := _storable_text(present)):
        return present, text
    present = {_storable_name(name): _storable(value) for name, value in present.items()}
    return present, dumps(present)


def nested(value: object) -> str:
    """JSON text, fit for jsonb, of a value that is no string.

    Raises:
        RecursionError: nested deeper than JSON libraries go.
    """
    return _storable_text(value) or dumps({"_json": canonical(value)})


def bottomless(value: object) -> str:
    """JSON text of a value of any depth: slower than a library, and without its recursion."""
    written: list[str] = []
    waiting: list[object] = [value]
    while waiting:
        match waiting.pop():
            case _Written() as text:
                written.append(text)
            case dict() as members:
                pairs = ((_Written(json.dumps(name) + ":"), member) for name, member in members.items())
                waiting += reversed([_Written("{"), *_separated(pairs), _Written("}")])
            case list() as items:
                waiting += reversed([_Written("["), *_separated((item,) for item in items), _Written("]")])
            case scalar:
                written.append(json.dumps(scalar))
    return "".join(written)


class _Written(str):
    """JSON text among values that are still to be written."""

    __slots__ = ()


def _separated(groups: Iterable[tuple[object, ...]]) -> list[object]:
    return [part for group in groups for part in (_Written(","), *group)][1:]


def _storable_text(value: object) -> str | None:
    try:
        text = dumps(value)
    except TypeError:  # orjson refuses lone surrogates, integers over 64 bits and 255 levels
        return None
    return None if "\\u0000" in text else text


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
