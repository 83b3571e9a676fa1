"""An attempt stands still, another one takes over from it, and then it wakes up."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from airflow_provider_hubspot_deals.kill_points import KillPoint
from local_stack.processes import wait_until
from local_stack.simulation.checking import InvariantBrokenError
from local_stack.simulation.planned import FaultNeverFiredError
from local_stack.simulation.scenario import IN_TRANSACTION

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_stack.simulation.attempts import Attempt
    from local_stack.simulation.reasons import Reasons
    from local_stack.simulation.scenario import Blow

WAIT_S = 30.0


class StuckError(AssertionError):
    """Attempt after attempt, and no end."""


class Takeovers:
    """Those of one simulation.

    Args:
        live: lets an attempt live from its beginning to its end.
        failures: where to put what that raises in a thread of its own.
    """

    def __init__(self, live: Callable[[Attempt], None], reasons: Reasons, failures: list[BaseException]) -> None:
        self._live, self._reasons, self._failures = live, reasons, failures
        self._successors: dict[str, tuple[Attempt, threading.Thread]] = {}

    def has_successor(self, attempt: Attempt) -> bool:
        """Whether another one has taken over from it."""
        return attempt.name in self._successors

    def last_after(self, attempt: Attempt) -> Attempt:
        """Once this one has ended: the one that took over from it, when that has ended too; or itself."""
        successor, thread = self._successors.pop(attempt.name, (attempt, None))
        successor.may_go_on.set()
        if thread is not None:
            _join(thread, successor)
        return successor

    def strike(self, attempt: Attempt, blow: Blow) -> None:
        """While this attempt stands still; inside a transaction the other one can only wait for its end."""
        self._reasons.replaced(attempt.name)
        successor = attempt.successor()
        thread = threading.Thread(target=self._in_thread, args=(successor,), daemon=True)
        self._successors[attempt.name] = (successor, thread)
        if blow.is_cut_off:
            self._cut_off(attempt, successor, thread)
            if blow.point == KillPoint.CLAIM_WRITTEN:  # it has no job yet that it would connect again for
                self._reasons.struck(attempt.name)
        else:
            successor.may_go_on.set()
            if blow.point in IN_TRANSACTION:
                thread.start()
                _wait_until_blocked(successor, thread)
                return
            with attempt.heart.stopped(for_good=blow.is_deaf):
                thread.start()
                _join(thread, successor)
        if blow.point != KillPoint.COMPLETED:
            self._reasons.woken(attempt.name)
            if not (successor.has_claimed() or self._reasons.is_cancelled):
                raise InvariantBrokenError(f"{successor.name} did not take over: {successor.error!r}")

    def _cut_off(self, attempt: Attempt, successor: Attempt, thread: threading.Thread) -> None:
        """The server ends its sessions. The other one, which has claimed the job, stands still until this one ends."""
        with attempt.heart.stopped(for_good=True):
            thread.start()
            _wait_until_blocked(successor, thread)
            if not attempt.disconnect():
                raise FaultNeverFiredError(f"{attempt.name} had no session that could have been ended")
            wait_until(lambda: successor.has_claimed() or not thread.is_alive(), what="takeover", timeout_s=WAIT_S)

    def _in_thread(self, attempt: Attempt) -> None:
        try:
            self._live(attempt)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self._failures.append(error)


def wait_for_leave(successor: Attempt) -> None:
    """In its own thread, when it has claimed the job: until the one before it lets it go on.

    Raises:
        StuckError: that one never ended.
    """
    if not successor.may_go_on.wait(WAIT_S):
        raise StuckError(f"{successor.name} took over, and the one before it has not ended within {WAIT_S:.0f} s")


def _wait_until_blocked(successor: Attempt, thread: threading.Thread) -> None:
    """By the one that stands still; or until nothing has stopped it from claiming the job, or from ending."""
    wait_until(
        lambda: successor.waits_for_a_lock() or successor.has_claimed() or not thread.is_alive(),
        what="takeover",
        timeout_s=WAIT_S,
    )


def _join(thread: threading.Thread, successor: Attempt) -> None:
    thread.join(WAIT_S)
    if thread.is_alive():
        raise StuckError(f"{successor.name}, which took over, has not ended within {WAIT_S:.0f} s")
