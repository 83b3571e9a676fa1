"""Property values as HubSpot sends them (JSON strings) → text that PostgreSQL takes for the column's type.

HubSpot's grammar is wider than a column and PostgreSQL's is wider than HubSpot's: ``NaN``, ``now`` and ``infinity``
are valid SQL input, 1.005 is rounded without a word, and one refused value loses a whole COPY. So each value is parsed
here, strictly, by the type of its column. A parser returns the text for COPY, or None for unset, or raises
``ValueIssue`` with a stable code; the row is then stored with NULL in that column and the exact text in
``raw_properties``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

Parser = Callable[[str], str]

AMOUNT_DIGITS_MAX = 16  # numeric(18,2) holds 16 digits before the point
NUMERIC_EXPONENT_MAX = 400  # beyond any double (1.8e308); `1e131071` would print as 131,072 digits
YEAR_FIRST, YEAR_LAST = 1900, 2200  # psycopg cannot read back a year over 9999; nobody closes a deal in 0001
_INTEGER_MAX = 2**31 - 1
_BIGINT_MAX = 2**63 - 1
INDEXED_BYTES_MAX = 2_600  # a btree entry ends at 2,704 bytes, and one refused entry loses the whole batch

_PLAIN_AMOUNT = re.compile(r"-?[0-9]{1,16}(?:\.[0-9]{1,2}0*)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE]([+-]?[0-9]{1,4}))?")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z")
_DATE_OR_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_EPOCH_MS = re.compile(r"-?[0-9]{9,13}")  # the years 1653 to 2286; 14 digits can leave those of datetime
_OBJECT_ID = re.compile(r"[1-9][0-9]{0,18}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class ValueIssue(ValueError):  # noqa: N818 - an observation about the data, not a failure of the program
    """A value that its column cannot hold. The only argument is a stable code."""


def text(value: str) -> str:
    """Any text but NUL and lone surrogates, which UTF-8 and PostgreSQL refuse."""
    if "\x00" in value:
        raise ValueIssue("NUL_CHARACTER")
    if has_surrogate(value):
        raise ValueIssue("LONE_SURROGATE")
    return value


def has_surrogate(value: str) -> bool:
    """Whether a lone surrogate is in it: half of a character, which Python keeps and UTF-8 has no bytes for."""
    return not value.isascii() and _SURROGATE.search(value) is not None


def indexed_text(value: str) -> str:
    """Text of a column that has an index."""
    if len(value) * 4 > INDEXED_BYTES_MAX and len(text(value).encode()) > INDEXED_BYTES_MAX:
        raise ValueIssue("TOO_LONG")
    return text(value)


def amount(value: str) -> str:
    """Money for numeric(18,2): nothing is rounded."""
    if _PLAIN_AMOUNT.fullmatch(value):
        return value
    number = _decimal(value)
    if abs(number) >= 10**AMOUNT_DIGITS_MAX:
        raise ValueIssue("NUMBER_TOO_LARGE")
    cents = number.quantize(Decimal("0.01"))
    if cents != number:
        raise ValueIssue("TOO_MANY_DECIMALS")
    return f"{cents:f}"


def non_negative_amount(value: str) -> str:
    """As ``amount``, for a leaf table with CHECK (amount >= 0)."""
    parsed = amount(value)
    if parsed[0] == "-" and Decimal(parsed) < 0:
        raise ValueIssue("AMOUNT_NEGATIVE")
    return parsed


def numeric(value: str) -> str:
    """Any finite number, exactly: HubSpot expands doubles to 50 decimals and also writes scientific notation."""
    match = _NUMBER.fullmatch(value)
    if not match:
        raise ValueIssue("NOT_A_NUMBER")
    if match[1] and abs(int(match[1])) > NUMERIC_EXPONENT_MAX:
        raise ValueIssue("NUMBER_TOO_LARGE")
    return value


def integer(value: str) -> str:
    """A whole number that fits integer."""
    if value.isascii() and value.isdigit() and len(value) <= len(str(_INTEGER_MAX)) - 1:
        return value
    number = _decimal(value)
    if abs(number) > _INTEGER_MAX:
        raise ValueIssue("NUMBER_TOO_LARGE")
    if number != int(number):
        raise ValueIssue("TOO_MANY_DECIMALS")
    return str(int(number))


def timestamp(value: str) -> str:
    """An instant. A date alone and a time without offset are UTC, as in HubSpot's own datetime properties."""
    if _INSTANT.fullmatch(value):
        _instant(value)
        return value
    if _EPOCH_MS.fullmatch(value):
        return _checked_year(_EPOCH + timedelta(milliseconds=int(value))).isoformat()
    if not _DATE_OR_TIME.fullmatch(value):
        raise ValueIssue("NOT_A_DATE")
    return _instant(value).astimezone(UTC).isoformat()  # PostgreSQL refuses offsets of 16 hours and more


def object_id(value: object) -> str:
    """A HubSpot record id: positive, fits bigint, written without leading zeros.

    Raises:
        ValueIssue: anything else; such a record cannot be keyed.
    """
    written = str(value) if type(value) is int else value
    if not isinstance(written, str) or not _OBJECT_ID.fullmatch(written) or int(written) > _BIGINT_MAX:
        raise ValueIssue("BAD_ID")
    return written


def _decimal(value: str) -> Decimal:
    return Decimal(numeric(value))


def _instant(value: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise ValueIssue("NOT_A_DATE") from None
    return _checked_year(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))


def _checked_year(instant: datetime) -> datetime:
    if not YEAR_FIRST <= instant.year <= YEAR_LAST:
        raise ValueIssue("DATE_OUT_OF_RANGE")
    return instant
