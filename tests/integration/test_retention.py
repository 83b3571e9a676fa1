"""What is older than its organization's periods moves or goes, and nothing else does."""

from __future__ import annotations

import pytest

from airflow_provider_hubspot_deals import loading, sql
from airflow_provider_hubspot_deals.deals.parsing import BadRecord
from airflow_provider_hubspot_deals.jobs import Job
from tests.builders import a_row
from tests.integration.deliveries import note_delivery
from tests.integration.ended_jobs import an_ended_job, ids_in, told
from tests.integration.tenant import Tenant, a_run, tables_of


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def call(tenant: Tenant, expression: str) -> int:
    (row,) = tenant.query(f"SELECT hubspot.{expression} AS answer")
    answer: int = row["answer"]
    return answer


def quarantine(tenant: Tenant, job: Job, deal_id: str, *, days_ago: int) -> None:
    raw = deal_id.encode()
    bad = BadRecord(deal_id_text=deal_id, reason_code="BAD_VERSION", field_name=None, raw=raw, page_number=1)
    with tenant.connect() as connection, sql.transaction(connection):
        loading.quarantine(connection, tables_of(job), job.keys, [bad])
    tenant.execute(
        "UPDATE hubspot.deals_quarantine SET last_seen = now() - make_interval(days => %s) WHERE deal_id_text = %s",
        days_ago,
        deal_id,
    )


def test_ended_jobs_move_to_the_archive_after_retention_days_and_whole(acme: Tenant) -> None:
    old, young = an_ended_job(acme, "old", days_ago=91), an_ended_job(acme, "young", days_ago=89)
    failed = an_ended_job(acme, "failed", days_ago=400, status="failed")
    before = acme.job(old)

    assert call(acme, "archive_jobs()") == 2

    assert ids_in(acme, "jobs") == {young.id}
    archived = {row["id"]: row for row in acme.query("SELECT * FROM hubspot.jobs_archive")}
    assert archived.keys() == {old.id, failed.id}
    assert {name: archived[old.id][name] for name in before} == before
    assert archived[old.id]["archived_at"] is not None
    assert told(acme, "jobs_archived") == [{"jobs": 2}]
    assert acme.query("SELECT FROM hubspot.job_events WHERE kind = 'deleted'") == []
    assert call(acme, "archive_jobs()") == 0
    assert len(told(acme, "jobs_archived")) == 1


def test_the_archive_has_every_column_of_jobs(acme: Tenant) -> None:
    statement = """
        SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute
        WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"""
    jobs = acme.query(statement, "hubspot.jobs")
    archive = acme.query(statement, "hubspot.jobs_archive")
    assert [column for column in archive if column not in jobs] == [
        {"attname": "archived_at", "type": "timestamp with time zone"}
    ]
    assert [column for column in jobs if column not in archive] == []


def test_a_job_that_is_not_over_is_never_archived(acme: Tenant) -> None:
    job = acme.claim()
    acme.execute("UPDATE hubspot.jobs SET start_time = now() - interval '400 days'")
    assert call(acme, "archive_jobs()") == 0
    assert ids_in(acme, "jobs") == {job.id}


def test_f31_archiving_leaves_deals_and_other_organizations_alone(acme: Tenant) -> None:
    other = Tenant(acme.url, "other")
    job = an_ended_job(acme, "old", days_ago=100)
    acme.store(job, a_row(1))
    foreign = an_ended_job(other, "old", days_ago=100)
    deals = acme.deals()

    assert call(acme, f"archive_jobs('{acme.id}')") == 1

    assert acme.deals() == deals
    assert ids_in(acme, "jobs") == {foreign.id}


def test_f31_each_organization_has_its_own_periods(acme: Tenant) -> None:
    patient = Tenant(acme.url, "patient")
    an_ended_job(acme, "old", days_ago=10)
    kept = an_ended_job(patient, "old", days_ago=10)
    acme.claim(retention_days=5, archive_days=7, quarantine_days=3)
    (row,) = acme.query("SELECT * FROM hubspot.organizations WHERE id = %s", acme.id)
    assert (row["retention_days"], row["archive_days"], row["quarantine_days"]) == (5, 7, 3)

    assert call(acme, "archive_jobs()") == 1

    assert kept.id in ids_in(acme, "jobs")


def test_f31_the_longest_period_of_one_organization_stops_no_other(acme: Tenant) -> None:
    forever = Tenant(acme.url, "forever")
    kept, _ = an_ended_job(forever, "old", days_ago=400), an_ended_job(acme, "old", days_ago=100)
    forever.claim(a_run("other"), retention_days=36500, archive_days=36500, quarantine_days=36500)
    steps = ("archive_jobs()", "expire_archive()", "expire_usage()", "expire_quarantine()")
    assert [call(acme, step) for step in steps] == [1, 0, 0, 0]
    assert kept.id in ids_in(acme, "jobs")


