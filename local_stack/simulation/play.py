"""One case, played: real worker processes, a PostgreSQL that is crashed as well, and a look after each attempt."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from local_stack import throwaway
from local_stack.postgres import EmbeddedPostgres
from local_stack.simulation.cases import OF_A_COMMIT, Blow, Case, NeverReachedError
from local_stack.simulation.checking import InvariantBrokenError
from local_stack.simulation.played import Played
from local_stack.simulation.proxy import CommitProxy
from local_stack.simulation.recovery import Cost, repeated
from local_stack.simulation.scenario import UNSORTED_TIMES
from local_stack.simulation.seeds import template_database
from local_stack.simulation.stage import Stage
from local_stack.simulation.stages import FIXED, Stages
from local_stack.simulation.striking import Striking
from local_stack.simulation.workers import SilentWorkerError, Worker, Workers

ATTEMPTS_MAX = 5 + UNSORTED_TIMES  # a search that does not sort ends one, each time
# A crash of the server, unlike one of the machine, loses nothing that fsync would save.
SETTINGS = {**throwaway.SETTINGS, "synchronous_commit": "on"}
# A batch here is one page: four pages that were read ahead, and one of each request side by side. Of those there are
# four, and one or two more when answers come slowly, as on a busy machine. For each time that somebody begins from the
# checkpoint: a machine that is too busy lets deadlines pass, and the next attempt begins as well.
REPEATED_MAX = 10


class Play:
    """Everything that cases share; a context manager.

    Args:
        folder: an empty one, which PostgreSQL's account can enter; whoever made it removes it.

    Attributes:
        census: how often an undisturbed run reaches each kill point, by mode.
        played: what became of the cases since it was last taken.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._open = folder, ExitStack()
        self.played = Played()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            postgres = EmbeddedPostgres(self._folder / "pg", durable=False, settings=SETTINGS)
            server = opened.enter_context(postgres)
            self._proxy = opened.enter_context(CommitProxy("127.0.0.1", postgres.port))
            self._striking = Striking(postgres, self._proxy, self._start)
            self.workers = opened.enter_context(Workers(self._folder))
            template = opened.enter_context(template_database(server))
            self._stages = opened.enter_context(Stages(server, template, self._proxy.port, self.workers))
            self.census = self._counted()
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def take(self) -> Played:
        """What became of the cases, which is forgotten here."""
        played, self.played = self.played, Played()
        return played

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
            times = word.get("counts", {}).get(case.point, 0)
            raise NeverReachedError(f"{case}: the attempt did not reach it {nth} times: {word}", times=times)
        is_beside = stage.neighbour is not None and stage.neighbour.is_running()
        fell_at, answered, epoch = datetime.now(UTC), len(stage.answers), stage.epoch()
        ended = self._striking.strike(case, stage, worker)
        stage.blows_beside += is_beside
        _refuse_giving_up(str(case), ended)
        stage.auditor.check(f"{case}: after the blow")
        if ended != "completed":
            self.finish(stage, case.mode, str(case), attempts=2 if case.blow == Blow.FROZEN else 1)
        self._count(case, stage, fell_at, answered, beginnings=stage.epoch() - epoch)

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
            self.played.felt.update({f"{rule.fault} on {rule.endpoint}": rule.felt for rule in stage.rules})

    def _count(self, case: Case, stage: Stage, fell_at: datetime, answered: int, *, beginnings: int) -> None:
        committed_at = None if case.blow in OF_A_COMMIT else stage.next_commit(fell_at)
        cost = Cost(
            what=str(case),
            blow=case.blow,
            batch_after_s=(committed_at - fell_at).total_seconds() if committed_at else None,
            end_after_s=(datetime.now(UTC) - fell_at).total_seconds(),
            repeated=repeated(stage.answers, answered),
        )
        self.played.costs.append(cost)
        if cost.repeated > REPEATED_MAX * max(1, beginnings):
            raise InvariantBrokenError(
                f"{case}: {cost.repeated} requests brought what had been brought before, in {beginnings} beginnings"
            )

    def _start(self, stage: Stage, mode: str, number: int, **more: Any) -> Worker:  # noqa: ANN401 - parts of an order
        self.played.tally["attempts"] += 1
        return self.workers.start(stage.name(number), stage.order(mode, number, **more), stage.auditor.check)

    def _attempt(self, stage: Stage, mode: str, number: int) -> str:
        self._proxy.expect()
        worker = self._start(stage, mode, number)
        ended = worker.next_word().get("ended", "died")
        worker.close()
        _refuse_giving_up(stage.name(number), ended)
        return str(ended)


def _refuse_giving_up(who: str, ended: str) -> None:
    """None of these blows is a reason for Airflow never to try again."""
    if ended.startswith("AirflowFailException"):
        raise InvariantBrokenError(f"{who} gave up for good: {ended}")
