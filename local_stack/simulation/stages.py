"""Makes stages, each as fresh as the first one, over one simulator and one PostgreSQL."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from hubspot_simulator import FaultRule, PortalSpec, SimulatorServer
from hubspot_simulator.faults import Fault
from local_stack.simulation.neighbours import Neighbour
from local_stack.simulation.orders import Orders
from local_stack.simulation.people import People
from local_stack.simulation.scenario import READING, drawn_rules
from local_stack.simulation.stage import NEXT_DOOR_ID, ORGANIZATION_ID, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from uuid import UUID

    from local_stack.databases import DatabaseServer
    from local_stack.simulation.workers import Workers

ORGANIZATION, NEXT_DOOR = "matrix", "next-door"
TWO_DAYS_S = 172_800.0
SEARCH_LAG_S, LAG_JITTER_S = 20.0, 20.0  # of the operator's minute
LATER_S = 90.0  # what was changed is in the index, and in the next window
FIXED = 0
PORTAL = PortalSpec(portal_id=1001, deals=330, archived=120, seed=5)
PORTAL_NEXT_DOOR = PortalSpec(portal_id=1002, deals=150, archived=40, seed=6)
# Faults that cost no pause: what they try is whether the right deals are read, not how long we wait.
RULES: tuple[dict[str, Any], ...] = (
    {"endpoint": "list", "every": 3, "nth": 2, "fault": Fault.DUPLICATE_RECORD},
    {"endpoint": "search", "every": 3, "nth": 2, "fault": Fault.SHORT_PAGE},
    {"endpoint": "batch_read", "every": 3, "nth": 2, "fault": Fault.OLD_RECORDS},
    {"endpoint": "list", "every": 4, "nth": 3, "fault": Fault.CLOSE},
)


class Stages:
    """Makes stages over one simulator; a context manager.

    Each has the portal as it was generated, so that one full load serves every incremental case.
    """

    def __init__(self, server: DatabaseServer, template: str, proxy_port: int, workers: Workers) -> None:
        self._server, self._proxy_port, self._workers = server, proxy_port, workers
        self._templates = {"full": template}
        self._open = ExitStack()
        self._served = 0

    def __enter__(self) -> Self:
        self._simulator = self._open.enter_context(SimulatorServer([PORTAL, PORTAL_NEXT_DOOR], rate_limits=False))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @contextmanager
    def stage(self, mode: str, seed: int, *, worker: Callable[[Stage, str], object]) -> Iterator[Stage]:
        """A fresh one; for an incremental run one that ``worker`` has loaded before.

        Args:
            seed: what people and HubSpot do, also next door; ``FIXED`` has faults that cost no pause, and no neighbour.
            worker: runs a whole run on a stage.
        """
        if mode == "incremental" and mode not in self._templates:
            self._templates[mode] = self._loaded(worker)
        stage, name = self._made(mode, seed)
        stage.people.are_at_work = True
        if mode == "incremental":
            _change_much(stage.people)
            self._simulator.clock.shift(LATER_S)
        try:
            yield stage
        finally:
            self._simulator.application.on_request.clear()
            self._simulator.application.on_answer.clear()
            stage.auditor.close()
            self._server.drop_database(name)

    def _loaded(self, worker: Callable[[Stage, str], object]) -> str:
        stage, name = self._made("full", FIXED)
        stage.people.are_at_work = False
        worker(stage, "full")
        stage.auditor.close()
        self._open.callback(self._server.drop_database, name)
        return name

    def _made(self, mode: str, seed: int) -> tuple[Stage, str]:
        self._served += 1
        self._turn_back_clock()
        name = f"simulation_matrix_{self._served}"
        url = self._server.create_database(name, template=self._templates[mode])
        self._simulator.application.plan.clear()
        self._simulator.application.on_request.clear()
        fixed = [FaultRule(times=None, **rule) for rule in RULES]
        people = self._people(PORTAL, seed)
        rules = self._planned(PORTAL, drawn_rules(_faults(seed), 3, has_old_records=True) if seed else fixed)
        orders = self._orders((ORGANIZATION, ORGANIZATION_ID), people, url, self._proxy_port, seed)
        if not seed:
            return Stage(self._simulator, orders, rules, None, first_run=1 if mode == "full" else 2), name
        next_door = self._people(PORTAL_NEXT_DOOR, seed)
        rules += self._planned(PORTAL_NEXT_DOOR, drawn_rules(_faults(-seed), 2, has_old_records=True))
        neighbour = self._orders((NEXT_DOOR, NEXT_DOOR_ID), next_door, url, urlsplit(url).port, seed)
        return Stage(self._simulator, orders, rules, Neighbour(neighbour, self._workers)), name

    def _turn_back_clock(self) -> None:
        """As far behind PostgreSQL's each time, at a whole second; from there on it moves at requests alone.

        Else a seed would begin where those before it have left off, and meet another clock when it is played again.
        """
        clock = self._simulator.clock
        clock.reset()
        clock.freeze()
        clock.shift(-TWO_DAYS_S - clock.now_ms() % 1000 / 1000)

    def _orders(self, who: tuple[str, UUID], people: People, url: str, port: int | None, seed: int) -> Orders:
        return Orders(
            organization=who[0],
            organization_id=who[1],
            people=people,
            hubspot_url=self._simulator.base_url,
            database_url=url,
            port=port,
            seed=seed,
        )

    def _people(self, spec: PortalSpec, seed: int) -> People:
        portal = self._simulator.account(spec.portal_id).renew_portal()
        portal.set_search_lag(SEARCH_LAG_S, jitter_s=LAG_JITTER_S)
        chance = Random(seed + spec.portal_id - PORTAL.portal_id)  # noqa: S311 - a scenario
        people = People(portal, chance, rate=0.5, crowd=0)
        self._at_request(people, seed)
        return people

    def _planned(self, spec: PortalSpec, rules: Iterable[FaultRule]) -> list[FaultRule]:
        """In one portal alone: what the other one is asked is nobody's turn here."""
        planned = [replace(rule, portal_id=spec.portal_id) for rule in rules]
        for rule in planned:
            self._simulator.add_fault(rule)
        return planned

    def _at_request(self, people: People, seed: int) -> None:
        moves, clock = Random(f"{seed}/clock"), self._simulator.clock  # noqa: S311 - a scenario

        def change(endpoint: str, portal_id: int | None) -> None:
            if endpoint in READING and portal_id == people.portal.portal_id and people.are_at_work:
                clock.shift(moves.choice([0, 0.001, 0.999, 1, 9]))
                people.see_request(endpoint)

        self._simulator.on_request(change)


def _faults(seed: int) -> Random:
    return Random(f"{seed}/faults")  # noqa: S311 - a scenario


def _change_much(people: People) -> None:
    """So that each phase of an incremental run has several batches, or at least one."""
    chance = Random(9)  # noqa: S311 - a scenario
    people.edit_crowd(250)
    live, archived = list(people.portal.store.ids(archived=False)), list(people.portal.store.ids(archived=True))
    for deal_id in chance.sample(live, 8):
        people.portal.archive_deal(deal_id)
    people.portal.restore_deal(archived[3])
    people.portal.restore_deal(archived[-3])
    people.portal.purge_deal(archived[50])
    people.a_run_begins()
