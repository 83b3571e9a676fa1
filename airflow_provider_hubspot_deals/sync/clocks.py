"""How late it can be, by two clocks of which neither is the worker's."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

FUTURE_SLACK = timedelta(days=1)  # no clock of a server is that far off


def latest_version(hubspot: datetime | None, database: datetime) -> Callable[[], str]:
    """Gives the last instant, in ISO 8601 and UTC, at which a deal can have been modified: it moves on with time.

    A clock that is behind makes no change look as if it were still to come: the later of the two counts.
    """
    latest = max(database, hubspot or database).astimezone(UTC) + FUTURE_SLACK
    began = time.monotonic()

    def now() -> str:
        passed = timedelta(seconds=time.monotonic() - began)
        return (latest + passed).replace(tzinfo=None).isoformat(timespec="seconds")

    return now
