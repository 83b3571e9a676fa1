"""A page's values of one column at once.

Parsing a value costs a Python call or several; a page has thousands. Nearly all of them stand in the one plain spelling
that HubSpot writes, which their parser returns unchanged and COPY takes as it is. So a column is joined and looked at
as a whole, in C: when all of it is plain, it is taken; otherwise each of its values goes to the parser. What is called
plain may be less than what a parser lets through, never more.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from airflow_provider_hubspot_deals.deals import values
from airflow_provider_hubspot_deals.deals.copy_text import NULL, escape

Issues = defaultdict[int, list[dict[str, str]]]
"""Row of the page → what its columns could not hold."""

_SEPARATOR = "\0"  # in no plain value

# The 29th of February is left to the parser.
_MONTH_AND_DAY = "(?>(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
_INSTANT = rf"(?:19|2[01])[0-9][0-9]-{_MONTH_AND_DAY}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,6}}+)?Z"
_AMOUNT = r"[0-9]{1,16}+(?:\.[0-9]{1,2}+0*+)?"
_NUMBER = r"-?[0-9]{1,400}+(?:\.[0-9]{1,400}+)?"
_INTEGER = "[0-9]{1,9}+"


def copy_column(field: str, parse: values.Parser, column: Sequence[str | None], issues: Issues) -> list[str]:
    """The values of a column by row, as COPY takes them.

    Args:
        column: None or empty where HubSpot has no value.
        issues: is told, by row, which values the column cannot hold; they become NULL.
    """
    present = list(filter(None, column))  # HubSpot's "never set" and "cleared" are None and ""
    if not present:
        return [NULL] * len(column)
    if _are_plain(parse, present):
        return [value or NULL for value in column]
    return [_copy_value(field, parse, value, issues, row) if value else NULL for row, value in enumerate(column)]


def _copy_value(field: str, parse: values.Parser, value: str, issues: Issues, row: int) -> str:
    try:
        return escape(parse(value))
    except values.ValueIssue as issue:
        issues[row].append({"field": field, "code": str(issue)})
        return NULL


def _are_plain(parse: values.Parser, present: list[str]) -> bool:
    joined = _SEPARATOR.join(present)
    return joined.count(_SEPARATOR) == len(present) - 1 and _RECOGNIZERS[parse](joined, present)


def _are_plain_texts(joined: str, _present: list[str]) -> bool:
    return not ("\\" in joined or "\n" in joined or "\t" in joined or "\r" in joined or values.has_surrogate(joined))


def _are_plain_indexed_texts(joined: str, present: list[str]) -> bool:
    return len(max(present, key=len)) * 4 <= values.INDEXED_BYTES_MAX and _are_plain_texts(joined, present)


def _spelled(plain: str) -> Callable[[str, list[str]], bool]:
    matches = re.compile(rf"{plain}(?:{_SEPARATOR}{plain})*+").fullmatch
    return lambda joined, _present: matches(joined) is not None


_RECOGNIZERS: Mapping[values.Parser, Callable[[str, list[str]], bool]] = MappingProxyType(
    {
        values.text: _are_plain_texts,
        values.indexed_text: _are_plain_indexed_texts,
        values.amount: _spelled(f"-?{_AMOUNT}"),
        values.non_negative_amount: _spelled(_AMOUNT),
        values.numeric: _spelled(_NUMBER),
        values.integer: _spelled(_INTEGER),
        values.timestamp: _spelled(_INSTANT),
    }
)
"""By parser: whether all of some values, also given joined, are plain."""
