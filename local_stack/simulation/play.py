"""One case, played: real worker processes, a PostgreSQL that is crashed as well, and a look after each attempt."""

from __future__ import annotations

import signal
import time
from collections import Counter
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from typing import Any, Self

from airflow_provider_hubspot_deals.kill_points import KillPoint
from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import wait_until
from local_stack.simulation.cases import OF_A_COMMIT, Blow, Case
from local_stack.simulation.checking import InvariantBrokenError
from local_stack.simulation.proxy import CommitProxy, Spoiling
from local_stack.simulation.recovery import Cost, repeated
from local_stack.simulation.scenario import IN_TRANSACTION
from local_stack.simulation.seeds import template_database
from local_stack.simulation.stage import FIXED, Stage, Stages
from local_stack.simulation.workers import SilentWorkerError, Worker, Workers
from local_stack.throwaway import temporary_directory

ATTEMPTS_MAX = 5
# A batch here is one page: four pages that were read ahead, and one of each request side by side. Of those there are
# four, and one or two more when answers come slowly, as on a busy machine.
REPEATED_MAX = 10
STOPPED_WITHIN_S = 5.0  # then Airflow sends SIGKILL
SPOILINGS = {Blow.COMMIT_REPLY_LOST: Spoiling.REPLY_LOST, Blow.COMMIT_SWALLOWED: Spoiling.SWALLOWED}


class NeverReachedError(AssertionError):
    """The attempt ended before the case could happen."""


