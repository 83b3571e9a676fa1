"""Numbers and times as people read them."""

from __future__ import annotations

from datetime import datetime

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_BYTES = ("bytes", "kB", "MB", "GB", "TB")
_THOUSAND = 1_000


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


def rate(count: int, seconds: float | None) -> str:
    """``1,900/s``, ``3.2/s``; empty when no time has passed."""
    if not seconds or seconds <= 0:
        return ""
    per_second = count / seconds
    return f"{per_second:,.0f}/s" if per_second >= 10 else f"{per_second:.1f}/s"  # noqa: PLR2004 - one figure would mislead


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
