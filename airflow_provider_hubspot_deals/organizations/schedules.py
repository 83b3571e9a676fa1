"""When an organization's DAG runs: cron expressions, in which ``H`` is a time of the organization's own.

As in Jenkins: ``H * * * *`` is once an hour, ``H/15 * * * *`` every quarter of an hour, ``H H(1-4) * * *`` once a
night. The time is made from the organization's slug and type alone, so it never moves when others come or go.
"""

from __future__ import annotations

import re
from functools import partial
from hashlib import sha256

ONCE = "@once"
# What the presets stand for, so that 1,000 organizations do not all start at :00, or in the first minute of the year.
_PRESETS = {
    "@hourly": "H * * * *",
    "@daily": "H H * * *",
    "@weekly": "H H * * H",
    "@monthly": "H H H * *",
    "@quarterly": "H H H 1,4,7,10 *",
    "@yearly": "H H H H *",
}
PRESETS = (ONCE, *_PRESETS)

# Minute, hour, day of the month (every month has 28), month, day of the week.
_RANGES = ((0, 59), (0, 23), (1, 28), (1, 12), (0, 6))
_FIELD = r"[\w*/,?#()-]+"
CRON = rf"{_FIELD}( +{_FIELD}){{4}}"
_CRON = re.compile(CRON, re.ASCII)
_HASHED = re.compile(r"(?<!\w)H(?:\((\d+)-(\d+)\)|/(\d+))?(?!\w)", re.ASCII)


def is_cron(text: str) -> bool:
    """Whether ``text`` looks like five fields of cron, each ``H`` of them within its bounds."""
    if not _CRON.fullmatch(text):
        return False
    try:
        expanded = spread(text, "", "")
    except ValueError:
        return False
    return expanded is not None and not re.search(r"[()]|(?<!\w)H(?!\w)", expanded)


def spread(schedule: str | None, slug: str, type_: str) -> str | None:
    """``schedule`` with a time of this organization's own in place of each ``H``; presets have some.

    Raises:
        ValueError: an ``H`` asks for something outside of its field.
    """
    fields = _PRESETS.get(schedule or "", schedule or "").split()
    if len(fields) != len(_RANGES):
        return schedule
    number = int.from_bytes(sha256(f"{slug}/{type_}".encode()).digest()[:8])
    expanded = []
    for field, bounds in zip(fields, _RANGES, strict=True):
        number, own = divmod(number, bounds[1] - bounds[0] + 1)
        expanded.append(_HASHED.sub(partial(_own, own=own, bounds=bounds), field))
    return " ".join(expanded)


def _own(found: re.Match[str], *, own: int, bounds: tuple[int, int]) -> str:
    """What one ``H``, ``H(a-b)`` or ``H/n`` becomes; ``own`` counts from 0 within the whole field."""
    lowest, highest = bounds
    first, last, step = found.groups()
    if step is not None:
        if not 1 <= int(step) <= highest - lowest + 1:
            raise ValueError(f"{found[0]} is no step within {lowest}-{highest}")
        return f"{lowest + own % int(step)}-{highest}/{step}"
    if first is None:
        return str(lowest + own)
    if not lowest <= int(first) <= int(last) <= highest:
        raise ValueError(f"{found[0]} is not within {lowest}-{highest}")
    return str(int(first) + own % (int(last) - int(first) + 1))
