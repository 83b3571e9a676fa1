"""The database refuses what must not be, whoever asks, and names the rule."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.integration.tenant import Tenant

NEW_JOB = (
    "INSERT INTO hubspot.jobs (organization_id, scan_id, type, {column})"
    " SELECT id, 'x', 'calendar', {value} FROM hubspot.organizations"
)
DEAL = (
    "INSERT INTO hubspot.hubspot_deals (hubspot_deal_id, _organization_id, _tenant_id, {column})"
    " VALUES (1, %s, %s, {value})"
)
PARTS = tuple(f"records_{part}" for part in ("inserted", "updated", "unchanged", "duplicate", "stale", "quarantined"))
COUNTERS = (
    *("records_extracted", *PARTS, "records_deleted"),
    *("value_issues", "batches", "pages_read", "api_calls", "rate_limit_hits", "bytes_received"),
)


@pytest.fixture
def acme(database_url: str) -> Tenant:
    """With one running job."""
    tenant = Tenant(database_url)
    tenant.claim()
    return tenant


@pytest.fixture
def job(acme: Tenant) -> UUID:
    (row,) = acme.query("SELECT id FROM hubspot.jobs")
    job_id: UUID = row["id"]
    return job_id


def refusal(acme: Tenant, statement: str, *parameters: object) -> str:
    """What the database says; it must have changed nothing."""
    before = everything(acme)
    with pytest.raises(psycopg.Error) as refused:
        acme.execute(statement, *parameters)
    assert everything(acme) == before
    return str(refused.value)


def everything(acme: Tenant) -> list[Any]:
    tables = ("organizations", "sync_state", "jobs", "job_events", "hubspot_deals")
    return [acme.query(f"SELECT *, xmin::text AS version FROM hubspot.{table} ORDER BY 1, 2") for table in tables]  # noqa: S608 - ours


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("status = 'done'", "jobs_status_check"),
        ("status = 'Running'", "jobs_status_check"),
        ("end_time = now()", "jobs_end_time_says_terminal"),
        ("status = 'failed', end_time = NULL", None),  # filled in
        ("start_time = NULL", "jobs_started_when_running_or_completed"),
        ("mode = 'everything'", "jobs_mode_check"),
        ("type = 'calendar'", "jobs_keep_their_identity"),
        ("organization_id = gen_random_uuid()", "jobs_keep_their_identity"),
        ("id = gen_random_uuid()", "jobs_keep_their_identity"),
        ("event_count = event_count + 1", "jobs_events_are_counted"),
        ("event_count = 0", "jobs_events_are_counted"),
        ("records_extracted = 1", "jobs_counts_balance"),
        ("api_calls_by_endpoint = '[]'", "jobs_api_calls_by_endpoint_is_an_object"),
        ("scan_id = NULL", "scan_id"),
    ],
)
def test_g09_a_job_changed_by_hand_obeys_the_rules(acme: Tenant, change: str, rule: str | None) -> None:
    statement = f"UPDATE hubspot.jobs SET {change}"  # noqa: S608 - ours
    if rule is None:
        assert acme.execute(statement) == 1
    else:
        assert rule in refusal(acme, statement)


def test_i10_what_has_ended_stays_as_it_ended(acme: Tenant, job: UUID) -> None:
    acme.execute("UPDATE hubspot.jobs SET status = 'completed'")
    for status in ("pending", "running", "failed", "cancelled"):
        said = refusal(acme, "UPDATE hubspot.jobs SET status = %s", status)
        assert f"{job} cannot go from completed to {status} (rule jobs_legal_transitions)" in said
        assert "What has ended stays as it ended" in said


@pytest.mark.parametrize(
    "change",
    [
        *("attempt = attempt + 1", "epoch = epoch + 1", "phase = 'late'", "batches = batches + 1"),
        *("pages_read = pages_read + 100", "records_extracted = 1, records_inserted = 1", "records_deleted = 1"),
        "value_issues = 1",
    ],
)
def test_i10_nothing_more_is_done_by_a_job_that_has_ended(acme: Tenant, change: str) -> None:
    acme.execute("UPDATE hubspot.jobs SET status = 'completed'")
    assert "jobs_end_is_final" in refusal(acme, f"UPDATE hubspot.jobs SET {change}")  # noqa: S608 - ours
    assert acme.execute("UPDATE hubspot.jobs SET api_calls = api_calls + 1, error_message = 'A note.'") == 1


@pytest.mark.parametrize("fate", ["DELETE FROM hubspot.jobs", "SELECT hubspot.archive_jobs()"])
def test_i17_the_id_of_a_job_that_is_gone_is_not_used_again(acme: Tenant, job: UUID, fate: str) -> None:
    acme.execute("UPDATE hubspot.jobs SET status = 'completed', end_time = now() - interval '1 year'")
    acme.execute(fate)
    insert = "INSERT INTO hubspot.jobs (id, organization_id, scan_id) VALUES (%s, %s, 'x')"
    assert "jobs_ids_are_used_once" in refusal(acme, insert, job, acme.id)


@pytest.mark.parametrize("period", ["retention_days", "archive_days", "quarantine_days"])
def test_a_period_that_leaves_the_calendar_is_refused(acme: Tenant, period: str) -> None:
    assert "organizations_periods_end" in refusal(acme, f"UPDATE hubspot.organizations SET {period} = 36501")  # noqa: S608 - ours
    assert acme.execute(f"UPDATE hubspot.organizations SET {period} = 36500") == 1  # noqa: S608 - ours


def test_no_count_is_ever_negative(acme: Tenant) -> None:
    for counter in (*COUNTERS, "records_expected", "attempt"):
        rules = {f"jobs_{counter}_check", "jobs_counts_balance", "jobs_counts_only_grow"}
        for statement in (NEW_JOB.format(column=counter, value=-1), f"UPDATE hubspot.jobs SET {counter} = -1"):  # noqa: S608 - ours
            said = refusal(acme, statement)
            assert [rule for rule in rules if rule in said], counter


def test_a_count_never_goes_back(acme: Tenant) -> None:
    ones = ", ".join(f"{counter} = 1" for counter in COUNTERS[1:])
    acme.execute(f"UPDATE hubspot.jobs SET records_extracted = {len(PARTS)}, {ones}")  # noqa: S608 - ours
    for counter in COUNTERS:
        assert "jobs_counts_only_grow" in refusal(acme, f"UPDATE hubspot.jobs SET {counter} = {counter} - 1"), counter  # noqa: S608 - ours


BAD_LABELS = (
    *("Hubspot_deals", "hubspot_deals_", "hubspot_deals_standard", "hubspot_deals_a-b", 'a"b', "x'y", "1a", ""),
    *("hubspot_deals_" + "x" * 16, "y" * 32),
)
GOOD_LABELS = ("user_extraction", "hubspot_deals_sandbox", "hubspot_deals_" + "x" * 15, "y" * 31)


def test_a_type_of_job_is_a_label(acme: Tenant) -> None:
    insert = "INSERT INTO hubspot.scan_jobs (tenant_id, scan_type) VALUES (%s, %s)"
    for label in BAD_LABELS:
        assert "jobs_type_is_a_label" in refusal(acme, insert, acme.id, label), label
    for label in GOOD_LABELS:
        assert acme.execute(insert, acme.id, label) == 1, label


def test_i09_a_second_active_job_of_a_type_is_refused(acme: Tenant) -> None:
    insert = "INSERT INTO hubspot.jobs (organization_id, scan_id) SELECT id, 'x' FROM hubspot.organizations"
    assert "jobs_one_active_per_organization_and_type" in refusal(acme, insert)


def test_a_new_job_brings_no_events(acme: Tenant) -> None:
    assert "jobs_events_are_counted" in refusal(acme, NEW_JOB.format(column="event_count", value=3))


def test_a_job_belongs_to_a_registered_organization(acme: Tenant) -> None:
    said = refusal(acme, "INSERT INTO hubspot.jobs (organization_id, scan_id) VALUES (gen_random_uuid(), 'x')")
    assert "jobs_organization_id_fkey" in said
    assert "organization_id" in refusal(acme, "INSERT INTO hubspot.jobs (scan_id) VALUES ('x')")


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("amount", "-0.01", "chk_amount_not_negative"),
        ("amount", "'NaN'", "chk_numbers_are_finite"),
        ("amount", "'Infinity'", "infinite value"),  # numeric(18,2) itself
        ("amount", "1e16", "numeric field overflow"),
        ("hs_forecast_amount", "'NaN'", "chk_numbers_are_finite"),
        ("hs_forecast_amount", "'Infinity'", "chk_numbers_are_finite"),
        ("hs_forecast_probability", "'-Infinity'", "chk_numbers_are_finite"),
        ("hs_deal_stage_probability", "'NaN'", "chk_numbers_are_finite"),
        ("archived", "true", "chk_deleted_says_why"),
        ("archived, _deleted_reason", "true, 'bored'", "_deleted_reason_check"),
        ("_type", "'sandbox'", "no partition"),
    ],
)
def test_i21_a_deal_that_cannot_be_is_refused(acme: Tenant, column: str, value: str, rule: str) -> None:
    assert rule in refusal(acme, DEAL.format(column=column, value=value), acme.id, acme.id)


def test_i13_the_tenant_of_a_deal_is_its_organization(acme: Tenant) -> None:
    other = Tenant(acme.url, "other")
    insert = DEAL.format(column="amount", value="1")
    assert "chk_tenant_eq_org" in refusal(acme, insert, acme.id, other.id)
    into_leaf = insert.replace("hubspot.hubspot_deals", f"hubspot.hubspot_deals_standard_{acme.id.hex}")
    assert "partition constraint" in refusal(acme, into_leaf, other.id, other.id)


def test_c08_a_leaf_that_is_made_by_hand_refuses_negative_amounts_too(acme: Tenant) -> None:
    acme.query("SELECT hubspot.ensure_deals_partition(%s, 'sandbox')", acme.id)
    insert = DEAL.format(column="_type, amount", value="'sandbox', -5")
    assert "chk_amount_not_negative" in refusal(acme, insert, acme.id, acme.id)
    acme.query("SELECT hubspot.allow_negative_amounts(%s, 'sandbox', true)", acme.id)
    acme.query("SELECT hubspot.ensure_deals_partition(%s, 'sandbox')", acme.id)
    assert acme.execute(insert, acme.id, acme.id) == 1


def test_c08_negative_amounts_are_switched_per_organization(acme: Tenant) -> None:
    rival = Tenant(acme.url, "rival")
    rival.claim()
    insert = DEAL.format(column="amount", value="-5")
    switch = "SELECT hubspot.allow_negative_amounts(%s, 'standard', %s)"
    acme.query(switch, acme.id, True)
    assert acme.execute(insert, acme.id, acme.id) == 1
    assert "chk_amount_not_negative" in refusal(rival, insert, rival.id, rival.id)
    acme.query(switch, acme.id, False)
    assert acme.deal()["amount"] is None  # the exact text stays in raw_properties
    assert "chk_amount_not_negative" in refusal(acme, "UPDATE hubspot.hubspot_deals SET amount = -1")


WITH_UPDATED_AT = """
    SELECT relname AS name, EXISTS (
        SELECT FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
        WHERE tgrelid = pg_class.oid AND proname = 'set_updated_at' AND tgenabled = 'O'
          AND tgtype & 19 = 19  -- for each row, before, update
    ) AS is_kept
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'updated_at' AND NOT attisdropped
    WHERE relnamespace = 'hubspot'::regnamespace AND relkind IN ('r', 'p')
      AND relname <> 'jobs_archive'  -- rows as they were
