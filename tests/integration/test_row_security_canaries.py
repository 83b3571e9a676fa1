"""100 organizations of 1,000 deals, each marked by its own canary: no reader meets another's in 10,000 random reads."""

from __future__ import annotations

import random
from collections.abc import Sequence
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from tests.integration.roles import Roles
from tests.integration.tenant import NAMESPACE

TENANTS = 100
DEALS = 1_000
READS = 10_000
SEED = 20261121

FILL = """
INSERT INTO hubspot.organizations (id, slug, name)
SELECT uuid_in(md5(%(seed)s || n)::cstring), 'tenant-' || n, 'canary-' || uuid_in(md5(%(seed)s || n)::cstring)
FROM generate_series(1, %(tenants)s) AS n;

SELECT hubspot.ensure_deals_partition(id, 'standard') FROM hubspot.organizations;

INSERT INTO hubspot.jobs (organization_id, scan_id, config, error_message, job_metadata)
SELECT id, 'scan ' || name, jsonb_build_object('note', name), name, jsonb_build_object('note', name)
FROM hubspot.organizations;

INSERT INTO hubspot.sync_state (organization_id, type, selection)
SELECT id, 'standard', name FROM hubspot.organizations;

INSERT INTO hubspot.deals_quarantine (
    organization_id, type, deal_id_text, reason_code, raw, raw_is_cut, raw_sha256, job_id
)
SELECT id, 'standard', name, name, '', false, '', gen_random_uuid() FROM hubspot.organizations;

INSERT INTO hubspot.hubspot_deals (
    hubspot_deal_id, _organization_id, _tenant_id, dealname, dealstage, amount, raw_properties
)
SELECT n, id, id, name || ' ' || n, 'stage ' || n %% 7, n, jsonb_build_object('dealname', name)
FROM hubspot.organizations, generate_series(1, %(deals)s) AS n;
"""
OWN, OTHERS, LEAF = "own", "others", "leaf"
# What is asked for, how often, and the question. To plan a read of 100 leaves takes 100 times as long as of one.
QUESTIONS = [
    (OWN, 1, "SELECT deal FROM hubspot.hubspot_deals AS deal WHERE hubspot_deal_id = %(id)s"),
    (OWN, 10, "SELECT d FROM hubspot.hubspot_deals AS d WHERE _organization_id = %(own)s AND hubspot_deal_id = %(id)s"),
    (OTHERS, 10, "SELECT FROM hubspot.hubspot_deals WHERE _organization_id = %(other)s AND hubspot_deal_id = %(id)s"),
    (
        OWN,
        10,
        "SELECT d FROM hubspot_reporting.hubspot_deals AS d WHERE tenant_id = %(own)s AND deal_id = %(id)s",
    ),
    (OTHERS, 10, "SELECT FROM hubspot_reporting.hubspot_deals WHERE tenant_id = %(other)s AND deal_id = %(id)s"),
    (OWN, 10, "SELECT deal FROM hubspot.tenant_deals() AS deal WHERE hubspot_deal_id = %(id)s"),
    (OWN, 3, "SELECT job FROM hubspot.scan_jobs AS job"),
    (OWN, 3, "SELECT job FROM hubspot.jobs AS job"),
    (OWN, 3, "SELECT event FROM hubspot.job_events AS event"),
    (OTHERS, 3, "SELECT FROM hubspot.job_events WHERE organization_id = %(other)s"),
    (OWN, 5, "SELECT dealname FROM hubspot_reporting.deals_with_names WHERE tenant_id = %(own)s LIMIT 1"),
    (OTHERS, 3, "SELECT FROM hubspot.scan_jobs WHERE tenant_id = %(other)s"),
    (OWN, 3, "SELECT organization FROM hubspot.organizations AS organization"),
    (OWN, 3, "SELECT state FROM hubspot.sync_state AS state"),
    (OWN, 3, "SELECT reason_code FROM hubspot.deals_quarantine"),
    (LEAF, 10, "SELECT deal FROM hubspot.hubspot_deals_standard_{leaf} AS deal WHERE hubspot_deal_id = %(id)s"),
]
KINDS = ("reader", "bound", "member of a bound role", "bound, in the role of a reader")
READERS = 10  # of each kind


@pytest.fixture
def organizations(database_url: str) -> list[UUID]:
    with psycopg.connect(database_url, autocommit=True) as owner:
        for statement in FILL.split(";\n\n"):
            owner.execute(statement, {"seed": str(NAMESPACE), "tenants": TENANTS, "deals": DEALS})
        return [row[0] for row in owner.execute("SELECT id FROM hubspot.organizations ORDER BY id")]


@pytest.mark.timeout(600)
def test_f05_ten_thousand_random_reads_of_each_kind_of_reader_meet_no_foreign_canary(
    roles: Roles, organizations: list[UUID]
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable
    reader = roles.reader()
    for kind in KINDS:
        for own in chance.sample(organizations, READERS):
            others = [organization for organization in organizations if organization != own]
            # A bound role may set what it likes.
            with roles.connected(
                a_role(roles, kind, own, reader), own if kind == "reader" else others[0]
            ) as connection:
                if kind.endswith("of a reader"):
                    connection.execute(f"SET ROLE {reader}")
                read_at_random(connection, chance, own, others)


def a_role(roles: Roles, kind: str, own: UUID, reader: str) -> str:
    if kind == "reader":
        return reader
    bound = roles.bound(own)
    if kind.startswith("member"):
        return roles.login(member_of=bound)
    if kind.endswith("of a reader"):
        roles.execute(f"GRANT {reader} TO {bound}")
    return bound


def read_at_random(connection: psycopg.Connection, chance: random.Random, own: UUID, others: Sequence[UUID]) -> None:
    """``READS / READERS`` questions: those about others are answered by nothing, the rest by the own canary alone."""
    for about, _, question in chance.choices(QUESTIONS, [often for _, often, _ in QUESTIONS], k=READS // READERS):
        other = chance.choice(others)
        leaf = chance.choice([own, other]).hex
        parameters = {"own": own, "other": other, "id": chance.randint(1, DEALS)}
        try:
            rows = connection.execute(question.format(leaf=leaf), parameters).fetchall()
        except InsufficientPrivilege:
            assert about == LEAF
            continue
        assert (about, leaf) != (LEAF, other.hex)
        assert len(rows) == (0 if about == OTHERS else 1)
        for (row,) in rows:
            assert str(row).count("canary-") == str(row).count(f"canary-{own}") > 0
