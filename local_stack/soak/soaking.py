"""Organizations in portals that fail now and then, workers that load them, and a watch over both."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

from airflow_provider_hubspot_deals import migrations
from hubspot_simulator import FaultRule, MutationRule, PortalSpec, SimulatorServer
from hubspot_simulator.portal import Portal
from local_stack.exceptions import StackError
from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import ManagedProcess, died, stop_all
from local_stack.soak.database import DatabaseWatch
from local_stack.soak.trends import Allowance, Sample, Trend, trend_of
from local_stack.soak.worker import Tenant, WorkerOrder, run_once
from local_stack.throwaway import temporary_directory

WORKERS = 2
SAMPLES_PER_SOAK = 120
MAINTENANCE_EVERY_S = 600.0
RUNS_MIN = 15  # of each worker: fewer show no trend
PATIENCE_S = 120.0  # for them, on a busy machine, when the time is up
FIRST_PORTAL = 5001
DUE_AFTER = 4  # turns of a fault, each of which may go to another fault
# Autovacuum as often as a soak of minutes can see it; its default naptime is a minute.
SETTINGS = {"autovacuum_naptime": "2s", "autovacuum_vacuum_cost_delay": "0"}

OF_WORKERS = {
    "rss_mib": Allowance(absolute=8.0, share=0.06),
    "descriptors": Allowance(absolute=3.0),
    "threads": Allowance(absolute=2.0),
}
OF_DATABASE = {
    "sessions": Allowance(absolute=4.0),
    "locks": Allowance(absolute=40.0),
    "bytes_per_deal": Allowance(absolute=4_096.0, share=1.0),
    "dead_share": Allowance(absolute=0.2),  # dead rows that come evenly never add 0.3 to their share after the warm-up
}


def faults() -> list[FaultRule]:
    """Something goes wrong with about one request in eight."""
    return [
        FaultRule(fault="status", status=500, nth=29, every=29, times=None),
        FaultRule(fault="status", status=503, nth=41, every=41, times=None),
        FaultRule(fault="status", status=429, retry_after=0, nth=37, every=37, times=None),
        FaultRule(fault="status", status=401, nth=97, every=97, times=None),
        FaultRule(fault="reset", nth=53, every=53, times=None),
        FaultRule(fault="close", nth=31, every=31, times=None),
        FaultRule(fault="truncate", nth=61, every=61, times=None),
        FaultRule(fault="invalid_json", nth=67, every=67, times=None),
        FaultRule(fault="gzip_truncated", nth=71, every=71, times=None),
        FaultRule(fault="short_page", endpoint="list", nth=13, every=13, times=None),
        FaultRule(fault="empty_page", endpoint="list", nth=19, every=19, times=None),
        FaultRule(fault="duplicate_record", endpoint="list", nth=17, every=17, times=None),
    ]


@dataclass
class Soaked:
    """What a soak has shown."""

    seconds: float
    organizations: int
    outcomes: Counter[str] = field(default_factory=Counter)  # of runs
    requests: int = 0
    faults: dict[str, int] = field(default_factory=dict)  # how often each fired
    unfired: list[str] = field(default_factory=list)  # faults that should have and did not
    trends: list[Trend] = field(default_factory=list)
    left_behind: dict[str, float] = field(default_factory=dict)  # after the last worker had gone
    different: list[str] = field(default_factory=list)  # organizations whose copy is not HubSpot's

    @property
    def complaints(self) -> list[str]:
        """Why it failed; empty when it is good."""
        return [
            *(f"{trend.name} grows by {trend.per_hour:.3g} an hour" for trend in self.trends if trend.is_leak),
            *(f"{count:.0f} {what} left behind" for what, count in self.left_behind.items() if count),
            *(f"{organization} differs from HubSpot" for organization in self.different),
            *(f"{fault} never happened" for fault in self.unfired),
            *([] if self.outcomes["completed"] else ["no run was completed"]),
        ]


@dataclass
class Soak:
    """A soak that is set up. ``run`` once."""

    tenants: Sequence[Tenant]
    simulator: SimulatorServer
    watch: DatabaseWatch
    order: WorkerOrder
    workers: Sequence[ManagedProcess]

    def run(self, seconds: float) -> Soaked:
        """Let it run, stop it, see what is left.

        Raises:
            StackError: a worker ended by itself; with the end of its log.
        """
        soaked = Soaked(seconds=seconds, organizations=len(self.tenants))
        rules = faults()
        for rule in [*rules, MutationRule(every=11, edit=3, archive=1, create=1, restore=1, times=None)]:
            self.simulator.add_fault(rule)
        of_database = self._sampled(seconds)
        stop_all(self.workers)
        soaked.faults = {_named(rule): rule.fired for rule in rules}
        soaked.unfired = [_named(rule) for rule in rules if rule.seen > DUE_AFTER * rule.every and not rule.fired]
        soaked.requests = sum(self.simulator.application.log.counts.values())
        self._take_in_workers(soaked)
        soaked.trends += [trend_of(name, of_database[name], allowed) for name, allowed in OF_DATABASE.items()]
        soaked.left_behind = {**self._left_sessions(), "running jobs": float(self.watch.running_jobs())}
        soaked.different = self._different()
        return soaked

    def _sampled(self, seconds: float) -> dict[str, list[Sample]]:
        samples: dict[str, list[Sample]] = {name: [] for name in OF_DATABASE}
        started = maintained = time.monotonic()
        while (passed := time.monotonic() - started) < seconds or self._is_to_go_on(passed - seconds):
            if fallen := died(self.workers):
                raise StackError(f"ended by itself: {', '.join(fallen)}; {_last_words(self.workers)}")
            state = self.watch.state()
            for name, found in samples.items():
                found.append((passed, state[name]))
            if time.monotonic() - maintained > MAINTENANCE_EVERY_S:
                self.watch.maintain()
                maintained = time.monotonic()
            time.sleep(max(0.1, min(seconds / SAMPLES_PER_SOAK, 30.0)))
        return samples

    def _is_to_go_on(self, overtime_s: float) -> bool:
        return overtime_s < PATIENCE_S and min(len(_runs_of(worker)) for worker in self.workers) < RUNS_MIN

    def _take_in_workers(self, soaked: Soaked) -> None:
        for number, worker in enumerate(self.workers, start=1):
            lines = [json.loads(line) for line in _runs_of(worker)]
            if not lines:
                raise StackError(f"{worker.name} finished no run; {_last_words([worker])}")
            soaked.outcomes.update(line["outcome"] for line in lines)
            for name, allowed in OF_WORKERS.items():
                samples = [(line["at"], float(line[name])) for line in lines]
                soaked.trends.append(trend_of(f"{name} of worker {number}", samples, allowed))

    def _left_sessions(self) -> dict[str, float]:
        """Sessions and locks that outlive their process by more than PostgreSQL takes to notice."""
        deadline = time.monotonic() + 5.0
        while (state := self.watch.state())["sessions"] and time.monotonic() < deadline:
            time.sleep(0.1)
        return {name: state[name] for name in ("sessions", "locks")}

    def _different(self) -> list[str]:
        """Organizations whose live deals are not HubSpot's after one more undisturbed full run."""
        self.simulator.application.plan.clear()
        different = []
        for number, tenant in enumerate(self.tenants):
            outcome = run_once(self.order, tenant, "full")
            live = _readable_deals(self.simulator.portal(FIRST_PORTAL + number))
            if outcome != "completed" or live != self.watch.live_deals(tenant.id):
                different.append(f"{tenant.slug} ({outcome})")
        return different


