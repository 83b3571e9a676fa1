"""Numbers and times as people read them."""

from __future__ import annotations

from datetime import datetime

COUNTS = (  # of the jobs table
    ("read", "records_extracted"),
    ("new", "records_inserted"),
    ("updated", "records_updated"),
    ("unchanged", "records_unchanged"),
    ("seen twice", "records_duplicate"),
    ("older than stored", "records_stale"),
    ("deleted", "records_deleted"),
    ("quarantined", "records_quarantined"),
    ("value issues", "value_issues"),
)
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_BYTES = ("bytes", "kB", "MB", "GB", "TB")
_THOUSAND = 1_000
_RATE_MIN = 0.1  # less would read as none


def duration(seconds: float | None) -> str:
    """``12 s``, ``5 min 3 s``, ``2 d 4 h``: the two largest units. Empty for None."""
    if seconds is None:
        return ""
    rest = max(0, round(seconds))
    parts: list[str] = []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count or (parts and len(parts) == 1):
            parts.append(f"{count} {unit}" if count else "")
        if len(parts) == 2:  # noqa: PLR2004 - the two largest
            break
    return " ".join(filter(None, parts)) or "0 s"


def number(value: float | None) -> str:
    """``1,234``; empty for None."""
    return "" if value is None else f"{round(value):,}"


def took(seconds: float | None) -> str:
    """How long something took that is over: as ``duration``, but nothing takes no time."""
    return "< 1 s" if seconds is not None and round(seconds) <= 0 else duration(seconds)


def rate(count: int, seconds: float | None) -> str:
    """How many a second: ``1,900``, ``3.2``, ``< 0.1``; empty when there was nothing, or no time has passed."""
    if not count or not seconds or seconds <= 0:
        return ""
    per_second = count / seconds
    if per_second < _RATE_MIN:
        return f"< {_RATE_MIN}"
    return f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.1f}"  # noqa: PLR2004 - one figure would mislead


def size(count: int) -> str:
    """``12.3 MB``."""
    value, unit = float(count), 0
    while value >= _THOUSAND and unit < len(_BYTES) - 1:
        value, unit = value / _THOUSAND, unit + 1
    return f"{value:,.1f} {_BYTES[unit]}" if unit else f"{count:,} bytes"


def moment(value: datetime | None) -> str:
    """``2026-11-21 08:00:00 UTC``; empty for None."""
    return "" if value is None else f"{value:%Y-%m-%d %H:%M:%S} UTC"


def seconds_between(earlier: datetime | None, later: datetime | None) -> float | None:
    """None when one of them is missing."""
    return None if earlier is None or later is None else (later - earlier).total_seconds()
