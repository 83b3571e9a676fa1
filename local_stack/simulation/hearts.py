"""Heartbeats of frozen attempts. SIGSTOP stops every thread of a process, and which one wakes up first is chance."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any

import psycopg

from airflow_provider_hubspot_deals.sync import heartbeat

if TYPE_CHECKING:
    from collections.abc import Iterator

POLL_S = 0.02


class Heart:
    """Whether one attempt's heartbeat may beat."""

    def __init__(self) -> None:
        self._may_beat, self._has_beaten = Event(), Event()
        self._may_beat.set()

    @contextmanager
    def stopped(self, *, for_good: bool) -> Iterator[None]:
        """No beat inside the block; behind it none at all, or one before anything else happens."""
        self._may_beat.clear()
        yield
        if not for_good:
            self._has_beaten.clear()
            self._may_beat.set()
            self._has_beaten.wait(2 * heartbeat.INTERVAL_S)  # before the first page there may be none

    def waits_to_beat(self, is_over: Event) -> bool:
        """Whether it may beat in the end, and is not over before."""
        while not self._may_beat.is_set():
            if is_over.wait(POLL_S):
                return False
        return True

    def has_beaten(self) -> None:
        """Tell who waits for it."""
        self._has_beaten.set()


class Connection(psycopg.Connection[Any]):
    """Knows whose it is."""

    heart: Heart | None = None


def make_hearts_stoppable() -> None:
    """In this process, for good."""
    beat_once = heartbeat.Heartbeat._beat_once  # noqa: SLF001 - a frozen thread has no interface
    if hasattr(beat_once, "is_stoppable"):
        return

    def beat_once_unless_stopped(self: heartbeat.Heartbeat, connection: psycopg.Connection[Any]) -> None:
        heart = getattr(connection, "heart", None) or Heart()
        if heart.waits_to_beat(self._finished):
            beat_once(self, connection)
            heart.has_beaten()

    beat_once_unless_stopped.is_stoppable = True  # type: ignore[attr-defined]  # a mark against doing it twice
    heartbeat.Heartbeat._beat_once = beat_once_unless_stopped  # type: ignore[method-assign]  # noqa: SLF001 - as above
