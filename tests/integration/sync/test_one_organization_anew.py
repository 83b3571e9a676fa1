"""One organization's copy made anew or restored: its readers miss nothing meanwhile, and the others notice nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from tests.integration.roles import Roles
from tests.integration.sync.conftest import Organization
from tests.integration.sync.test_lifecycle import SMALL

LIVE = "SELECT hubspot_deal_id, dealname FROM hubspot.tenant_deals() WHERE NOT archived"
ROWS = "SELECT *, xmin::text AS written_by FROM hubspot.{} WHERE {} = %s ORDER BY 1, 2"
KEPT = {
    "hubspot_deals": "_organization_id",
    "jobs": "organization_id",
    "job_events": "organization_id",
    "sync_state": "organization_id",
    "deals_quarantine": "organization_id",
    "usage_records": "organization_id",
    "portals": "organization_id",
}


@pytest.fixture
def bravo(acme: Organization) -> Organization:
    """Another organization in the same tables, loaded."""
    other = replace(acme, portal=acme.simulator.portal(1002), slug="bravo")
    other.sync()
    return other


def everything_of(organization: Organization) -> dict[str, Any]:
    return {table: organization.query(ROWS.format(table, owner), organization.id) for table, owner in KEPT.items()}


def purge_every_job(acme: Organization) -> None:
    for job in acme.jobs():
        acme.query("SELECT hubspot.purge_job(%s)", job["id"])


def test_g08_a_copy_that_is_read_anew_is_whole_to_its_readers_all_the_while(
    acme: Organization, bravo: Organization, roles: Roles
) -> None:
    acme.sync()
    before, of_others = {row["hubspot_deal_id"]: row["dealname"] for row in live(acme)}, everything_of(bravo)
    acme.portal.edit_deals(before, {"dealname": "Renamed"})
    seen: list[dict[int, str]] = []

    with roles.connected(roles.reader(), acme.id) as reader:
        acme.sync(mode="full", before=lambda *_: seen.append(dict(reader.execute(LIVE).fetchall())), **SMALL)

    assert len(seen) > 8
    assert {frozenset(deals) for deals in seen} == {frozenset(before)}
    assert all(name in (before[deal_id], "Renamed") for deals in seen for deal_id, name in deals.items())
    assert len({tuple(deals.values()) for deals in seen}) > 3  # batch by batch
    assert acme.differences() == []
    assert everything_of(bravo) == of_others


def test_g08_a_copy_that_was_purged_is_made_again_by_the_next_automatic_run(
    acme: Organization, bravo: Organization
) -> None:
    acme.sync()
    of_others = everything_of(bravo)
    purge_every_job(acme)
    assert acme.deals() == {}

    summary = acme.sync()

    assert (summary.mode, summary.counts["records_inserted"]) == ("full", 770)
    assert acme.differences() == []
    assert everything_of(bravo) == of_others
    assert acme.sync().mode == "incremental"


def test_g08_one_organization_is_restored_from_a_backup_and_brought_up_to_date(
    acme: Organization, bravo: Organization
) -> None:
    acme.sync()
    with psycopg.connect(acme.database_url) as owner:
        owner.execute("CREATE SCHEMA backup")
        owner.execute("CREATE TABLE backup.deals (LIKE hubspot.hubspot_deals)")
        of_acme = "SELECT * FROM hubspot.hubspot_deals WHERE _organization_id = %s"
        owner.execute(f"INSERT INTO backup.deals {of_acme}", [acme.id])
    first, second, third, *_ = sorted(acme.portal.live_deals())
    acme.portal.edit_deal(first, {"dealname": "Edited after the backup"})
    acme.portal.archive_deal(second)
    acme.portal.purge_deal(third)
    acme.simulator.clock.shift(60)
    acme.sync()
    of_others = everything_of(bravo)

    acme.execute("DELETE FROM hubspot.hubspot_deals WHERE _organization_id = %s", acme.id)
    acme.execute("INSERT INTO hubspot.hubspot_deals SELECT * FROM backup.deals")
    assert acme.differences() != []
    summary = acme.sync(mode="full")

    assert acme.differences() == []
    assert summary.counts["records_inserted"] == 0  # what the backup had was taken over
    assert everything_of(bravo) == of_others


def live(acme: Organization) -> list[dict[str, Any]]:
    return [deal for deal in acme.deals().values() if not deal["archived"]]
