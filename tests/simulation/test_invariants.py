"""A copy that is right passes; each thing planted into it is told by the invariant that it breaks."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from uuid import UUID

import psycopg
import pytest

from hubspot_simulator import PortalSpec, SimulatorServer
from local_stack.databases import DatabaseServer
from local_stack.simulation.bad_deals import VERSION, Bad
from local_stack.simulation.checking import Auditor, InvariantBrokenError
from local_stack.simulation.people import People
from local_stack.simulation.truth import Beside
from tests.integration.sync.conftest import A_DAY_AGO_S, Organization

OTHER = UUID(int=9)
BESIDE = Beside(associations=("companies",), history=("dealstage",))


@dataclass
class Copied:
    """A copy after a full run, with one deal of each kind that is bad or was."""

    acme: Organization
    bad: int
    corrected: int
    odd: int

    def check(self) -> None:
        portal = self.acme.portal
        people = People(portal, Random(1), rate=0.0, crowd=0)  # noqa: S311 - a scenario
        auditor = Auditor(self.acme.database_url, {self.acme.id: people}, BESIDE)
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
    with SimulatorServer([PortalSpec(portal_id=1001, deals=40, archived=5, seed=3)], rate_limits=False) as simulator:
        simulator.clock.shift(A_DAY_AGO_S)
        portal = simulator.portal(1001)
        bad, corrected, odd, *_ = portal.store.ids(archived=False)
        for deal_id in (bad, corrected):
            portal.recalculate_deal(deal_id, {VERSION: "soon"})
        portal.edit_deal(odd, {"amount": "NaN"})
        settings = {"associations": BESIDE.associations, "history": BESIDE.history}
        acme = Organization(simulator=simulator, portal=portal, database_url=url, settings=settings)
        acme.sync()
        portal.edit_deal(corrected, {"dealname": "Corrected", "dealstage": "another"})
        acme.sync(mode="full")
        yield name, Copied(acme, bad, corrected, odd)
    postgres_server.drop_database(name)


@pytest.fixture
def copied(postgres_server: DatabaseServer, loaded: tuple[str, Copied]) -> Iterator[Copied]:
    template, before = loaded
    name, acme = "simulation_planted", before.acme
    url = postgres_server.create_database(name, template=template)
    again = Organization(simulator=acme.simulator, portal=acme.portal, database_url=url, settings=acme.settings)
    yield Copied(again, before.bad, before.corrected, before.odd)
    postgres_server.drop_database(name)


def test_a_copy_that_is_right_breaks_none(copied: Copied) -> None:
    copied.check()

    quarantined = copied.acme.query("SELECT reason_code, resolved_at IS NULL AS is_open FROM hubspot.deals_quarantine")
    assert sorted(map(str, quarantined)) == [
        f"{{'reason_code': '{Bad.VERSION}', 'is_open': {is_open}}}" for is_open in (False, True)
    ]


UNGUARDED = "ALTER TABLE hubspot.hubspot_deals DROP CONSTRAINT chk_numbers_are_finite"
TO_COMPANY = """
    INSERT INTO hubspot.deal_associations
        (organization_id, type, hubspot_deal_id, to_object_type, to_object_id, category, association_type_id)
    VALUES (%(id)s, 'standard', {}, 'companies', 7, 'HUBSPOT_DEFINED', 341)
