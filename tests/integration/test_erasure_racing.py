"""Whatever else changes an organization while it is erased comes before, and goes with it, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg
import pytest

from tests.integration.deliveries import note_delivery
from tests.integration.tenant import Tenant, a_run
from tests.integration.test_erasure import erase, rows_about, wait_for_lock

OLD_DAY = "INSERT INTO hubspot.usage_records (organization_id, type, day) VALUES (%s, 'standard', '2001-01-01')"
ABSENT = (
    "INSERT INTO hubspot.absent_deals (organization_id, type, hubspot_deal_id, job_id) VALUES (%s, 'standard', 1, %s)"
)
BAD = """
    INSERT INTO hubspot.deals_quarantine (organization_id, type, reason_code, raw, raw_is_cut, raw_sha256, job_id)
    VALUES (%s, 'standard', 'BAD_ID', 'x', false, 'x', %s)
"""
DEAL = "INSERT INTO hubspot_reporting.hubspot_deals (hubspot_deal_id, organization_id, _type) VALUES (1, '{}', '{}')"


@pytest.fixture
def acme(database_url: str) -> Tenant:
    tenant = Tenant(database_url, "acme-7f3a91")
    first = tenant.claim()
    tenant.execute("UPDATE hubspot.jobs SET status = 'cancelled', api_calls = 1 WHERE id = %s", first.id)
    tenant.claim(a_run("second"))
    tenant.execute(OLD_DAY, tenant.id)
    tenant.execute(ABSENT, tenant.id, first.id)
    tenant.execute(BAD, tenant.id, first.id)
    note_delivery(tenant, "example.com")
    return tenant


CHANGES: dict[str, Callable[[Tenant], str]] = {
    "phase set by hand": lambda _: "UPDATE hubspot.jobs SET phase = 'live' WHERE status = 'running'",
    "cancelled by hand": lambda _: "UPDATE hubspot.jobs SET status = 'cancelled' WHERE status = 'running'",
    "reaped": lambda _: "SELECT hubspot.reap_silent_jobs('0 s')",
    "usage expired": lambda _: "SELECT hubspot.expire_usage()",
    "event": lambda tenant: f"SELECT hubspot.tell('{tenant.id}', 'made_by_hand', '{{}}')",
    "deal": lambda tenant: DEAL.format(tenant.id, "sandbox"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_begun_before_is_waited_for_and_erased(acme: Tenant, change: str) -> None:
    with ThreadPoolExecutor() as threads, acme.connect() as connection:
        with connection.transaction():
            assert connection.execute(CHANGES[change](acme)).rowcount == 1
            erasing = threads.submit(erase, acme)
            wait_for_lock(acme)
        assert erasing.result()["rows"]["organizations"] == 1
    assert rows_about(acme) == []


@pytest.mark.parametrize("change", CHANGES)
def test_what_comes_during_it_finds_nothing_or_is_refused(acme: Tenant, change: str) -> None:
    with ThreadPoolExecutor() as threads, acme.connect() as connection:
        with connection.transaction():
            connection.execute("SELECT hubspot.erase_organization(%s)", [acme.id])
            changing = threads.submit(acme.execute, CHANGES[change](acme))
            if change in ("reaped", "usage expired"):
                changing.result()  # the maintenance passes by what is in use
            else:
                wait_for_lock(acme)
        if change in ("event", "deal"):
            with pytest.raises(psycopg.errors.ForeignKeyViolation, match=r"no organization|erased meanwhile"):
                changing.result()
    assert rows_about(acme) == []


DUE = {
    "archive_jobs": "UPDATE hubspot.jobs SET end_time = now() - interval '100 days' WHERE status = 'cancelled'",
    "expire_archive": """
        SELECT hubspot.archive_jobs(); UPDATE hubspot.jobs_archive SET archived_at = now() - interval '400 days'
    """,
    "expire_usage": "SELECT",
    "expire_notifications": "UPDATE hubspot.notification_deliveries SET started_at = now() - interval '100 days'",
    "expire_quarantine": "UPDATE hubspot.deals_quarantine SET last_seen = now() - interval '100 days'",
}


@pytest.mark.parametrize("step", DUE)
def test_the_maintenance_passes_by_what_the_erasure_has_not_come_to_yet(acme: Tenant, step: str) -> None:
    acme.execute(DUE["archive_jobs"])
    acme.execute(DUE[step])
    with ThreadPoolExecutor() as threads, acme.connect() as connection:
        with connection.transaction():
            connection.execute("SELECT FROM hubspot.absent_deals FOR UPDATE")
            erasing = threads.submit(erase, acme)
            wait_for_lock(acme)
            assert threads.submit(acme.query, f"SELECT hubspot.{step}() AS rows").result(5) == [{"rows": 0}]
        assert erasing.result()["rows"]["organizations"] == 1
    assert rows_about(acme) == []


def test_an_erasure_that_a_person_runs_into_erases_everything_or_says_that_it_erased_nothing(acme: Tenant) -> None:
    with ThreadPoolExecutor() as threads, acme.connect() as connection:
        with suppress(psycopg.errors.DeadlockDetected), connection.transaction():
            connection.execute("UPDATE hubspot.jobs SET config = '{}' WHERE status = 'running'")
            erasing = threads.submit(erase, acme)
            wait_for_lock(acme)
            connection.execute(CHANGES["cancelled by hand"](acme))
        with suppress(psycopg.errors.LockNotAvailable):
            erasing.result()
            return
    erase(acme)
    assert rows_about(acme) == []


def test_a_leaf_under_another_name_is_erased_as_well(acme: Tenant) -> None:
    acme.execute(DEAL.format(acme.id, "standard"))
    acme.execute(f"ALTER TABLE hubspot.hubspot_deals_standard_{acme.id.hex} RENAME TO renamed")
    assert erase(acme)["rows"]["deals"] == 1
    assert acme.query("SELECT FROM hubspot.hubspot_deals") == []


def test_a_leaf_that_holds_anothers_deals_is_not_erased_for_its_name(acme: Tenant) -> None:
    other = Tenant(acme.url, "bystander")
    other.claim()
    other.execute(DEAL.format(other.id, "standard"))
    theirs, ours = (f"hubspot_deals_standard_{tenant.id.hex}" for tenant in (other, acme))
    acme.execute(f"ALTER TABLE hubspot.{ours} RENAME TO renamed")
    acme.execute(f"ALTER TABLE hubspot.{theirs} RENAME TO {ours}")
    erase(acme)
    assert list(other.deals()) == [1]
