"""What the triggers of the audit note, without any code of the provider."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from uuid import UUID

import psycopg
import pytest

from hubspot_simulator import PortalSpec
from hubspot_simulator.clock import Clock
from hubspot_simulator.portal import Portal
from local_stack.databases import DatabaseServer
from local_stack.simulation import checking
from local_stack.simulation.checking import Auditor, InvariantBrokenError
from local_stack.simulation.people import People

ORGANIZATION = UUID(int=7)
OF_ANOTHER_EPOCH = "i14: nothing is written under another epoch than the current one"
WITHOUT_EPOCH = "i14: whoever writes took an epoch of its own before"
EPOCH_AGAIN = "i14: whoever was replaced takes no epoch again"


@pytest.fixture
def audited(postgres_server: DatabaseServer, simulation_template: str) -> Iterator[str]:
    name = "simulation_audit"
    url = postgres_server.create_database(name, template=simulation_template)
    write(url, "", "INSERT INTO hubspot.organizations (id, slug) VALUES (%(id)s, 'acme')")
    write(url, "", "INSERT INTO hubspot.sync_state (organization_id, type) VALUES (%(id)s, 'standard')")
    yield url
    postgres_server.drop_database(name)


def write(url: str, application: str, statement: str, **parameters: int) -> None:
    with psycopg.connect(url, autocommit=True, application_name=application) as connection:
        connection.execute(statement.encode(), {"id": ORGANIZATION, **parameters})


def claim(url: str, application: str, epochs: int = 1) -> None:
    taken = "UPDATE hubspot.sync_state SET epoch = epoch + %(epochs)s WHERE organization_id = %(id)s"
    write(url, application, taken, epochs=epochs)


def move_watermark(url: str, application: str) -> None:
    write(url, application, "UPDATE hubspot.sync_state SET watermark = now() WHERE organization_id = %(id)s")


def violations(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [invariant for (invariant,) in connection.execute("SELECT DISTINCT invariant FROM audit.violations")]


def test_whoever_claimed_last_may_write(audited: str) -> None:
    claim(audited, "first")
    claim(audited, "second")
    move_watermark(audited, "second")

    assert violations(audited) == []


def test_whoever_was_replaced_may_not(audited: str) -> None:
    claim(audited, "first")
    claim(audited, "second")
    move_watermark(audited, "first")

    assert violations(audited) == [OF_ANOTHER_EPOCH]


def test_a_claim_that_takes_no_epoch_is_none(audited: str) -> None:
    claim(audited, "first")
    claim(audited, "second", epochs=0)

    assert violations(audited) == [WITHOUT_EPOCH]


def test_whoever_was_replaced_takes_no_epoch_again(audited: str) -> None:
    claim(audited, "first")
    claim(audited, "first")  # it lost its connection, and nobody came meanwhile
    assert violations(audited) == []

    claim(audited, "second")
    claim(audited, "first")

    assert violations(audited) == [EPOCH_AGAIN]


def test_a_leaf_that_was_made_later_is_watched_too(audited: str) -> None:
    write(audited, "", "SELECT hubspot.ensure_deals_partition(%(id)s, 'standard')")
    deal = """
        INSERT INTO hubspot.hubspot_deals (_organization_id, _tenant_id, hubspot_deal_id, raw_properties)
        VALUES (%(id)s, %(id)s, 1, '{}')
    """
    write(audited, "nobody", deal)

    assert violations(audited) == [WITHOUT_EPOCH]


BESIDE_DEALS = {
    "associations": """
        INSERT INTO hubspot.deal_associations (organization_id, type, hubspot_deal_id, to_object_type, to_object_id,
                                               category, association_type_id)
        VALUES (%(id)s, 'standard', 1, 'companies', 2, 'HUBSPOT_DEFINED', 341)
    """,
    "history": """
        INSERT INTO hubspot.deal_property_history (organization_id, type, hubspot_deal_id, property, changed_at)
        VALUES (%(id)s, 'standard', 1, 'dealstage', now())
    """,
    "events": "SELECT hubspot.tell(%(id)s, 'unheard_of', '{}')",
}


@pytest.mark.parametrize("statement", BESIDE_DEALS.values(), ids=BESIDE_DEALS)
def test_whoever_was_replaced_writes_nothing_beside_deals_either(audited: str, statement: str) -> None:
    claim(audited, "first")
    claim(audited, "second")
    write(audited, "second", statement)
    assert violations(audited) == []

    write(audited, "first", statement.replace("1, ", "3, "))

    assert violations(audited) == [OF_ANOTHER_EPOCH]


def test_whoever_was_replaced_takes_nothing_away_either(audited: str) -> None:
    claim(audited, "first")
    write(audited, "first", BESIDE_DEALS["associations"])
    claim(audited, "second")

    write(audited, "first", "DELETE FROM hubspot.deal_associations")

    assert violations(audited) == [OF_ANOTHER_EPOCH]


DEAL = """
    INSERT INTO hubspot.hubspot_deals (_organization_id, _tenant_id, hubspot_deal_id, hs_lastmodifieddate)
    VALUES (%(id)s, %(id)s, 1, now())
