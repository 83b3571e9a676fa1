"""What one case of the matrix plays on: a portal with people at work, a database, and an auditor."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from random import Random
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg

from hubspot_simulator import FaultRule, PortalSpec, SimulatorServer
from hubspot_simulator.faults import Fault
from local_stack.simulation.checking import Auditor
from local_stack.simulation.people import People
from local_stack.simulation.recovery import records_in
from local_stack.simulation.scenario import READING, drawn_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from hubspot_simulator.access_log import LoggedRequest
    from local_stack.databases import DatabaseServer
    from local_stack.simulation.recovery import Version

ORGANIZATION, ORGANIZATION_ID = "matrix", UUID("00000000-0000-4000-8000-000000000004")
TWO_DAYS_S = 172_800.0
SEARCH_LAG_S, LAG_JITTER_S = 20.0, 20.0  # of the operator's minute
FIXED = 0
PORTAL = PortalSpec(portal_id=1001, deals=330, archived=120, seed=5)
# Faults that cost no pause: what they try is whether the right deals are read, not how long we wait.
RULES: tuple[dict[str, Any], ...] = (
    {"endpoint": "list", "every": 3, "nth": 2, "fault": Fault.DUPLICATE_RECORD},
    {"endpoint": "search", "every": 3, "nth": 2, "fault": Fault.SHORT_PAGE},
    {"endpoint": "batch_read", "every": 3, "nth": 2, "fault": Fault.OLD_RECORDS},
    {"endpoint": "list", "every": 4, "nth": 3, "fault": Fault.CLOSE},
)


class Stage:
    """One organization over one portal in one database.

    Attributes:
        rules: HubSpot's faults.
        answers: of this run that brought deals, oldest first: endpoint class and deals.
    """

    def __init__(
        self,
        simulator: SimulatorServer,
        people: People,
        database_url: str,
        proxy_port: int,
        rules: Sequence[FaultRule],
    ) -> None:
        self._simulator, self.people, self._url, self._proxy_port = simulator, people, database_url, proxy_port
        self.rules = rules
        self.answers: list[tuple[str, frozenset[Version]]] = []
        simulator.application.on_answer[:] = [self._see_answer]
        self.auditor = Auditor(database_url, {ORGANIZATION_ID: people})
        self.next_run()

    def name(self, number: int) -> str:
        """application_name of an attempt."""
        return f"{self._run}/{number}"

    def next_run(self) -> Self:
        """The same stage, for another run."""
        self._run = f"run-{uuid4().hex[:8]}"
        self.answers.clear()
        return self

    def next_commit(self, moment: datetime) -> datetime | None:
        """When the first batch after ``moment`` was committed."""
        committed: datetime | None
        ((committed,),) = self._ask("SELECT min(committed_at) FROM audit.commits WHERE committed_at > %s", moment)
        return committed

    def _see_answer(self, request: LoggedRequest, body: bytes) -> None:
        if records := records_in(request, body):
            self.answers.append((request.endpoint, records))

    def order(self, mode: str, number: int, *, stand_still_at: list[Any] | None = None) -> dict[str, Any]:
        """What a worker needs to know of one attempt."""
        arguments = {
            "organization": ORGANIZATION,
            "organization_id": str(ORGANIZATION_ID),
            "mode": mode,
            "batch_rows": 100,
            "search_lag_minutes": 1,
            "overlap_minutes": 0,
        }
        return {
            "arguments": arguments,
            "environment": self._connections(number),
            "try": {"run_id": self._run, "try_number": number, "max_tries": 99},
            "stand_still_at": stand_still_at,
        }

    def everybody_goes_home(self) -> None:
        """And the index catches up."""
        self._simulator.application.plan.clear()
        self.people.are_at_work = False
        self._simulator.clock.shift(120)

    def end_sessions(self, application: str) -> int:
        """As an administrator, or a timeout of the server's, ends them; how many there were."""
        ended = self._ask(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database()",
            application,
        )
        return len(ended)

    def has_claimed(self, application: str) -> bool:
        """Whether an attempt took an epoch, as the audit has noted."""
        return bool(self._ask("SELECT epoch FROM audit.attempts WHERE application = %s", application))

    def waits(self, application: str) -> bool:
        """Whether an attempt waits for a lock."""
        return bool(
            self._ask(
                "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'", application
            )
        )

    def _ask(self, statement: str, *parameters: object) -> list[Any]:
        with psycopg.connect(self._url, autocommit=True) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def _connections(self, number: int) -> dict[str, str]:
        parts, token = urlsplit(self._url), self.people.portal.spec.token
        hubspot = {"conn_type": "hubspot", "password": token, "host": self._simulator.base_url}
        where = {"host": "127.0.0.1", "port": self._proxy_port, "schema": parts.path[1:]}
        who = {"login": parts.username, "password": parts.password}
        extra = {"application_name": self.name(number), "sslmode": "disable"}
        postgres = {"conn_type": "postgres", **where, **who, "extra": extra}
        return {
            "AIRFLOW_CONN_HUBSPOT_DEFAULT": json.dumps({**hubspot, "extra": {"allow_other_hosts": True}}),
            "AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES": json.dumps(postgres),
        }


