"""What may stand where HubSpot sends a value, and which kinds of columns hold it all the same. Written by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TEXT, INDEXED, AMOUNT, NUMBER, INTEGER, TIME = "text", "indexed text", "amount", "number", "integer", "time"
COLUMNS = {
    TEXT: "dealname",
    INDEXED: "dealstage",
    AMOUNT: "amount",
    NUMBER: "hs_forecast_amount",
    INTEGER: "num_associated_contacts",
    TIME: "closedate",
}
"""Kind → a column of it."""

TEXTS = frozenset({TEXT, INDEXED})
NUMBERS = frozenset({AMOUNT, NUMBER, INTEGER})


@dataclass(frozen=True, slots=True)
class BadValue:
    """A value that is bad for most columns."""

    name: str
    value: Any
    held_by: frozenset[str] = frozenset()
    is_unset: bool = False  # NULL, and nothing to complain about
    quarantine: str | None = None  # reason, when no row can hold the record
    moment: str | None = None  # of one that a time holds: what it means


def _text(name: str, value: Any, *also: str, moment: str | None = None) -> BadValue:
    return BadValue(name, value, TEXTS | set(also), moment=moment)


def _number(name: str, value: Any, *besides: str) -> BadValue:
    return BadValue(name, value, TEXTS | NUMBERS - set(besides))


def _nested(depth: int) -> Any:
    value: Any = "bottom"
    for _ in range(depth):
        value = [value]
    return value


_MANY_BYTES = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(2**18))  # does not compress well

BAD_VALUES = (
    # What PostgreSQL refuses in any text: c01, c02.
    BadValue("nul", "a\x00b"),
    BadValue("nul alone", "\x00"),
    BadValue("nul as json text", '{"a":"\\u0000"}', TEXTS),
    BadValue("high surrogate", "\ud800"),
    BadValue("low surrogate", "tail \udfff"),
    BadValue("surrogates in the wrong order", "\ude00\ud83d"),
    # Unset: c06, c13.
    BadValue("empty", "", is_unset=True),
    BadValue("null", None, is_unset=True),
    # No numbers: c05.
    _text("word", "abc"),
    _text("thousands", "1,000.00"),
    _text("thousands in german", "1.000,00"),
    _text("currency before", "€5"),
    _text("currency behind", "5 EUR"),
    _text("blank", " "),
    _text("blank before", " 5"),
    _text("line feed behind", "5\n"),
    _text("two signs", "--5"),
    _text("point alone", "."),
    _text("exponent alone", "1e"),
    _text("two points", "1.2.3"),
    _text("fraction", "1/2"),
    # Numbers of SQL and of other languages: c07, c11.
    _text("nan", "NaN"),
    _text("infinite", "Infinity"),
    _text("minus infinity", "-inf"),
    _text("hexadecimal", "0x10"),
    _text("octal", "0o17"),
    _text("underscored", "1_000"),
    _text("arabic digits", "١٢"),
    _text("full-width digit", "\uff15"),
    # Numbers that not every column holds: c08, c09, c10.
    _number("negative", "-5", AMOUNT),
    _number("a cent below zero", "-0.01", AMOUNT, INTEGER),
    _number("17 digits", "1" * 17, AMOUNT, INTEGER),
    _number("overflowing double", "1e999", AMOUNT, NUMBER, INTEGER),
    _number("overflowing numeric", "1e131071", AMOUNT, NUMBER, INTEGER),
    _number("largest double", "1.7976931348623157e308", AMOUNT, INTEGER),
    _number("rounded", "1.005", AMOUNT, INTEGER),
    _number("20 decimals", "0.12345678901234567891", AMOUNT, INTEGER),
    _number("scientific", "1.5E+2"),
    _number("plus", "+5"),
    # Times: c14, c15, c16, c17.
    *(_text(word, word) for word in ("now", "today", "infinity", "epoch", "allballs", "yesterday 04:05")),
    _text("year 0", "0000-01-01"),
    _text("year 1", "0001-01-01T00:00:00Z"),
    _text("year 9999", "9999-12-31T23:59:59Z"),
    _text("year 10000", "10000-01-01"),
    _text("year 294277", "294277-01-01"),
    _text("30th of February", "2024-02-30"),
    _text("29th of February of a common year", "2023-02-29T00:00:00Z"),
    _text("hour 24", "2024-01-01T25:00:00Z"),
    _text("second 60", "2024-01-01T00:00:60Z"),
    _text("american date", "12/31/2024"),
    _text("offset of days", "2024-01-01T00:00:00+99:00"),
    _text("julian day", "J2451187"),
    _text("milliseconds of the year 5138", "99999999999999", AMOUNT, NUMBER),
    _text("one more than integer", "2147483648", AMOUNT, NUMBER, TIME, moment="1970-01-25T20:31:23.648+00:00"),
    _text("milliseconds", "1700000000000", AMOUNT, NUMBER, TIME, moment="2023-11-14T22:13:20+00:00"),
    _text("date alone", "2024-03-01", TIME, moment="2024-03-01T00:00:00+00:00"),
    _text("fourteen hours east", "2024-03-01T00:30:00+14:00", TIME, moment="2024-02-29T10:30:00+00:00"),
    # Text that is a trap for whoever pastes it: c22, c26, c28.
    _text("sql", "'); DROP TABLE hubspot.jobs; --"),
    _text("placeholders", "%s %(id)s {} {schema} $1 :name"),
    _text("null of copy", "\\N"),
    _text("end of copy", "\\."),
    _text("backslashes", "\\\\t\\"),
    _text("control characters", "\t\n\r\v\f\x01\x1b[31m"),
    _text("markup", "<script>alert(1)</script>"),
    _text("formula", "=HYPERLINK(1)"),
    _text("other scripts", "😀👨‍👩‍👧 العربية \u202e\u200b\ufeff\ufffd\u2028"),
    # Size and depth: c18, c24.
    BadValue("a megabyte", _MANY_BYTES, frozenset({TEXT})),
    BadValue("4,000 equal characters", "a" * 4_000, frozenset({TEXT})),
    _text("list 100 deep", _nested(100)),
    _text("list 300 deep", _nested(300)),
    BadValue("list 5,000 deep", _nested(5_000), quarantine="TOO_DEEP"),
    # No strings: c25.
    _number("number", 5),
    _number("float", 2.5, INTEGER),
    _number("integer of 70 bits", 2**70, AMOUNT, INTEGER),
    _text("true", True),
    _text("empty list", []),
    _text("object", {"value": "5", "sourceType": "API"}),
    _text("list with nul", ["\x00"]),
)
"""At least sixty of them."""
