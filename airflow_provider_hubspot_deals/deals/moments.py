"""The moments that a person names: the ends of a window of modification."""

from __future__ import annotations

from datetime import UTC, datetime

# A reader's session shows a time in its own zone, and neither Python nor PostgreSQL leaves the years 1 to 9999 for it.
_FIRST, _END = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def moment_from(value: str | datetime) -> datetime:
    """Return a time with its zone, UTC when it names none.

    Raises:
        ValueError: it is no time, or none that a deal can have been modified at. The argument is what is wrong with it.
    """
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a time such as 2026-11-21T08:00:00Z") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if not _FIRST <= moment < _END:
        raise ValueError("must be a time of the years 1970 to 9998, in UTC")
    return moment
