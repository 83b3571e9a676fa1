"""Why attempts end: what happened to each of them, and whether that is a reason."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from airflow_provider_hubspot_deals.exceptions import BadResponseError, RateLimitedError, UpstreamUnavailableError
from local_stack.simulation.checking import InvariantBrokenError

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_stack.simulation.attempts import Attempt

OF_HUBSPOT = (UpstreamUnavailableError, BadResponseError, RateLimitedError)
# Fewer spoiled answers are asked for again: of the list three empty pages in a row are no list any more.
SPOILED_MIN = 3
WITHOUT_ORDER = "SOURCE_ORDER"  # a search without order is refused at once: going on could lose deals


class Reasons:
    """What happened to the attempts of one simulation. Thread-safe.

    Attributes:
        is_cancelled: the job of this run.
    """

    def __init__(self) -> None:
        self._one_at_a_time = Lock()
        self._struck: set[str] = set()
        self._replaced: set[str] = set()
        self._woken: set[str] = set()
        self.is_cancelled = False

    def a_run_begins(self) -> None:
        """Nobody has cancelled its job yet."""
        self.is_cancelled = False

    def struck(self, name: str) -> None:
        """An attempt was killed, stopped, or lost its sessions."""
        self._struck.add(name)

    def replaced(self, name: str) -> None:
        """Another attempt is about to take over from this one."""
        self._replaced.add(name)

    def woken(self, name: str) -> None:
        """That happened while this one stood still, so that nothing is left for it to do."""
        self._woken.add(name)

    def cancel(self, cancelled: Callable[[], int]) -> int:
        """Let somebody cancel; how many jobs that were. Nobody is judged in between."""
        with self._one_at_a_time:
            jobs = cancelled()
            self.is_cancelled = self.is_cancelled or jobs > 0
        return jobs

    def demand_one(self, attempt: Attempt, spoiled: int) -> None:
        """Of an attempt that has ended.

        Args:
            spoiled: answers, while it lived.

        Raises:
            InvariantBrokenError: nothing happened that would explain how it ended.
        """
        if attempt.outcome == "completed" and attempt.name in self._woken:
            raise InvariantBrokenError(f"{attempt.name} was replaced while it was frozen, and reports success")
        with self._one_at_a_time:
            has_one = self._has_one(attempt, spoiled)
        if not has_one:
            raise InvariantBrokenError(f"{attempt.name} ended for nothing: {attempt.outcome}, {attempt.error!r}")

    def _has_one(self, attempt: Attempt, spoiled: int) -> bool:
        match attempt.outcome:
            case "completed":
                return True
            case "cancelled":
                return self.is_cancelled
            case "superseded":
                return attempt.name in self._replaced
        if isinstance(attempt.error, OF_HUBSPOT):
            return spoiled >= (1 if attempt.error.code == WITHOUT_ORDER else SPOILED_MIN)
        return attempt.name in self._struck
