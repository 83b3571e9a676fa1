"""What one case of the matrix plays on: a portal with people at work, a database, and an auditor."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import psycopg

from local_stack.simulation.checking import Auditor
from local_stack.simulation.orders import name_of
from local_stack.simulation.recovery import records_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hubspot_simulator import FaultRule, SimulatorServer
    from hubspot_simulator.access_log import LoggedRequest
    from local_stack.simulation.neighbours import Neighbour
    from local_stack.simulation.orders import Orders
    from local_stack.simulation.recovery import Version

ORGANIZATION_ID = UUID("00000000-0000-4000-8000-000000000004")
NEXT_DOOR_ID = UUID("00000000-0000-4000-8000-000000000005")


class Stage:
    """One organization over one portal in one database.

    Attributes:
        neighbour: another one in the same database; None where there is none.
        rules: HubSpot's faults.
        answers: of this run that brought deals, oldest first: endpoint class and deals.
        blows_beside: that fell while the neighbour's job was running.

    Args:
        first_run: the number of the next run; that of the template, if there was one, had a smaller one.
    """

    def __init__(
        self,
        simulator: SimulatorServer,
        orders: Orders,
        rules: Sequence[FaultRule],
        neighbour: Neighbour | None,
        *,
        first_run: int = 1,
    ) -> None:
        self._simulator, self._orders, self.people, self.database_url = (
            simulator,
            orders,
            orders.people,
            orders.database_url,
        )
        self.rules, self.neighbour = rules, neighbour
        self.answers: list[tuple[str, frozenset[Version]]] = []
        self.blows_beside = 0
        self._numbers = count(first_run)
        simulator.application.on_answer[:] = [self._see_answer]
        organizations = {ORGANIZATION_ID: self.people} | ({NEXT_DOOR_ID: neighbour.people} if neighbour else {})
        self.auditor = Auditor(self.database_url, organizations)
        self.next_run()

    def name(self, number: int) -> str:
        """application_name of an attempt."""
        return name_of(self._run, number)

    def next_run(self) -> Self:
        """The same stage, for another run."""
        self._run = f"run-{next(self._numbers)}"
        self.answers.clear()
        return self

    def next_commit(self, moment: datetime) -> datetime | None:
        """When the first batch after ``moment`` was committed."""
        committed: datetime | None
        ((committed,),) = self._ask("SELECT min(committed_at) FROM audit.commits WHERE committed_at > %s", moment)
        return committed

    def _see_answer(self, request: LoggedRequest, body: bytes) -> None:
        if request.portal_id == self.people.portal.portal_id and (records := records_in(request, body)):
            self.answers.append((request.endpoint, records))

    def order(self, mode: str, number: int, *, stand_still_at: list[Any] | None = None) -> dict[str, Any]:
        """What a worker needs to know of one attempt."""
        return self._orders.order(self._run, number, mode, stand_still_at=stand_still_at)

    def everybody_goes_home(self) -> None:
        """And the index catches up."""
        self._simulator.application.plan.clear()
        self.people.are_at_work = False
        if self.neighbour:
            self.neighbour.people.are_at_work = False
        self._simulator.clock.shift(120)

    def end_sessions(self, application: str) -> int:
        """As an administrator, or a timeout of the server's, ends them; how many there were."""
        ended = self._ask(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database()",
            application,
        )
        return len(ended)

    def take_for_dead(self) -> int:
        """As the hourly maintenance does after two minutes without a heartbeat; how many jobs."""
        silent = "UPDATE hubspot.jobs SET last_heartbeat = now() - interval '1 hour' WHERE organization_id = %s"
        self._ask(f"{silent} AND status = 'running' RETURNING id", ORGANIZATION_ID)
        ((reaped,),) = self._ask("SELECT hubspot.reap_silent_jobs()")
        return int(reaped)

    def has_claimed(self, application: str) -> bool:
        """Whether an attempt took an epoch, as the audit has noted."""
        return bool(self._ask("SELECT epoch FROM audit.attempts WHERE application = %s", application))

    def epoch(self) -> int:
        """How often somebody has begun, anew or from a checkpoint."""
        found = self._ask("SELECT epoch FROM hubspot.sync_state WHERE organization_id = %s", ORGANIZATION_ID)
        return int(found[0][0]) if found else 0

    def waits(self, application: str) -> bool:
        """Whether an attempt waits for a lock."""
        return bool(
            self._ask(
                "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'", application
            )
        )

    def _ask(self, statement: str, *parameters: object) -> list[Any]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()
