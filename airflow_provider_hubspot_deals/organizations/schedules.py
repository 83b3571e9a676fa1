"""When an organization's DAG runs: cron expressions, in which ``H`` is a time of the organization's own.

As in Jenkins: ``H * * * *`` is once an hour, ``H/15 * * * *`` every quarter of an hour, ``H H(1-4) * * *`` once a
night. The time is made from the organization's slug and type alone, so it never moves when others come or go.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache, partial
from hashlib import sha256
from itertools import pairwise

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
_A_YEAR = datetime(2023, 12, 31), datetime(2024, 12, 31)  # noqa: DTZ001 - a calendar alone; with 29 February
_HOUR, _DAY = 60, 24 * 60  # minutes
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


def minutes_between_runs(schedule: str | None) -> int | None:
    """The longest time from one run to the next, where no clock is changed; ``schedule`` as ``spread`` returns it.

    None where no clock starts a second run, and for what is no cron expression after all.
    """
    fields = (schedule or "").split()
    if len(fields) != len(_RANGES):
        return None
    minutes, hours, days = fields[0], fields[1], " ".join(fields[2:])
    try:
        times = [_HOUR * hour + minute for hour in _values(1, hours) for minute in _values(0, minutes)]
        overnight = _DAY * _days_between_runs(days) - times[-1] + times[0]
    except ValueError:
        return None
    return max([overnight, *(later - earlier for earlier, later in pairwise(times))])


def never_comes(schedule: str | None) -> bool:
    """Whether no calendar has its days, such as 31 February; ``schedule`` as ``spread`` returns it.

    Airflow takes such a cron expression, and never starts a run. What is no cron expression it refuses itself.
    """
    fields = (schedule or "").split()
    return len(fields) == len(_RANGES) and not _is_in_a_calendar(" ".join(fields[2:]))


@cache
def _is_in_a_calendar(days: str) -> bool:
    from croniter import CroniterBadDateError, croniter  # type: ignore[import-untyped]  # Airflow's own, and it has no types

    try:
        croniter(f"0 0 {days}", _A_YEAR[0]).get_next(datetime)
    except CroniterBadDateError:
        return False
    except ValueError:
        return True
    return True


@cache  # a thousand organizations have the same few
def _values(position: int, field: str) -> list[int]:
    from croniter import croniter

    fields = ["*"] * len(_RANGES)
    fields[position] = field
    lowest, highest = _RANGES[position]
    (found, *_) = croniter.expand(" ".join(fields))[0][position:]
    return list(range(lowest, highest + 1)) if found == ["*"] else sorted(map(int, found))


@cache
def _days_between_runs(days: str) -> int:
    """The most of them in a leap year; of what comes more seldom, those to its next time."""
    from croniter import croniter

    if days == "* * *":
        return 1
    since, until = _A_YEAR
    runs = croniter(f"0 0 {days}", since)
    earlier = runs.get_next(datetime)
    most = timedelta()
    while not most or earlier < until:
        later = runs.get_next(datetime)
        most = max(most, later - earlier)
        earlier = later
    return most.days


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