"""


def test_updated_at_is_kept_by_the_database_on_every_table_that_has_it(acme: Tenant) -> None:
    tables = {row["name"]: row["is_kept"] for row in acme.query(WITH_UPDATED_AT)}
    assert tables.keys() >= {"organizations", "sync_state", "jobs", "usage_records"}
    assert [name for name, is_kept in tables.items() if not is_kept] == []


@pytest.mark.parametrize("table", ["organizations", "sync_state", "jobs"])
def test_updated_at_cannot_be_made_up(acme: Tenant, table: str) -> None:
    acme.execute(f"UPDATE hubspot.{table} SET updated_at = '2001-01-01'")  # noqa: S608 - ours
    (row,) = acme.query(f"SELECT updated_at > now() - interval '1 minute' AS is_now FROM hubspot.{table}")  # noqa: S608 - ours
    assert row["is_now"]


def test_f16_another_spelling_of_an_organizations_id_is_the_same_one(acme: Tenant, job: UUID) -> None:
    given = str(acme.id)
    for spelling in (given.upper(), f"{{{given}}}", given.replace("-", "")):
        (leaf,) = acme.query("SELECT hubspot.ensure_deals_partition(%s, 'standard') AS name", spelling)
        assert leaf["name"] == f"hubspot_deals_standard_{acme.id.hex}"
        assert acme.query("SELECT id FROM hubspot.jobs WHERE organization_id = %s", spelling) == [{"id": job}]
