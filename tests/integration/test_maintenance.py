"""One maintenance run: partitions made and dropped, every step done, and what went wrong told at the end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import maintenance
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError, SchemaError
from airflow_provider_hubspot_deals.maintenance import MaintenanceReport, run_maintenance
from tests.builders import a_row
from tests.integration.ended_jobs import an_ended_job, ids_in, told
from tests.integration.tenant import Tenant

PARTITIONS = """
    SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE inhparent = 'hubspot.job_events'::regclass ORDER BY relname"""


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def maintain(tenant: Tenant, **settings: Any) -> MaintenanceReport:
    with tenant.connect() as connection:
        return run_maintenance(connection, **settings)


def partitions(tenant: Tenant) -> list[str]:
    return [row["relname"] for row in tenant.query(PARTITIONS)]


def partition_of(months: int) -> str:
    """Name of the partition of the month so many months from now."""
    now = datetime.now(UTC)
    year, month = divmod(now.year * 12 + now.month - 1 + months, 12)
    return f"job_events_{year}_{month + 1:02}"


def add_month(tenant: Tenant, months: int) -> None:
    tenant.execute(
        "SELECT hubspot.ensure_job_events_partition("
        "date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + make_interval(months => %s))",
        months,
    )


def test_a_run_does_every_step_and_says_what_it_did(acme: Tenant) -> None:
    an_ended_job(acme, "old", days_ago=91)
    working = acme.claim()
    acme.execute("UPDATE hubspot.jobs SET last_heartbeat = now() - interval '1 hour' WHERE status = 'running'")

    report = maintain(acme)

    assert report.problems == ()
    assert (report.done["archive_jobs"], report.done["reap_silent_jobs"]) == (1, 1)
    assert acme.job(working)["status"] == "failed"
    assert len(ids_in(acme, "jobs_archive")) == 1
    assert set(report.as_dict()["done"].values()) >= {0, 1}


def test_a_second_run_finds_nothing_to_do_and_tells_nothing(acme: Tenant) -> None:
    an_ended_job(acme, "old", days_ago=91)
    maintain(acme)
    events = acme.query("SELECT count(*) FROM hubspot.job_events")
    assert sum(maintain(acme).done.values()) == 0
    assert acme.query("SELECT count(*) FROM hubspot.job_events") == events


def test_months_are_made_ahead(acme: Tenant) -> None:
    maintain(acme)
    assert partitions(acme) == [partition_of(months) for months in range(4)]
    assert told(acme, "event_months_created") == [{"partitions": [partition_of(2), partition_of(3)]}]


def test_months_older_than_asked_for_are_dropped_and_the_others_stay(acme: Tenant) -> None:
    for months in (-3, -2, -1):
        add_month(acme, months)
    assert maintain(acme, events_months=2).done["drop_job_events"] == 1
    assert partitions(acme)[:2] == [partition_of(-2), partition_of(-1)]
    assert told(acme, "event_months_dropped") == [{"partitions": [partition_of(-3)]}]


@pytest.mark.parametrize("moment", ["now()", "now() + interval '5 years'"])
def test_the_current_month_and_those_to_come_are_never_dropped(acme: Tenant, moment: str) -> None:
    add_month(acme, -1)
    acme.execute(f"SELECT hubspot.drop_job_events_before({moment})")
    assert partitions(acme) == [partition_of(0), partition_of(1)]


def test_nothing_is_dropped_when_no_moment_is_given(acme: Tenant) -> None:
    add_month(acme, -1)
    with pytest.raises(psycopg.errors.NullValueNotAllowed, match="needs a moment"):
        acme.execute("SELECT hubspot.drop_job_events_before(NULL)")
    assert partitions(acme)[0] == partition_of(-1)


def test_a_partition_of_another_name_is_not_dropped(acme: Tenant) -> None:
    acme.execute("CREATE TABLE hubspot.all_other_events PARTITION OF hubspot.job_events DEFAULT")
    acme.execute("SELECT hubspot.drop_job_events_before(now())")
    assert "all_other_events" in partitions(acme)


def test_d18_a_month_in_use_is_not_waited_for_longer_than_two_seconds_and_the_other_steps_are_done(
    acme: Tenant,
) -> None:
    add_month(acme, -20)
    an_ended_job(acme, "old", days_ago=91)
    with acme.connect() as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM hubspot.job_events")
        report = maintain(acme)
    assert set(report.failures) == {"drop_job_events"}
    assert "job_events is in use" in report.problems[0]
    assert (report.done["archive_jobs"], "analyze_deals" in report.done) == (1, True)
    assert maintain(acme).done["drop_job_events"] == 1


def test_the_catalog_checks_findings_are_problems(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "security_findings", lambda *_: ["hubspot.jobs: has no policy"])
    assert maintain(acme).problems == ("hubspot.jobs: has no policy",)


def rows_known_to_the_planner(tenant: Tenant, table: str) -> float:
    (row,) = tenant.query("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", f"hubspot.{table}")
    return float(row["reltuples"])


def test_leaves_that_changed_are_analyzed_once(acme: Tenant) -> None:
    job = acme.claim()
    acme.store(job, *(a_row(deal_id) for deal_id in range(1, 200)))
    maintain(acme)  # job_events, and this leaf unless autovacuum was faster
    assert rows_known_to_the_planner(acme, job.leaf) == 199
    assert maintain(acme).done["analyze_deals"] == 0
    assert rows_known_to_the_planner(acme, "hubspot_deals") == -1  # never analyzed


def test_a_schema_that_is_behind_is_not_touched(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection, pytest.raises(SchemaError):
        run_maintenance(connection)


def test_a_lost_connection_ends_the_run(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang_up(connection: psycopg.Connection[Any], *_: object) -> int:
        connection.close()
        raise DatabaseUnavailableError("gone")

    monkeypatch.setattr(maintenance, "_do", hang_up)
    with pytest.raises(DatabaseUnavailableError):
        maintain(acme)


def test_f31_a_long_backlog_is_dealt_with_in_rounds(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "ROWS_MAX", 2)
    for number in range(5):
        an_ended_job(acme, f"run {number}", days_ago=100)
    assert maintain(acme).done["archive_jobs"] == 5
