"""The trail of events cannot be forged or rewritten, and has a partition for every month."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from psycopg.errors import CheckViolation, ForeignKeyViolation

from airflow_provider_hubspot_deals.jobs import Job
from tests.integration.tenant import Tenant

pytestmark = pytest.mark.usefixtures("invariants_hold")


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def kinds(tenant: Tenant, job: Job) -> list[str]:
    told = tenant.query("SELECT kind FROM hubspot.job_events WHERE job_id = %s ORDER BY sequence", job.id)
    return [event["kind"] for event in told]


@pytest.mark.parametrize(
    ("forgery", "rule"),
    [
        (
            "INSERT INTO hubspot.job_events (job_id, kind) SELECT id, 'completed' FROM hubspot.jobs",
            "job_events_tell_what_happened",
        ),
        ("INSERT INTO hubspot.job_events (job_id, kind) VALUES (gen_random_uuid(), 'note')", "job_events_name_a_job"),
        (
            "INSERT INTO hubspot.job_events (job_id, kind) SELECT id, 'Note!' FROM hubspot.jobs",
            "job_events_kind_is_a_word",
        ),
        ("UPDATE hubspot.job_events SET details = '{}'", "job_events_are_append_only"),
        ("DELETE FROM hubspot.job_events", "job_events_are_append_only"),
        ("TRUNCATE hubspot.job_events", "job_events_are_append_only"),
        ("DELETE FROM hubspot.MONTH", "job_events_are_append_only"),
        ("TRUNCATE hubspot.MONTH", "job_events_are_append_only"),
    ],
    ids=["terminal event", "unknown job", "kind", "update", "delete", "truncate", "delete a month", "truncate a month"],
)
def test_f30_the_trail_cannot_be_forged_or_rewritten(acme: Tenant, forgery: str, rule: str) -> None:
    job = acme.claim()
    with pytest.raises((CheckViolation, ForeignKeyViolation), match=rule):
        acme.execute(forgery.replace("MONTH", this_month(acme)))
    assert kinds(acme, job) == ["created", "started"]


def this_month(tenant: Tenant) -> str:
    (row,) = tenant.query("SELECT hubspot.job_events_partition(now()) AS name")
    return str(row["name"])


def test_an_actor_cannot_be_made_up(acme: Tenant) -> None:
    job = acme.claim()
    acme.execute("INSERT INTO hubspot.job_events (job_id, kind, actor) VALUES (%s, 'note', 'the boss')", job.id)
    assert acme.query("SELECT count(DISTINCT actor) FROM hubspot.job_events") == [{"count": 1}]


def months(tenant: Tenant) -> list[str]:
    listed = "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'hubspot.job_events'::regclass"
    return [row["name"] for row in tenant.query(listed)]


def test_a_month_without_partition_gets_one_when_a_job_has_something_to_tell(acme: Tenant) -> None:
    for month in months(acme):
        acme.execute(f"DROP TABLE {month}")
    assert kinds(acme, acme.claim()) == ["created", "started"]
    assert f"hubspot.{this_month(acme)}" in months(acme)
    (in_a_week,) = acme.query("SELECT hubspot.job_events_partition(now() + interval '7 days') AS name")
    assert f"hubspot.{in_a_week['name']}" in months(acme)


def test_partitions_of_a_month_are_made_once_and_hold_exactly_it(acme: Tenant) -> None:
    moment = datetime(2031, 12, 31, 23, 59, tzinfo=UTC)
    make = "SELECT hubspot.ensure_job_events_partition(%s) AS made"
    assert [acme.query(make, moment)[0]["made"] for _ in range(2)] == [True, False]
    with acme.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        bound = connection.execute(
            "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'job_events_2031_12'"
        ).fetchall()
    assert bound == [("FOR VALUES FROM ('2031-12-01 00:00:00+00') TO ('2032-01-01 00:00:00+00')",)]


@pytest.mark.parametrize("when", ["- interval '2 minutes'", "+ interval '2 minutes'"])
def test_f30_an_event_cannot_be_dated_by_whoever_writes_it(acme: Tenant, when: str) -> None:
    job = acme.claim()
    with pytest.raises(CheckViolation, match="job_events_are_of_now"):
        acme.execute(
            f"INSERT INTO hubspot.job_events (job_id, kind, occurred_at) VALUES (%s, 'note', now() {when})",  # noqa: S608 - ours
            job.id,
        )
    assert kinds(acme, job) == ["created", "started"]


def test_only_an_erasure_removes_events_and_only_its_own_tenants(acme: Tenant) -> None:
    rival = Tenant(acme.url, "rival")
    kept, _ = rival.claim(), acme.claim()
    with acme.connect() as connection, connection.transaction():
        connection.execute("SELECT set_config('hubspot_deals.erasing', %s, true)", [str(acme.id)])
        connection.execute("DELETE FROM hubspot.jobs WHERE organization_id = %s", [acme.id])
        connection.execute("DELETE FROM hubspot.job_events WHERE organization_id = %s", [acme.id])
        with pytest.raises(CheckViolation, match="job_events_are_append_only"), connection.transaction():
            connection.execute("DELETE FROM hubspot.job_events")
    assert kinds(rival, kept) == ["created", "started"]
    assert acme.query("SELECT count(*) FROM hubspot.job_events") == [{"count": 2}]


def test_a_job_that_moves_elsewhere_is_not_told_as_deleted(acme: Tenant) -> None:
    job = acme.claim()
    with acme.connect() as connection, connection.transaction():
        connection.execute("SET LOCAL hubspot_deals.moving_jobs = 'on'")
        connection.execute("DELETE FROM hubspot.jobs")
    assert kinds(acme, job) == ["created", "started"]
