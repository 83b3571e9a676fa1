"""The fast layer: attempts in threads of this process, over a real PostgreSQL and the simulator's real HTTP."""

from __future__ import annotations

import threading
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import psycopg

from airflow_provider_hubspot_deals import kill_points
from airflow_provider_hubspot_deals.kill_points import KillPoint
from hubspot_simulator import SimulatorServer
from local_stack.processes import wait_until
from local_stack.simulation.attempts import Attempt, StoppedError
from local_stack.simulation.checking import Auditor, InvariantBrokenError
from local_stack.simulation.planned import FaultNeverFiredError, Planned
from local_stack.simulation.reasons import Reasons
from local_stack.simulation.scenario import IN_TRANSACTION, READING, Blow, Kind, Scenario
from local_stack.simulation.tenants import Tenant, tenants_of

if TYPE_CHECKING:
    from collections.abc import Iterator

A_DAY_AGO_S = -86_400.0  # the simulator's clock, so that it can run without passing PostgreSQL's
ATTEMPTS_MAX = 40
EXTRA_RUNS_MAX = 24  # until every planned fault has fallen; every other one is full, for what happens to lists alone
# (changes, seconds). Three of them are the search lag, after which what was changed stands on the very end of a window.
BETWEEN_RUNS = ((0, 0.0), (2, 3.0), (5, 3.0), (10, 7.0))
BETWEEN_ATTEMPTS = ((0, 0.0), (1, 0.0), (2, 3.0), (3, 7.0))
WAIT_S = 30.0


class StuckError(AssertionError):
    """Attempt after attempt, and no end."""


