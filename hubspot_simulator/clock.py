"""HubSpot's clock: real time, shifted or frozen by tests."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache

DAY_MS = 86_400_000
_MINUTES = tuple(f"T{minute // 60:02}:{minute % 60:02}:" for minute in range(24 * 60))


def iso_from_ms(at_ms: int) -> str:
    """``2019-10-30T03:30:17.883Z``; no fraction at a whole second, as Java's ``Instant.toString`` writes it."""
    day, rest_ms = divmod(at_ms, DAY_MS)
    minute, rest_ms = divmod(rest_ms, 60_000)
    second, fraction_ms = divmod(rest_ms, 1000)
    until_minute = iso_day(day) + _MINUTES[minute]
    return f"{until_minute}{second:02}.{fraction_ms:03}Z" if fraction_ms else f"{until_minute}{second:02}Z"


@lru_cache(maxsize=8192)  # two decades; a datetime for each timestamp would cost three times as much
def iso_day(day: int) -> str:
    """``2019-10-30`` from days since 1970."""
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()


def ms_from_iso(text: str) -> int:
    """Inverse of `iso_from_ms`; also takes a date or an offset. Raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


class Clock:
    """One per server; every timestamp, the ``Date`` header and the search lag follow it."""

    def __init__(self) -> None:
        self._shift_ms = 0
        self._frozen_ms: int | None = None
        self._date: tuple[int, bytes] = (-1, b"")

    def now_ms(self) -> int:
        now_ms = time.time_ns() // 1_000_000 if self._frozen_ms is None else self._frozen_ms
        return now_ms + self._shift_ms

    def shift(self, seconds: float) -> None:
        """Move the clock by ``seconds`` (may be negative), on top of earlier shifts."""
        self._shift_ms += round(seconds * 1000)

    def reset(self) -> None:
        """Real time, whatever was shifted and frozen before."""
        self._shift_ms, self._frozen_ms = 0, None

    def freeze(self) -> None:
        """Let time stand still; `shift` still moves it."""
        self._frozen_ms = time.time_ns() // 1_000_000

    def unfreeze(self) -> None:
        self._frozen_ms = None

    def http_date(self) -> bytes:
        seconds = self.now_ms() // 1000
        if self._date[0] != seconds:
            self._date = (seconds, formatdate(seconds, usegmt=True).encode())
        return self._date[1]