class Play:
    """Everything that cases share; a context manager."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self.costs: list[Cost] = []
        self.felt: Counter[str] = Counter()  # how often an answer was another one for a fault
        self.tally: Counter[str] = Counter()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            folder = opened.enter_context(temporary_directory())
            # A crash of the server, unlike one of the machine, loses nothing that fsync would save.
            self._postgres = EmbeddedPostgres(folder / "pg", durable=False, settings={"synchronous_commit": "on"})
            server = opened.enter_context(self._postgres)
            self._proxy = opened.enter_context(CommitProxy("127.0.0.1", self._postgres.port))
            self.workers = opened.enter_context(Workers(folder))
            template = opened.enter_context(template_database(server))
            self._stages = opened.enter_context(Stages(server, template, self._proxy.port, self.workers))
            self.census = self._counted()
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def case(self, case: Case) -> None:
        """Play one case.

        Raises:
            AssertionError: an invariant is broken, somebody is stuck, or the blow never fell.
        """
        nth = case.place.of(self.census[case.mode][case.point])
        try:
            self._play(case, nth)
        except NeverReachedError:  # threads have their say in how many pages make a batch
            self._play(case, max(1, nth - 1))

    def stage(self, mode: str, seed: int = FIXED) -> AbstractContextManager[Stage]:
        """A fresh one, loaded before when the next run on it is to be incremental."""
        return self._stages.stage(mode, seed, worker=self._run_undisturbed)

    def run(self, stage: Stage, case: Case, nth: int) -> None:
        """One run with one blow, and attempts until it is complete.

        Raises:
            NeverReachedError: the run is over, and the blow has not fallen.
        """
        self._proxy.expect()
        worker = self._start(stage, case.mode, 1, stand_still_at=[case.point, nth])
        word = worker.next_word()
        if "point" not in word:
            worker.close()
            raise NeverReachedError(f"{case}: the attempt did not reach it {nth} times: {word}")
        is_beside = stage.neighbour is not None and stage.neighbour.is_running()
        fell_at, answered = datetime.now(UTC), len(stage.answers)
        ended = self._strike(case, stage, worker)
        stage.blows_beside += is_beside
        _refuse_giving_up(str(case), ended)
        stage.auditor.check(f"{case}: after the blow")
        if ended != "completed":
            self.finish(stage, case.mode, str(case), attempts=2 if case.blow == Blow.FROZEN else 1)
        self._count(case, stage, fell_at, answered)

    def finish(self, stage: Stage, mode: str, what: str, *, attempts: int = 0) -> None:
        """Attempts until the run is complete, of which there were some before."""
        ended = ""
        for number in range(attempts + 1, ATTEMPTS_MAX + 1):
            ended = self._attempt(stage, mode, number)
            stage.auditor.check(f"{what}: after attempt {number}")
            if ended == "completed":
                return
        raise SilentWorkerError(f"{what}: {ATTEMPTS_MAX} attempts, the last one ended: {ended}")

    def check_end(self, stage: Stage, what: str) -> None:
        """People go home, an incremental run and a full one, and the copy must be right after each."""
        stage.everybody_goes_home()
        for mode in ("incremental", "full"):
            ended = self._attempt(stage.next_run(), mode, 1)
            if ended != "completed":
                raise InvariantBrokenError(f"{what}: the next {mode} run ended: {ended}")
            if stage.neighbour:
                stage.neighbour.run(mode)
            stage.auditor.check_quiescent(f"{what}: after the last {mode} run", with_purges=mode == "full")

    def _counted(self) -> dict[str, dict[str, int]]:
        """How often an undisturbed run reaches each point, by mode."""
        census = {}
        for mode in ("full", "incremental"):
            with self.stage(mode) as stage:
                word = self._run_undisturbed(stage, mode)
                census[mode] = word["counts"]
        return census

    def _run_undisturbed(self, stage: Stage, mode: str) -> dict[str, Any]:
        self._proxy.expect()
        worker = self.workers.start(stage.name(1), stage.order(mode, 1), stage.auditor.check)
        word = worker.next_word()
        worker.close()
        if word.get("ended") != "completed":
            raise SilentWorkerError(f"an undisturbed {mode} run ended: {word}")
        return word

    def _play(self, case: Case, nth: int) -> None:
        with self.stage(case.mode) as stage:
            self.run(stage, case, nth)
            self.check_end(stage, str(case))
            self.felt.update({f"{rule.fault} on {rule.endpoint}": rule.felt for rule in stage.rules})

    def _count(self, case: Case, stage: Stage, fell_at: datetime, answered: int) -> None:
        committed_at = None if case.blow in OF_A_COMMIT else stage.next_commit(fell_at)
        cost = Cost(
            what=str(case),
            blow=case.blow,
            batch_after_s=(committed_at - fell_at).total_seconds() if committed_at else None,
            end_after_s=(datetime.now(UTC) - fell_at).total_seconds(),
            repeated=repeated(stage.answers, answered),
        )
        self.costs.append(cost)
        if cost.repeated > REPEATED_MAX:
            raise InvariantBrokenError(f"{case}: {cost.repeated} requests brought what had been brought before")

    def _start(self, stage: Stage, mode: str, number: int, **more: Any) -> Worker:  # noqa: ANN401 - parts of an order
        self.tally["attempts"] += 1
        return self.workers.start(stage.name(number), stage.order(mode, number, **more), stage.auditor.check)

    def _attempt(self, stage: Stage, mode: str, number: int) -> str:
        self._proxy.expect()
        worker = self._start(stage, mode, number)
        ended = worker.next_word().get("ended", "died")
        worker.close()
        _refuse_giving_up(stage.name(number), ended)
        return str(ended)

    # The blows

    def _strike(self, case: Case, stage: Stage, worker: Worker) -> str:
        """How the attempt ended, or the one that took over from it."""
        strike = {
            Blow.KILLED: self._kill,
            Blow.FROZEN: self._freeze,
            Blow.STOPPED: self._stop,
            Blow.DISCONNECTED: self._disconnect,
            Blow.SERVER_CRASHED: self._crash_server,
            Blow.COMMIT_REPLY_LOST: self._spoil_commit,
            Blow.COMMIT_SWALLOWED: self._spoil_commit,
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
        ended = self._go_on(worker)
        if not hits:
            raise NeverReachedError(f"{case}: it had no session to end")
        return ended

    def _crash_server(self, _case: Case, stage: Stage, worker: Worker) -> str:
        self._postgres.process.process.send_signal(signal.SIGQUIT)
        self._postgres.process.process.wait()
        self._postgres.start()
        stage.auditor.connect()
        return self._go_on(worker)

    def _spoil_commit(self, case: Case, _stage: Stage, worker: Worker) -> str:
        self._proxy.arm(SPOILINGS[case.blow])
        ended = self._go_on(worker)
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
        ended = self._go_on(worker)
        if ended == "completed" and case.point != KillPoint.COMPLETED:
            raise InvariantBrokenError(f"{case}: the frozen attempt was replaced, and reports success")
        return took_over

    def _go_on(self, worker: Worker) -> str:
        worker.go()
        return str(worker.next_word().get("ended", "died"))


def _refuse_giving_up(who: str, ended: str) -> None:
    """None of these blows is a reason for Airflow never to try again."""
    if ended.startswith("AirflowFailException"):
        raise InvariantBrokenError(f"{who} gave up for good: {ended}")
