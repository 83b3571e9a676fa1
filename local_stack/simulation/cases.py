"""The deterministic matrix: each kill point, what happens there, the first, middle and last time, in both modes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto

from airflow_provider_hubspot_deals.kill_points import KillPoint
from local_stack.simulation.scenario import ONCE_A_RUN

MODES = ("full", "incremental")


class Blow(StrEnum):
    """What happens to a worker that stands still at a kill point."""

    KILLED = auto()  # SIGKILL
    FROZEN = auto()  # SIGSTOP; another attempt takes over and ends; SIGCONT
    REAPED = auto()  # SIGSTOP; its sessions end, and its job is taken for dead; SIGCONT, and nobody has taken over
    STOPPED = auto()  # SIGTERM
    DISCONNECTED = auto()  # pg_terminate_backend of its sessions
    SERVER_CRASHED = auto()  # PostgreSQL's immediate shutdown, and a start with crash recovery
    COMMIT_REPLY_LOST = auto()  # its next COMMIT takes effect, and the connection is cut before the answer
    COMMIT_SWALLOWED = auto()  # its next COMMIT takes effect, and its connection falls silent
    COMMIT_BLACKHOLED = auto()  # its next COMMIT never arrives: silence, and PostgreSQL keeps the transaction open


OF_A_COMMIT = frozenset({Blow.COMMIT_REPLY_LOST, Blow.COMMIT_SWALLOWED, Blow.COMMIT_BLACKHOLED})
# After the last COMMIT there is none to spoil. A job that nobody sees yet, or that has ended, is not taken for dead.
_VAIN = {
    KillPoint.CLAIM_WRITTEN: frozenset({Blow.REAPED}),
    KillPoint.COMPLETED: OF_A_COMMIT | {Blow.REAPED},
}


class NeverReachedError(AssertionError):
    """The attempt ended before the case could happen.

    Attributes:
        times: that it reached the point.
    """

    def __init__(self, why: str, *, times: int = 0) -> None:
        super().__init__(why)
        self.times = times


class Place(StrEnum):
    """Which time of all the times that a run reaches the point."""

    FIRST = auto()
    MIDDLE = auto()
    LAST = auto()

    def of(self, times: int) -> int:
        """Counted from 1."""
        return {Place.FIRST: 1, Place.MIDDLE: (times + 1) // 2, Place.LAST: times}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One cell."""

    mode: str
    point: KillPoint
    place: Place
    blow: Blow

    def __str__(self) -> str:
        return f"{self.mode}/{self.point}/{self.place}/{self.blow}"


def matrix() -> list[Case]:
    """All of it. What happens once a run has one place."""
    return [
        Case(mode=mode, point=point, place=place, blow=blow)
        for mode in MODES
        for point in KillPoint
        for place in ((Place.FIRST,) if point in ONCE_A_RUN else Place)
        for blow in Blow
        if blow not in _VAIN.get(point, ())
    ]