"""
JOB = "INSERT INTO hubspot.jobs (organization_id, scan_id) VALUES (%(id)s, 'run')"
SYNC_STATE = "UPDATE hubspot.sync_state SET watermark = now(), epoch = 3"

# What is told, the statement before, and the one that brings it about.
NOTED = {
    "older version": (
        "i5: the version of a deal never goes back",
        DEAL,
        "UPDATE hubspot.hubspot_deals SET hs_lastmodifieddate = hs_lastmodifieddate - interval '1 ms'",
    ),
    "older watermark": (
        "i7: watermark and epoch never go back",
        SYNC_STATE,
        "UPDATE hubspot.sync_state SET watermark = watermark - interval '1 ms'",
    ),
    "watermark lost": (
        "i7: watermark and epoch never go back",
        SYNC_STATE,
        "UPDATE hubspot.sync_state SET watermark = NULL",
    ),
    "older epoch": ("i7: watermark and epoch never go back", SYNC_STATE, "UPDATE hubspot.sync_state SET epoch = 2"),
    "batch of a job that nobody runs": (
        "i10: a batch belongs to a running job",
        JOB,
        "UPDATE hubspot.jobs SET batches = 1",
    ),
}


@pytest.mark.parametrize(("invariant", "before", "statement"), NOTED.values(), ids=NOTED)
def test_what_goes_back_or_comes_too_late_is_noted(invariant: str, before: str, statement: str, audited: str) -> None:
    claim(audited, "first")
    write(audited, "", "SELECT hubspot.ensure_deals_partition(%(id)s, 'standard')")
    write(audited, "first", before)
    assert violations(audited) == []

    write(audited, "first", statement)

    assert invariant in violations(audited)


def test_each_invariant_of_the_audit_has_a_test_that_breaks_it() -> None:
    messages = set(re.findall(r"'(i\d+: [^']+)'", (Path(checking.__file__).parent / "audit.sql").read_text()))

    assert messages == {OF_ANOTHER_EPOCH, WITHOUT_EPOCH, EPOCH_AGAIN, *(invariant for invariant, *_ in NOTED.values())}


def test_people_who_never_claimed_may_tell_what_they_did(audited: str) -> None:
    write(audited, "a person", BESIDE_DEALS["events"])

    assert violations(audited) == []


def test_a_session_that_an_attempt_leaves_is_told(audited: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "GONE_WITHIN_S", 0.0)
    auditor = Auditor(audited, {})

    with psycopg.connect(audited, application_name="run/1"), pytest.raises(InvariantBrokenError, match="run/1"):
        auditor.check_quiescent("afterwards", with_purges=True)
    auditor.close()


def test_a_portal_without_deals_proves_nothing(audited: str) -> None:
    portal = Portal(PortalSpec(portal_id=1001, deals=0, archived=0), Clock())
    people = People(portal, Random(1), rate=0.0, crowd=0)  # noqa: S311 - not cryptography
    auditor = Auditor(audited, {ORGANIZATION: people})

    with pytest.raises(InvariantBrokenError, match="nothing to compare with"):
        auditor.check_quiescent("afterwards", with_purges=True)
    auditor.close()
