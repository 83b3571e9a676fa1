"""What happens to a worker that stands still at a kill point, and how its attempt ended."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from airflow_provider_hubspot_deals.kill_points import KillPoint
from local_stack.processes import wait_until
from local_stack.simulation.cases import Blow, Case, NeverReachedError
from local_stack.simulation.checking import InvariantBrokenError
from local_stack.simulation.proxy import Spoiling
from local_stack.simulation.scenario import IN_TRANSACTION

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_stack.postgres import EmbeddedPostgres
    from local_stack.simulation.proxy import CommitProxy
    from local_stack.simulation.stage import Stage
    from local_stack.simulation.workers import Worker

STOPPED_WITHIN_S = 5.0  # then Airflow sends SIGKILL
SPOILINGS = {
    Blow.COMMIT_REPLY_LOST: Spoiling.REPLY_LOST,
    Blow.COMMIT_SWALLOWED: Spoiling.SWALLOWED,
    Blow.COMMIT_BLACKHOLED: Spoiling.BLACKHOLED,
}


class Striking:
    """The blows.

    Args:
        proxy: between the workers and PostgreSQL.
        start: an attempt of a mode, by its number.
    """

    def __init__(
        self, postgres: EmbeddedPostgres, proxy: CommitProxy, start: Callable[[Stage, str, int], Worker]
    ) -> None:
        self._postgres, self._proxy, self._start = postgres, proxy, start

    def strike(self, case: Case, stage: Stage, worker: Worker) -> str:
        """How the attempt ended, or the one that took over from it.

        Raises:
            InvariantBrokenError: not as it should.
            NeverReachedError: nothing was hit.
        """
        strike = {
            Blow.KILLED: self._kill,
            Blow.FROZEN: self._freeze,
            Blow.REAPED: self._reap,
            Blow.STOPPED: self._stop,
            Blow.DISCONNECTED: self._disconnect,
            Blow.SERVER_CRASHED: self._crash_server,
            Blow.COMMIT_REPLY_LOST: self._spoil_commit,
            Blow.COMMIT_SWALLOWED: self._spoil_commit,
            Blow.COMMIT_BLACKHOLED: self._spoil_commit,
        }[case.blow]
        try:
            return strike(case, stage, worker)
        finally:
            worker.close()

    def _kill(self, case: Case, _stage: Stage, worker: Worker) -> str:
        worker.signal(signal.SIGKILL)
        if word := worker.next_word():
            raise InvariantBrokenError(f"{case}: a dead worker says {word}")
        return "died"

    def _stop(self, case: Case, _stage: Stage, worker: Worker) -> str:
        began = time.monotonic()
        worker.signal(signal.SIGTERM)
        ended = str(worker.next_word().get("ended", "died"))
        if time.monotonic() - began > STOPPED_WITHIN_S:
            raise InvariantBrokenError(f"{case}: took {time.monotonic() - began:.1f} s to stop")
        if not ended.startswith("TaskKilled"):
            raise InvariantBrokenError(f"{case}: was told to stop, and ended: {ended}")
        return ended

    def _disconnect(self, case: Case, stage: Stage, worker: Worker) -> str:
        hits = stage.end_sessions(worker.name)
        ended = _go_on(worker)
        if not hits:
            raise NeverReachedError(f"{case}: it had no session to end")
        return ended

    def _crash_server(self, _case: Case, stage: Stage, worker: Worker) -> str:
        self._postgres.process.process.send_signal(signal.SIGQUIT)
        self._postgres.process.process.wait()
        self._postgres.start()
        stage.auditor.connect()
        return _go_on(worker)

    def _spoil_commit(self, case: Case, _stage: Stage, worker: Worker) -> str:
        self._proxy.arm(SPOILINGS[case.blow])
        ended = _go_on(worker)
        if not self._proxy.has_fired:
            raise NeverReachedError(f"{case}: no COMMIT came after it")
        return ended

    def _freeze(self, case: Case, stage: Stage, worker: Worker) -> str:
        worker.freeze()
        successor = self._start(stage, case.mode, 2)
        if case.point in IN_TRANSACTION:
            # It waits for the fence, until PostgreSQL's idle_in_transaction_session_timeout; not that long here.
            wait_until(lambda: stage.waits(successor.name), what=f"{case}: the takeover waits", timeout_s=20)
            stage.end_sessions(worker.name)
        took_over = str(successor.next_word().get("ended", "died"))
        successor.close()
        if case.point != KillPoint.COMPLETED and not stage.has_claimed(successor.name):
            raise InvariantBrokenError(f"{case}: nobody took over; the one that should have, ended: {took_over}")
        stage.auditor.check(f"{case}: taken over")
        worker.signal(signal.SIGCONT)
        ended = _go_on(worker)
        if ended == "completed" and case.point != KillPoint.COMPLETED:
            raise InvariantBrokenError(f"{case}: the frozen attempt was replaced, and reports success")
        return took_over

    def _reap(self, case: Case, stage: Stage, worker: Worker) -> str:
        worker.freeze()
        stage.end_sessions(worker.name)  # as idle_in_transaction_session_timeout would: what is written is not reaped
        hits = stage.take_for_dead()
        worker.signal(signal.SIGCONT)
        ended = _go_on(worker)
        if not hits:
            raise NeverReachedError(f"{case}: it had no job to be taken for dead")
        if not ended.startswith("JobLostError"):
            raise InvariantBrokenError(f"{case}: its job was taken for dead, and it ended: {ended}")
        return ended


def _go_on(worker: Worker) -> str:
    worker.go()
    return str(worker.next_word().get("ended", "died"))
