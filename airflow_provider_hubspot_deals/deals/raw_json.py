"""Property values as jsonb keeps them: strings exactly as HubSpot sent them, in jsonb's own order.

PostgreSQL's jsonb refuses NUL and lone surrogates. A value with one is kept as ``{"_json": "<its JSON text>"}``, from
which it can be read back exactly.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from airflow_provider_hubspot_deals.deals import values

_NUL = b"\\u0000"  # in JSON text: a NUL, or a backslash before "u0000"


def dumps(value: object) -> bytes:
    """Compact JSON with sorted keys: HubSpot does not promise an order, and equal content must give equal text."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def dumps_properties(properties: Mapping[str, object]) -> bytes:
    """Compact JSON, sorted as jsonb sorts: PostgreSQL then finds its work done, which is half of its parsing."""
    return orjson.dumps({name: properties[name] for name in in_order(properties)})


def in_order(names: Iterable[str]) -> list[str]:
    """Keys as jsonb keeps them: by their length in UTF-8, then by their bytes, which sort as code points do."""
    return sorted(sorted(names), key=_size)


def may_hold_nul(text: bytes) -> bool:
    """Whether JSON text may hold a NUL. Most holds no backslash, and to find out that takes a tenth of the time."""
    return b"\\" in text and _NUL in text


def canonical(value: object) -> str:
    """Text of a value that is no string although HubSpot's property values always are.

    Raises:
        RecursionError: nested deeper than JSON libraries go.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def as_text(value: object) -> str:
    """A property's value as text, which HubSpot's values always are.

    Raises:
        RecursionError: nested deeper than JSON libraries go.
    """
    return value if isinstance(value, str) else canonical(value)


def plain(properties: Mapping[str, Any]) -> bytes | None:
    """JSON text, fit for jsonb, of properties as HubSpot sends them; None when there is anything odd about one."""
    return _storable_text(dumps_properties, properties) if set(map(type, properties.values())) <= {str} else None


def storable(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The same properties as jsonb can keep them, whatever they are.

    Raises:
        RecursionError: a value nested deeper than JSON libraries go.
    """
    return {_storable_name(name): _storable(as_text(value)) for name, value in properties.items()}


def nested(value: object) -> str:
    """JSON text, fit for jsonb, of a value that is no string.

    Raises:
        RecursionError: nested deeper than JSON libraries go.
    """
    return (_storable_text(dumps, value) or dumps({"_json": canonical(value)})).decode()


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


def _size(name: str) -> int:
    return len(name) if name.isascii() else len(name.encode(errors="surrogatepass"))


def _storable_text(write: Callable[[Any], bytes], value: object) -> bytes | None:
    try:
        text = write(value)
    except TypeError:  # orjson refuses lone surrogates, integers over 64 bits and 255 levels
        return None
    return None if may_hold_nul(text) else text


def _storable(value: str) -> object:
    try:
        return values.text(value)
    except values.ValueIssue:
        return {"_json": json.dumps(value)}


def _storable_name(name: str) -> str:
    try:
        return values.text(name)
    except values.ValueIssue:
        return json.dumps(name)