"""

PLANTED = {
    "bad record lost": (
        "i4: a bad record is in quarantine",
        "DELETE FROM hubspot.deals_quarantine WHERE resolved_at IS NULL",
    ),
    "bad record lost below the watermark": (
        "i6: the watermark never passes a bad record",
        "DELETE FROM hubspot.deals_quarantine WHERE resolved_at IS NULL",
    ),
    "bad record resolved for nothing": (
        "i4: a bad record is in quarantine",
        "UPDATE hubspot.deals_quarantine SET resolved_at = now() WHERE deal_id_text = %(bad_text)s",
    ),
    "good version that resolves nothing": (
        "i4: a good version resolves",
        "UPDATE hubspot.deals_quarantine SET resolved_at = NULL WHERE deal_id_text = %(corrected_text)s",
    ),
    "bad record of a deal marked as gone": (
        "i4: a deal of which HubSpot has a bad record is not gone",
        (
            "UPDATE hubspot.hubspot_deals SET hubspot_deal_id = %(bad)s, hs_object_id = %(bad)s, archived = true,"
            " _deleted_at = now(), _deleted_reason = 'missing' WHERE hubspot_deal_id = %(odd)s"
        ),
    ),
    "value without its issue": (
        "i4: a bad value is an issue",
        "UPDATE hubspot.hubspot_deals SET _value_issues = NULL WHERE hubspot_deal_id = %(odd)s",
    ),
    "bad record of nobody's deal": (
        "i13: a bad record is of the organization",
        (
            "INSERT INTO hubspot.organizations (id, slug) VALUES (%(other)s, 'other');"
            "UPDATE hubspot.deals_quarantine SET organization_id = %(other)s WHERE deal_id_text = %(bad_text)s"
        ),
    ),
    "other bytes than hashed": (
        "i19: the hash of a bad record",
        "UPDATE hubspot.deals_quarantine SET raw_sha256 = sha256('other') WHERE deal_id_text = %(bad_text)s",
    ),
    "batch that another transaction wrote": ("i20: a batch names", "UPDATE hubspot.job_batches SET pages = pages"),
    "batch of a transaction that is still to come": (
        "i20: a batch names",
        "UPDATE hubspot.job_batches SET xid = (pg_current_xact_id()::text::bigint + 10000)::text::xid8",
    ),
    "amount that is none": (
        "i21: numbers are numbers",
        f"{UNGUARDED}; UPDATE hubspot.hubspot_deals SET amount = 'NaN' WHERE hubspot_deal_id = %(corrected)s",  # noqa: S608 - words of this test
    ),
    "endless number": (
        "i21: numbers are numbers",
        (
            f"{UNGUARDED}; UPDATE hubspot.hubspot_deals SET hs_forecast_probability = '-Infinity'"  # noqa: S608 - as above
            " WHERE hubspot_deal_id = %(corrected)s"
        ),
    ),
    "endless time": (
        "i22: times are of our centuries",
        "UPDATE hubspot.hubspot_deals SET closedate = 'infinity' WHERE hubspot_deal_id = %(corrected)s",
    ),
    "time of another age": (
        "i22: times are of our centuries",
        "UPDATE hubspot.hubspot_deals SET createdate = '0001-01-01Z' WHERE hubspot_deal_id = %(corrected)s",
    ),
    "watermark of tomorrow": (
        "i22: nothing has happened in the future",
        "UPDATE hubspot.sync_state SET watermark = now() + interval '2 days'",
    ),
    "association lost": (
        "i3: what is kept beside deals is complete",
        (
            "DELETE FROM hubspot.deal_associations WHERE to_object_id ="
            " (SELECT min(to_object_id) FROM hubspot.deal_associations WHERE hubspot_deal_id <> %(bad)s)"
        ),
    ),
    "association of yesterday": (
        "i3: beside deals nothing is kept",
        TO_COMPANY.format("%(odd)s"),
    ),
    "association of another's deal": (
        "i13: what is kept beside deals",
        TO_COMPANY.format(7),
    ),
    "history lost": (
        "i3: what is kept beside deals is complete",
        "DELETE FROM hubspot.deal_property_history WHERE hubspot_deal_id = %(corrected)s AND value = 'another'",
    ),
    "history of the future": (
        "i22: nothing has happened in the future",
        (
            "UPDATE hubspot.deal_property_history SET changed_at = '3000-01-01Z' WHERE hubspot_deal_id = %(corrected)s"
            " AND value = 'another'"
        ),
    ),
}


@pytest.mark.parametrize(("invariant", "statement"), PLANTED.values(), ids=PLANTED)
def test_what_is_planted_is_told(invariant: str, statement: str, copied: Copied) -> None:
    copied.plant(statement)

    with pytest.raises(InvariantBrokenError, match=invariant):
        copied.check()


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