@contextmanager
def prepared(organizations: int, deals: int, plant: str | None) -> Iterator[Soak]:
    """A server, a simulator with a portal for each organization, and workers that have begun."""
    specs = [PortalSpec(portal_id=FIRST_PORTAL + n, deals=deals, seed=n + 1) for n in range(organizations)]
    tenants = [_tenant(f"soaked-{n + 1}", spec.token) for n, spec in enumerate(specs)]
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_directory())
        server = stack.enter_context(EmbeddedPostgres(folder, durable=False, settings=SETTINGS))
        url = server.create_database("soak")
        migrations.upgrade(url)
        simulator = stack.enter_context(SimulatorServer(specs, rate_limits=False))
        watch = stack.enter_context(DatabaseWatch(url))
        order = WorkerOrder(database_url=url, hubspot_url=simulator.base_url, tenants=tuple(tenants), plant=plant)
        shares = [tenants[n::WORKERS] for n in range(min(WORKERS, organizations))]
        workers = [_worker(folder, n, order, share) for n, share in enumerate(shares, start=1)]
        stack.callback(stop_all, workers)
        for worker in workers:
            worker.start()
        yield Soak(tenants, simulator, watch, order, workers)


def _runs_of(worker: ManagedProcess) -> list[str]:
    """What it said of each run that it has ended."""
    log = worker.log.read_text() if worker.log.exists() else ""
    return [line for line in log.splitlines() if line.startswith("{") and line.endswith("}")]


def _readable_deals(portal: Portal) -> dict[int, dict[str, str]]:
    """By id, what the token may read of each deal: the properties that have a value and are not sensitive."""
    readable = {name for name, each in portal.definitions.items() if each.sensitivity == "non_sensitive"}
    return {
        deal_id: {name: value for name, value in deal["properties"].items() if value is not None and name in readable}
        for deal_id, deal in portal.live_deals().items()
    }


def _named(rule: FaultRule) -> str:
    return f"{rule.fault} {rule.status}" if rule.fault == "status" else str(rule.fault)


def _tenant(slug: str, token: str) -> Tenant:
    return Tenant(id=str(uuid5(NAMESPACE_DNS, f"{slug}.example")), slug=slug, token=token)


def _worker(folder: Path, number: int, order: WorkerOrder, share: Sequence[Tenant]) -> ManagedProcess:
    path = folder / f"worker-{number}.json"
    path.touch(mode=0o600)
    own = WorkerOrder(
        database_url=order.database_url, hubspot_url=order.hubspot_url, tenants=tuple(share), plant=order.plant
    )
    path.write_text(own.as_json())
    command = [sys.executable, "-m", "local_stack.soak.worker", str(path)]
    return ManagedProcess(name=f"worker {number}", command=command, log=folder / f"worker-{number}.log")


def _last_words(workers: Sequence[ManagedProcess]) -> str:
    return "\n".join(worker.log.read_text()[-2_000:] for worker in workers if worker.log.exists())
