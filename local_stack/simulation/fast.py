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
from local_stack.simulation.attempts import Attempt, StoppedError
from local_stack.simulation.bad_deals import HOUSE_RULE, Bad
from local_stack.simulation.checking import Auditor
from local_stack.simulation.planned import FaultNeverFiredError, Planned
from local_stack.simulation.reasons import Reasons
from local_stack.simulation.scenario import READING, Blow, Kind, Scenario
from local_stack.simulation.takeovers import StuckError, Takeovers, wait_for_leave
from local_stack.simulation.tenants import Tenant, tenants_of

if TYPE_CHECKING:
    from collections.abc import Iterator

A_DAY_AGO_S = -86_400.0  # the simulator's clock, so that it can run without passing PostgreSQL's
ATTEMPTS_MAX = 40
EXTRA_RUNS_MAX = 24  # until every planned fault has fallen; every other one is full, for what happens to lists alone
# (changes, seconds). Three of them are the search lag, after which what was changed stands on the very end of a window.
BETWEEN_RUNS = ((0, 0.0), (2, 3.0), (5, 3.0), (10, 7.0))
BETWEEN_ATTEMPTS = ((0, 0.0), (1, 0.0), (2, 3.0), (3, 7.0))


class Simulation:
    """One scenario over one database. ``run`` raises AssertionError when the copy is wrong, or the plan was not met."""

    def __init__(self, scenario: Scenario, database_url: str) -> None:
        self._scenario, self._url = scenario, database_url
        self._chance = Random(f"{scenario.seed}/runs")  # noqa: S311 - a scenario, not a secret
        self._moves = Random(f"{scenario.seed}/clock")  # noqa: S311 - as above
        self._run, self._reached = 0, Counter[KillPoint]()
        self._current = threading.local()
        self._reasons = Reasons()
        self._failures: list[BaseException] = []
        self._takeovers = Takeovers(self._live, self._reasons, self._failures)
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
            if Bad.UNWANTED in self._scenario.bad:
                self._tenants[0].execute(HOUSE_RULE)
            organizations = {tenant.id: tenant.people for tenant in self._tenants}
            self._auditor = Auditor(self._url, organizations, self._scenario.beside)
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
            if run >= self._scenario.runs and not self._open():
                return
            yield run
        if missing := self._open():
            raise FaultNeverFiredError(f"planned, and never happened: {'; '.join(missing)}")

    def _open(self) -> list[str]:
        """What was planned, and has not happened yet."""
        quarantined = self._auditor.see_quarantined()
        return self._planned.open() + [f"{each} in the copy" for each in self._scenario.bad if each not in quarantined]

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
            last = self._takeovers.last_after(attempt)
        if self._failures:
            raise self._failures[0]
        return last

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
            if point == KillPoint.CLAIMED:
                wait_for_leave(attempt)
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
                if self._must_hit(blow, not self._takeovers.has_successor(attempt)):
                    self._takeovers.strike(attempt, blow)

    def _must_hit(self, blow: Blow, hits: int) -> bool:
        """An attempt that was replaced and does not know it has no job to lose or cancel, and perhaps no session."""
        if not hits:
            self.tally[f"{blow.kind} at {blow.point}"] -= 1
            self._planned.missed(blow)
        return bool(hits)

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
        self.tally["bad records"] += self._auditor.quarantined.records