class Simulation:
    """One scenario over one database. ``run`` raises AssertionError when the copy is wrong, or the plan was not met."""

    def __init__(self, scenario: Scenario, database_url: str) -> None:
        self._scenario, self._url = scenario, database_url
        self._chance = Random(f"{scenario.seed}/runs")  # noqa: S311 - a scenario, not a secret
        self._moves = Random(f"{scenario.seed}/clock")  # noqa: S311 - as above
        self._run, self._reached = 0, Counter[KillPoint]()
        self._current = threading.local()
        self._successors: dict[str, tuple[Attempt, threading.Thread]] = {}
        self._reasons = Reasons()
        self._failures: list[BaseException] = []
        self.tally: Counter[str] = Counter()

    def run(self) -> None:
        """From the first run to the last check."""
        with SimulatorServer(self._scenario.portals, rate_limits=False) as simulator:
            simulator.clock.freeze()
            # Whole seconds, as in the Date header, so that changes often fall on the very end of a window.
            simulator.clock.shift(A_DAY_AGO_S - simulator.clock.now_ms() % 1000 / 1000)
            self._simulator = simulator
            self._tenants = tenants_of(self._scenario, simulator, self._url)
            self._people = {tenant.people.portal.portal_id: tenant.people for tenant in self._tenants}
            simulator.on_request(self._before_answer)
            self._planned = Planned(self._scenario, simulator)
            self._auditor = Auditor(self._url, {tenant.id: tenant.people for tenant in self._tenants})
            kill_points.listen(self._at)
            try:
                self._play()
            finally:
                kill_points.listen(None)
                self._count()
                self._auditor.close()

    def _play(self) -> None:
        for run in self._runs():
            for tenant in self._tenants:
                self._finish(tenant, run, self._mode(run))
        self._simulator.application.plan.clear()
        for people in self._people.values():
            people.are_at_work = False
        for number, mode in ((1, "incremental"), (2, "full")):
            self._simulator.clock.shift(60)  # the index catches up
            for tenant in self._tenants:
                self._finish(tenant, 1000 + number, mode)
            self._auditor.check_quiescent(f"after the last {mode} run", with_purges=mode == "full")
        self._refuse_unchecked_batches()

    def _refuse_unchecked_batches(self) -> None:
        with psycopg.connect(self._url) as connection:
            stored = connection.execute("SELECT FROM hubspot.job_batches").rowcount
        if self.tally["batches"] != stored:
            raise FaultNeverFiredError(f"{self.tally['batches']} batches were checked, {stored} are stored")

    def _runs(self) -> Iterator[int]:
        """As many as planned, and more until every planned fault has fallen."""
        for run in range(self._scenario.runs + EXTRA_RUNS_MAX):
            if run >= self._scenario.runs and not self._planned.open():
                return
            yield run
        if missing := self._planned.open():
            raise FaultNeverFiredError(f"planned, and never happened: {'; '.join(missing)}")

    def _mode(self, run: int) -> str:
        if run >= self._scenario.runs:
            return ("full", "incremental")[run % 2]
        return "auto" if run == 0 else self._chance.choice(["incremental", "incremental", "full"])

    def _finish(self, tenant: Tenant, run: int, mode: str) -> None:
        """Attempts of one run until one of them ends it."""
        self._run, self._reached = run, Counter()
        self._reasons.a_run_begins()
        self._wait(tenant, BETWEEN_RUNS)
        tenant.people.a_run_begins()
        self.tally["runs"] += 1
        number = 1
        while number <= ATTEMPTS_MAX:
            attempt = Attempt(tenant, run, number, mode, self._chance.choice([20, 60, 5000]) * tenant.readers)
            last = self._execute(attempt)
            self._auditor.check(f"{last.name} has ended as {last.outcome}")
            if last.outcome in ("completed", "cancelled"):
                return
            number = last.number + 1
            self._wait(tenant, BETWEEN_ATTEMPTS)
        raise StuckError(f"{tenant.slug}, run {run}: {ATTEMPTS_MAX} attempts, the last one: {last.error!r}")

    def _wait(self, tenant: Tenant, pauses: tuple[tuple[int, float], ...]) -> None:
        """While nothing runs, people go on working."""
        changes, seconds = self._chance.choice(pauses)
        if tenant.people.are_at_work:
            tenant.people.work_alone(changes)
            self._simulator.clock.shift(seconds)

    def _execute(self, attempt: Attempt) -> Attempt:
        """One attempt, and the one that took over from it; the later of the two."""
        try:
            self._live(attempt)
        finally:
            successor, thread = self._successors.pop(attempt.name, (attempt, None))
            successor.may_go_on.set()
            if thread is not None:
                _join(thread, successor)
        if self._failures:
            raise self._failures[0]
        return successor

    def _live(self, attempt: Attempt) -> None:
        """An attempt from its beginning to its end, which must have a reason."""
        self._current.attempt = attempt
        self.tally["attempts"] += 1
        spoiled = self._planned.spoiled
        attempt.execute()
        self._planned.see_failure(attempt.error)
        self._reasons.demand_one(attempt, self._planned.spoiled - spoiled)

    # What happens at a kill point

    def _at(self, point: KillPoint) -> None:
        attempt: Attempt | None = getattr(self._current, "attempt", None)
        if attempt is None:
            return
        if point == KillPoint.BATCH_COMMITTED:
            self.tally["batches"] += 1
            self._auditor.check(f"{attempt.name} at {point}")
        if attempt.is_successor:
            if point == KillPoint.CLAIMED and not attempt.may_go_on.wait(WAIT_S):
                raise StuckError(f"{attempt.name} took over, and the one before it has not ended within {WAIT_S:.0f} s")
            return
        self._reached[point] += 1
        if blow := self._planned.blow_at(point, run=self._run, times=self._reached[point]):
            self._strike(attempt, blow)

    def _strike(self, attempt: Attempt, blow: Blow) -> None:
        self.tally[f"{blow.kind} at {blow.point}"] += 1
        match blow.kind:
            case Kind.KILLED:
                self._reasons.struck(attempt.name)
                attempt.die()
            case Kind.STOPPED:
                self._reasons.struck(attempt.name)
                raise StoppedError
            case Kind.DISCONNECTED:
                if self._must_hit(blow, attempt.disconnect()):
                    self._reasons.struck(attempt.name)
            case Kind.CANCELLED:
                self._must_hit(blow, self._reasons.cancel(attempt.cancel))
            case Kind.TAKEN_OVER:
                if self._must_hit(blow, attempt.name not in self._successors):
                    self._take_over(attempt, blow)

    def _must_hit(self, blow: Blow, hits: int) -> bool:
        """An attempt that was replaced and does not know it has no job to lose or cancel, and perhaps no session."""
        if not hits:
            self.tally[f"{blow.kind} at {blow.point}"] -= 1
            self._planned.missed(blow)
        return bool(hits)

    def _take_over(self, attempt: Attempt, blow: Blow) -> None:
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

    # What happens at a request, in the simulator's thread

    def _before_answer(self, endpoint: str, portal_id: int | None) -> None:
        self.tally["requests"] += 1
        if endpoint not in READING or portal_id is None:
            return
        try:
            if self._people[portal_id].are_at_work:
                self._simulator.clock.shift(self._moves.choice(self._scenario.pace))
            self._people[portal_id].see_request(endpoint)
        except BaseException as error:
            self._failures.append(error)
            raise

    def _count(self) -> None:
        self.tally["changes"] += sum(people.changes for people in self._people.values())
        self.tally["http faults"] += self._planned.spoiled
        self.tally["old answers"] += self._planned.old_answers
        self.tally["outages"] += self._planned.outages
        self.tally["deals"] += sum(len(people.all_known()) for people in self._people.values())
        self.tally["checks"] += self._auditor.checks


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