def test_a_run_that_names_no_period_leaves_what_the_table_says(acme: Tenant) -> None:
    an_ended_job(acme, "first")
    acme.execute("UPDATE hubspot.organizations SET retention_days = 7")
    version = acme.query("SELECT xmin::text FROM hubspot.organizations")

    acme.claim(archive_days=365)

    assert acme.query("SELECT retention_days FROM hubspot.organizations") == [{"retention_days": 7}]
    assert acme.query("SELECT xmin::text FROM hubspot.organizations") == version


def test_f31_a_step_deals_with_so_many_rows_at_once_and_no_more(acme: Tenant) -> None:
    for number in range(5):
        an_ended_job(acme, f"run {number}", days_ago=100)
    assert [call(acme, "archive_jobs(rows_max => 2)") for _ in range(4)] == [2, 2, 1, 0]


def test_archived_jobs_and_usage_go_after_archive_days(acme: Tenant) -> None:
    an_ended_job(acme, "old", days_ago=100)
    call(acme, "archive_jobs()")
    acme.execute("UPDATE hubspot.usage_records SET day = day - 366")
    an_ended_job(acme, "young")
    assert (call(acme, "expire_archive()"), call(acme, "expire_usage()")) == (0, 1)
    acme.execute("UPDATE hubspot.jobs_archive SET archived_at = now() - interval '366 days'")

    assert call(acme, "expire_archive()") == 1

    assert ids_in(acme, "jobs_archive") == set()
    assert acme.query("SELECT runs_completed FROM hubspot.usage_records") == [{"runs_completed": 1}]
    assert (told(acme, "archive_expired"), told(acme, "usage_expired")) == ([{"jobs": 1}], [{"days": 1}])


def test_usage_of_the_day_archive_days_ago_is_the_last_that_stays(acme: Tenant) -> None:
    an_ended_job(acme, "old")
    acme.execute("UPDATE hubspot.usage_records SET day = (now() AT TIME ZONE 'UTC')::date - 365")
    assert call(acme, "expire_usage()") == 0
    acme.execute("UPDATE hubspot.usage_records SET day = day - 1")
    assert call(acme, "expire_usage()") == 1


def test_f27_raw_bytes_go_after_quarantine_days_and_the_open_record_stays(acme: Tenant) -> None:
    job = acme.claim()
    quarantine(acme, job, "1", days_ago=31)
    quarantine(acme, job, "2", days_ago=29)
    quarantine(acme, job, "3", days_ago=31)
    acme.execute("UPDATE hubspot.deals_quarantine SET resolved_at = now() WHERE deal_id_text = '3'")

    assert call(acme, "expire_quarantine()") == 2

    rows = acme.query("SELECT deal_id_text, raw IS NULL AS is_empty FROM hubspot.deals_quarantine ORDER BY 1")
    assert rows == [{"deal_id_text": "1", "is_empty": True}, {"deal_id_text": "2", "is_empty": False}]
    assert told(acme, "quarantine_expired") == [{"deleted": 1, "emptied": 1}]
    assert call(acme, "expire_quarantine()") == 0


def test_the_delivery_log_goes_after_retention_days(acme: Tenant) -> None:
    patient = Tenant(acme.url, "patient")
    for tenant in (acme, patient):
        tenant.claim()
        for days_ago in (6, 89, 91):
            note_delivery(tenant, "example.com", event_id=f"msg_{days_ago}", days_ago=days_ago)
    acme.execute("UPDATE hubspot.organizations SET retention_days = 5 WHERE id = %s", acme.id)

    assert [call(acme, "expire_notifications(rows_max => 3)") for _ in range(3)] == [3, 1, 0]

    left = acme.query("SELECT organization_id, event_id FROM hubspot.notification_deliveries ORDER BY event_id")
    assert left == [{"organization_id": patient.id, "event_id": each} for each in ("msg_6", "msg_89")]
    assert sum(each["attempts"] for each in told(acme, "notifications_expired")) == 4


def test_a_record_that_comes_again_has_its_raw_bytes_again(acme: Tenant) -> None:
    job = acme.claim()
    quarantine(acme, job, "1", days_ago=31)
    call(acme, "expire_quarantine()")

    quarantine(acme, job, "1", days_ago=0)

    (row,) = acme.query("SELECT * FROM hubspot.deals_quarantine")
    assert (row["times_seen"], row["raw"] is None, row["raw_expired_at"]) == (2, False, None)