class Stages:
    """Makes stages over one simulator; a context manager.

    Each has the portal as it was generated, so that one full load serves every incremental case.
    """

    def __init__(self, server: DatabaseServer, template: str, proxy_port: int) -> None:
        self._server, self._proxy_port = server, proxy_port
        self._templates = {"full": template}
        self._open = ExitStack()
        self._served = 0

    def __enter__(self) -> Self:
        self._simulator = self._open.enter_context(SimulatorServer([PORTAL], rate_limits=False))
        self._simulator.clock.shift(-TWO_DAYS_S)  # it only moves on, from case to case
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @contextmanager
    def stage(self, mode: str, seed: int, *, worker: Callable[[Stage, str], object]) -> Iterator[Stage]:
        """A fresh one; for an incremental run one that ``worker`` has loaded before.

        Args:
            seed: what people and HubSpot do; ``FIXED`` has faults that cost no pause.
            worker: runs a whole run on a stage.
        """
        if mode == "incremental" and mode not in self._templates:
            self._templates[mode] = self._loaded(worker)
        stage, name = self._made(self._templates[mode], seed)
        stage.people.are_at_work = True
        if mode == "incremental":
            _change_much(stage.people)
        try:
            yield stage
        finally:
            self._simulator.application.on_request.clear()
            self._simulator.application.on_answer.clear()
            stage.auditor.close()
            self._server.drop_database(name)

    def _loaded(self, worker: Callable[[Stage, str], object]) -> str:
        stage, name = self._made(self._templates["full"], FIXED)
        stage.people.are_at_work = False
        worker(stage, "full")
        stage.auditor.close()
        self._open.callback(self._server.drop_database, name)
        return name

    def _made(self, template: str, seed: int) -> tuple[Stage, str]:
        self._served += 1
        name = f"simulation_matrix_{self._served}"
        url = self._server.create_database(name, template=template)
        portal = self._simulator.account(PORTAL.portal_id).renew_portal()
        portal.set_search_lag(SEARCH_LAG_S, jitter_s=LAG_JITTER_S)
        people = People(portal, Random(seed), rate=0.5, crowd=0)  # noqa: S311 - a scenario
        self._simulator.application.plan.clear()
        chance = Random(f"{seed}/faults")  # noqa: S311 - a scenario
        fixed = [FaultRule(times=None, **rule) for rule in RULES]
        rules = drawn_rules(chance, 3, has_old_records=True) if seed else fixed
        for rule in rules:
            self._simulator.add_fault(rule)
        self._at_request(people, seed)
        return Stage(self._simulator, people, url, self._proxy_port, rules), name

    def _at_request(self, people: People, seed: int) -> None:
        moves, clock = Random(f"{seed}/clock"), self._simulator.clock  # noqa: S311 - a scenario

        def change(endpoint: str, _portal_id: int | None) -> None:
            if endpoint in READING and people.are_at_work:
                clock.shift(moves.choice([0, 0.001, 0.999, 1, 9]))
                people.see_request(endpoint)

        self._simulator.application.on_request[:] = [change]


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
