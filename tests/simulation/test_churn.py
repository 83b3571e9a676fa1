"""People change deals at every request, attempts die at random, and the copy is right in the end.

One seed decides everything. A failure names it; run it again with ``./run test simulation -k <seed>``. When several
readers share the list of deals, threads have their say in the order of what happens, too.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from airflow_provider_hubspot_deals.exceptions import RetriableError
from airflow_provider_hubspot_deals.extraction import ranges
from airflow_provider_hubspot_deals.sync import JobOrigin
from hubspot_simulator import PortalSpec, SimulatorServer
from hubspot_simulator.portal import Portal
from tests.integration.sync.conftest import A_DAY_AGO_S, Organization

SEEDS = range(1, 1 + int(os.environ.get("SIMULATION_SEEDS", "8")))
RUNS = 5  # of which the first is a full one
ATTEMPTS_MAX = 12
DEATH_RATE = 0.08  # of requests
CHANGE_RATE = 0.6


class People:
    """Users of a portal who never stop."""

    def __init__(self, portal: Portal, chance: random.Random) -> None:
        self._portal, self._chance = portal, chance
        self.changes = 0
        self._long_archived: set[int] = set()

    def a_run_begins(self) -> None:
        """A deal that is archived and restored within one run, and was never read before, shows nowhere: see docs."""
        self._long_archived = set(self._portal.archived_deals())

    def change_something(self) -> None:
        live = sorted(self._portal.live_deals())
        archived = sorted(self._portal.archived_deals().keys() & self._long_archived)
        verbs: list[Callable[[], object]] = [
            lambda: self._portal.create_deal({"dealname": f"New {self.changes}", "amount": "10"}),
            lambda: self._portal.edit_deals(self._some(live, 5), {"dealname": f"Edited {self.changes}"}),
            lambda: self._portal.archive_deal(self._chance.choice(live)),
            lambda: self._portal.merge_deals(*self._some(live, 2)),
            lambda: self._portal.purge_deal(self._chance.choice(live)),
            lambda: self._portal.recalculate_deal(self._chance.choice(live), {"hs_forecast_amount": "7"}),
        ]
        if archived:
            verbs.append(lambda: self._portal.restore_deal(self._chance.choice(archived)))
        self._chance.choice(verbs)()
        self.changes += 1

    def _some(self, ids: list[int], count: int) -> list[int]:
        return self._chance.sample(ids, count)


def survive(organization: Organization, run: int, chance: random.Random, people: People) -> None:
    """Attempts of one run until one succeeds."""

    def before(_call: str, _number: int) -> None:
        organization.simulator.clock.shift(chance.choice([0, 0.001, 0.7, 2]))
        if chance.random() < CHANGE_RATE:
            people.change_something()
        if chance.random() < DEATH_RATE:
            raise RetriableError("this attempt dies here")

    for attempt in range(1, ATTEMPTS_MAX + 1):
        origin = JobOrigin(
            dag_id="deals", run_id=f"run-{run}", task_id="load", try_number=attempt, max_tries=ATTEMPTS_MAX
        )
        try:
            organization.sync(origin=origin, before=before, batch_rows=chance.choice([50, 150, 5000]))
        except RetriableError:
            continue
        return
    pytest.fail(f"run {run} died {ATTEMPTS_MAX} times")


def check_watermark(organization: Organization) -> None:
    """The heart: no live deal that was last modified before the watermark is missing or old."""
    watermark = organization.sync_state()["watermark"]
    stored = {row["hubspot_deal_id"]: row["hs_lastmodifieddate"] for row in organization.deals().values()}
    for deal_id, record in organization.portal.live_deals().items():
        modified = datetime.fromisoformat(record["properties"]["hs_lastmodifieddate"])
        if modified <= watermark:
            assert stored.get(deal_id) is not None, f"deal {deal_id} is lost"
            assert stored[deal_id] >= modified, f"deal {deal_id} is stale"


@pytest.mark.parametrize("readers", [1, 4], ids=["one reader", "four readers"])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_copy_is_right_whatever_people_do_and_wherever_attempts_die(
    seed: int, readers: int, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "PAGES_TO_SPLIT", 1.5)  # so that small portals are shared as well
    chance = random.Random(seed)  # noqa: S311 - a scenario, not a secret
    spec = PortalSpec(
        portal_id=1001,
        deals=chance.choice([40, 330, 520]),
        archived=chance.choice([3, 120]),
        seed=seed,
        merge_survivor=chance.choice(["new", "primary"]),
        restore_bumps_modified=chance.random() < 0.5,
    )
    with SimulatorServer([spec], rate_limits=False) as simulator:
        simulator.clock.freeze()
        simulator.clock.shift(A_DAY_AGO_S)
        organization = Organization(simulator=simulator, portal=simulator.portal(1001), database_url=database_url)
        organization.portal.set_search_lag(chance.choice([0, 2]))
        organization.settings |= {"search_lag": timedelta(seconds=3), "requests_in_flight": readers}
        organization.side_by_side = readers
        people = People(organization.portal, chance)
        for run in range(RUNS):
            people.a_run_begins()
            survive(organization, run, chance, people)
            check_watermark(organization)

        simulator.clock.shift(60)  # people go home; the index catches up
        organization.sync(mode="full")

        assert organization.differences() == []
        assert [job["status"] for job in organization.jobs()] == ["completed"] * (RUNS + 1)
        assert people.changes > 0
