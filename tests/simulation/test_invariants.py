"""A copy that is right passes; each thing planted into it is told by the invariant that it breaks."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import psycopg
import pytest

from hubspot_simulator import PortalSpec, SimulatorServer
from local_stack.databases import DatabaseServer
from local_stack.simulation.bad_deals import VERSION, Bad
from local_stack.simulation.checking import STATEMENTS, Auditor, InvariantBrokenError
from local_stack.simulation.people import People
from local_stack.simulation.truth import Beside
from tests.integration.sync.conftest import A_DAY_AGO_S, Organization
from tests.simulation.planted import OTHER, PLANTED

MESSAGE = r"SELECT '((?:i\d+: |no )[^']+)'"  # with which a statement begins the rows that break it
BESIDE = Beside(associations=("companies",), history=("dealstage",))


@dataclass
class Copied:
    """A copy after a full run, with one deal of each kind that is bad or was, and one that was merged."""

    acme: Organization
    people: People
    bad: int
    corrected: int
    odd: int

    def check(self) -> None:
        auditor = Auditor(self.acme.database_url, {self.acme.id: self.people}, BESIDE)
        try:
            auditor.check_quiescent("afterwards", with_purges=True)
        finally:
            auditor.close()

    def plant(self, statement: str, **more: object) -> None:
        known = {"bad": self.bad, "corrected": self.corrected, "odd": self.odd, "id": self.acme.id}
        known |= {"other": OTHER, "bad_text": str(self.bad), "corrected_text": str(self.corrected)}
        with psycopg.connect(self.acme.database_url, autocommit=True) as connection:
            for each in statement.split(";"):
                assert connection.execute(each.encode(), {**known, **more}).rowcount


@pytest.fixture(scope="module")
def loaded(postgres_server: DatabaseServer, simulation_template: str) -> Iterator[tuple[str, Copied]]:
    name = "simulation_loaded"
    url = postgres_server.create_database(name, template=simulation_template)
    spec = PortalSpec(portal_id=1001, deals=40, archived=5, seed=3, merge_survivor="primary")
    with SimulatorServer([spec], rate_limits=False) as simulator:
        simulator.clock.shift(A_DAY_AGO_S)
        portal = simulator.portal(1001)
        people = People(portal, Random(1), rate=0.0, crowd=0)  # noqa: S311 - a scenario
        bad, corrected, odd, survivor, loser, *_ = portal.store.ids(archived=False)
        for deal_id in (bad, corrected):
            portal.recalculate_deal(deal_id, {VERSION: "soon"})
        portal.edit_deal(odd, {"amount": "NaN"})
        settings = {"associations": BESIDE.associations, "history": BESIDE.history}
        acme = Organization(simulator=simulator, portal=portal, database_url=url, settings=settings)
        acme.sync()
        portal.edit_deal(corrected, {"dealname": "Corrected", "dealstage": "another"})
        portal.merge_deals(survivor, loser)
        acme.sync(mode="full")
        yield name, Copied(acme, people, bad, corrected, odd)
    postgres_server.drop_database(name)


@pytest.fixture
def copied(postgres_server: DatabaseServer, loaded: tuple[str, Copied]) -> Iterator[Copied]:
    template, before = loaded
    name, acme = "simulation_planted", before.acme
    url = postgres_server.create_database(name, template=template)
    again = Organization(simulator=acme.simulator, portal=acme.portal, database_url=url, settings=acme.settings)
    yield replace(before, acme=again)
    postgres_server.drop_database(name)


def test_a_copy_that_is_right_breaks_none(copied: Copied) -> None:
    copied.check()

    quarantined = copied.acme.query("SELECT reason_code, resolved_at IS NULL AS is_open FROM hubspot.deals_quarantine")
    assert sorted(map(str, quarantined)) == [
        f"{{'reason_code': '{Bad.VERSION}', 'is_open': {is_open}}}" for is_open in (False, True)
    ]


@pytest.mark.parametrize(("invariant", "statement"), PLANTED.values(), ids=PLANTED)
def test_what_is_planted_is_told(invariant: str, statement: str, copied: Copied) -> None:
    copied.plant(statement)

    with pytest.raises(InvariantBrokenError, match=invariant):
        copied.check()


def test_each_invariant_has_something_planted_that_breaks_it() -> None:
    told = {invariant for invariant, _ in PLANTED.values()}
    messages = [each for statement in STATEMENTS.values() for each in re.findall(MESSAGE, statement)]

    assert len(messages) > 20, "the pattern finds them"
    assert [each for each in messages if not each.startswith(tuple(told))] == []


LEAKS = {
    "jobs": "UPDATE hubspot.jobs SET error_message = 'Refused: ' || %(secret)s",
    "job_events": "INSERT INTO hubspot.job_events (organization_id, kind, details)"
    " VALUES (%(id)s, 'failure', jsonb_build_object('header', %(secret)s::text))",
    "sync_state": "UPDATE hubspot.sync_state SET selection = %(secret)s",
    "deals_quarantine": "UPDATE hubspot.deals_quarantine SET field_name = %(secret)s",
    "hubspot_deals": "UPDATE hubspot.hubspot_deals SET description = %(secret)s WHERE hubspot_deal_id = %(odd)s",
}


@pytest.mark.parametrize(("table", "statement"), LEAKS.items(), ids=LEAKS)
def test_a_secret_in_any_table_is_told(table: str, statement: str, copied: Copied) -> None:
    copied.plant(statement, secret=copied.acme.portal.spec.token)

    with pytest.raises(InvariantBrokenError, match=f"i16: no secret is in any table: {table}") as raised:
        copied.check()
    assert copied.acme.portal.spec.token not in str(raised.value)


def test_a_secret_among_the_bytes_of_a_bad_record_is_told(copied: Copied) -> None:
    record = (
        b'{"id":"x","properties":{"hs_lastmodifieddate":"2024-01-01","a":"%b"}}'
        % copied.acme.portal.spec.token.encode()
    )
    copied.plant(
        "UPDATE hubspot.deals_quarantine SET raw = %(raw)s, raw_sha256 = %(sha256)s WHERE deal_id_text = %(bad_text)s",
        raw=zlib.compress(record),
        sha256=hashlib.sha256(record).digest(),
    )

    with pytest.raises(InvariantBrokenError, match="i16: no secret is in any table: deals_quarantine"):
        copied.check()
