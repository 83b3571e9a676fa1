"""The organizations of a scenario, each over a portal with people at work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import psycopg

from local_stack.simulation.people import People
from local_stack.simulation.truth import NOTHING_BESIDE, Beside

if TYPE_CHECKING:
    from hubspot_simulator import SimulatorServer
    from local_stack.simulation.scenario import Scenario

NAMESPACE = UUID("00000000-0000-4000-8000-000000000003")


@dataclass
class Tenant:
    """One organization over one portal."""

    slug: str
    people: People
    base_url: str
    database_url: str
    readers: int
    overlap: timedelta
    beside: Beside = NOTHING_BESIDE

    @property
    def id(self) -> UUID:
        """As the organizations file would make it."""
        return uuid5(NAMESPACE, self.slug)

    def execute(self, statement: str, parameters: tuple[Any, ...] = ()) -> int:
        """Run a statement as a person at a console would; how many rows it gave or touched."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(statement.encode(), parameters).rowcount


def tenants_of(scenario: Scenario, simulator: SimulatorServer, database_url: str) -> list[Tenant]:
    """One for each portal of the scenario."""
    return [
        Tenant(
            slug=f"tenant-{number}",
            people=_people(scenario, simulator, number),
            base_url=simulator.base_url,
            database_url=database_url,
            readers=scenario.readers,
            overlap=timedelta(seconds=scenario.overlap_s),
            beside=scenario.beside,
        )
        for number in range(len(scenario.portals))
    ]


def _people(scenario: Scenario, simulator: SimulatorServer, number: int) -> People:
    portal = simulator.portal(scenario.portals[number].portal_id)
    portal.set_search_lag(scenario.search_lag_s, jitter_s=scenario.lag_jitter_s)
    chance = Random(f"{scenario.seed}/people/{number}")  # noqa: S311 - a scenario, not a secret
    return People(
        portal,
        chance,
        rate=scenario.change_rate,
        crowd=scenario.crowd,
        bad=scenario.bad,
        associations=scenario.beside.associations,
    )
