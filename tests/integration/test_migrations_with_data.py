"""A database with data in it goes up and down, while people read it and workers of the last release write it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import migrations
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError, SchemaError
from airflow_provider_hubspot_deals.migrations import locks
from tests.integration.ended_jobs import an_ended_job, ids_in
from tests.integration.invariants import violations
from tests.integration.previous_release import REVISION, STATEMENTS, previous_loader
from tests.integration.tenant import Tenant, a_run

READER_WAIT_MAX_S = 2.0
SINCE_0017 = {"daily_limit", "daily_remaining"}
ENDINGS = ("complete", "release", "fail", "fail_other")
QUERIES = (
    "SELECT * FROM hubspot.organizations",
    "SELECT * FROM hubspot.sync_state",
    "SELECT * FROM hubspot.jobs ORDER BY created_at DESC LIMIT 20",
    "SELECT * FROM hubspot.job_batches LIMIT 20",
    "SELECT * FROM hubspot.scan_jobs WHERE tenant_id = %(organization)s",
    "SELECT dealstage, sum(amount) FROM hubspot.hubspot_deals WHERE _organization_id = %(organization)s GROUP BY 1",
    "SELECT * FROM hubspot_reporting.hubspot_deals WHERE tenant_id = %(organization)s AND archived = false LIMIT 20",
    "SELECT * FROM hubspot.deals_quarantine WHERE resolved_at IS NULL",
    "SELECT * FROM hubspot.absent_deals",
)


@pytest.fixture
def old_url(empty_database_url: str) -> str:
    """A database of the last release: jobs in every state, deals in several leaves, quarantine, absences."""
    migrations.upgrade(empty_database_url, revision=REVISION)
    for number, ending in enumerate([*ENDINGS, "nothing"]):
        deal_type = "sandbox" if ending == "fail" else "standard"
        with previous_loader(Tenant(empty_database_url, f"org-{number}", deal_type)) as loader:
            loader.claim()
            loader.write(1_000 * number + 1)
            if ending in ENDINGS:
                loader.finish(ending)
    Tenant(empty_database_url).execute("""
        UPDATE hubspot.scan_jobs SET status = 'cancelled' WHERE status = 'running';
        INSERT INTO hubspot.jobs (organization_id, scan_id) SELECT id, slug FROM hubspot.organizations
        WHERE slug <> 'org-1';
        INSERT INTO hubspot.absent_deals (organization_id, type, hubspot_deal_id, job_id)
        SELECT organization_id, 'standard', 7, id FROM hubspot.jobs
        ON CONFLICT DO NOTHING
    """)
    return empty_database_url


def contents(url: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, without partitions."""
    with psycopg.connect(url, options="-c search_path=hubspot") as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'hubspot'::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT relispartition AND relname <> 'schema_version'"
        ).fetchall()
        rows = {
            table: connection.execute(f"SELECT to_jsonb(row) FROM {table} AS row").fetchall()  # noqa: S608 - names from the catalog
            for (table,) in tables
        }
    return {table: sorted((row for (row,) in found), key=json.dumps) for table, found in rows.items()}


def cut_to(
    old: dict[str, list[dict[str, Any]]], new: dict[str, list[dict[str, Any]]]
) -> dict[str, list[dict[str, Any]]]:
    """The rows of `new` with no more than the tables and columns of `old`."""
    kept = {
        table: [{name: row[name] for name in rows[0]} for row in new[table]] if rows else new[table]
        for table, rows in old.items()
    }
    return {table: sorted(rows, key=json.dumps) for table, rows in kept.items()}


@pytest.mark.peer_pain(48)
def test_g07_every_row_survives_the_way_up_and_down_again(old_url: str) -> None:
    before = contents(old_url)
    assert {job["status"] for job in before["jobs"]} == {"pending", "running", "completed", "failed", "cancelled"} - {
        "running"
    }
    assert all(before.values()), "a table without rows proves nothing"
    migrations.upgrade(old_url)
    assert cut_to(before, contents(old_url)) == before
    migrations.downgrade(old_url, "hubspot", REVISION)
    assert contents(old_url) == before
    migrations.upgrade(old_url)
    assert cut_to(before, contents(old_url)) == before


def test_g07_what_maintenance_moved_and_emptied_is_there_again_below_it(database_url: str) -> None:
    tenant = Tenant(database_url)
    job, twin = an_ended_job(tenant, "old", days_ago=100), an_ended_job(tenant, "twin", days_ago=100)
    before = tenant.job(job)
    tenant.execute("SELECT hubspot.archive_jobs()")
    successor = tenant.claim(a_run("new"))
    tenant.execute("UPDATE hubspot.jobs SET scan_id = 'nightly'")
    tenant.execute("UPDATE hubspot.jobs_archive SET scan_id = 'nightly' WHERE id = %s", twin.id)
    tenant.execute(
        "INSERT INTO hubspot.deals_quarantine"
        " (organization_id, type, reason_code, raw, raw_is_cut, raw_sha256, job_id, last_seen)"
        " VALUES (%s, 'standard', 'BAD_ID', 'x', false, 'x', %s, now() - interval '1 year')",
        tenant.id,
        job.id,
    )
    tenant.execute("SELECT hubspot.expire_quarantine()")
    usage = tenant.query("SELECT * FROM hubspot.usage_records")

    migrations.downgrade(database_url, "hubspot", "0007")

    assert ids_in(tenant, "jobs") == {job.id, twin.id, successor.id}
    assert tenant.job(job) == {name: value for name, value in before.items() if name not in SINCE_0017}
    assert tenant.query("SELECT raw, times_seen FROM hubspot.deals_quarantine") == [{"raw": b"", "times_seen": 1}]
    assert tenant.query("SELECT * FROM hubspot.usage_records") == usage
    assert violations(database_url) == []
    migrations.upgrade(database_url)
    assert tenant.query("SELECT hubspot.archive_jobs() AS moved") == [{"moved": 2}]


def test_e35_g06_every_statement_of_the_last_release_works_on_this_schema(database_url: str) -> None:
    used = set()
    for ending in ENDINGS:
        with previous_loader(Tenant(database_url, f"org-{ending.replace('_', '-')}")) as loader:
            loader.claim()
            assert loader.write(1)["inserted"] == 10
            assert loader.write(1)["updated"] == 10
            loader.finish(ending)
            used |= loader.used
    assert used == STATEMENTS.keys()
    states = Tenant(database_url).query("SELECT status FROM hubspot.jobs ORDER BY status")
    assert [row["status"] for row in states] == ["completed", "failed", "failed", "pending"]


class Worker(threading.Thread):
    """Does its turn again and again until it is told to stop, or until an error ends it."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.stopped = url, threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.stopped.is_set():
                self.turn()
        except Exception as error:  # noqa: BLE001 - the test looks at it; without it, it would wait for ever
            self.error = error

    def turn(self) -> None:
        raise NotImplementedError


class Reader(Worker):
    """Asks every query; remembers how long the slowest answer took."""

    asked, longest_s = 0, 0.0

    def turn(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for query in QUERIES:
                started = time.monotonic()
                connection.execute(query, {"organization": Tenant(self.url, "org-0").id}).fetchall()
                self.longest_s = max(self.longest_s, time.monotonic() - started)
                self.asked += 1


class Writer(Worker):
    """Runs of the last release, one after the other."""

    runs = 0

    def turn(self) -> None:
        with previous_loader(Tenant(self.url, "writer")) as loader:
            loader.claim()
            loader.write(1 + 100 * self.runs)
            loader.finish("complete")
        self.runs += 1


@contextmanager
def at_work(*people: Worker) -> Iterator[None]:
    """Running in the body, and stopped behind it."""
    with ExitStack() as stack:
        for person in people:
            person.start()
            stack.callback(person.join)
            stack.callback(person.stopped.set)
        yield


def test_d17_d18_g04_readers_and_writers_go_on_while_the_schema_changes(old_url: str) -> None:
    readers, writer = [Reader(old_url) for _ in range(2)], Writer(old_url)
    with at_work(*readers, writer):
        migrations.upgrade(old_url)
        done = writer.runs
        while writer.runs < done + 2 and writer.error is None:  # the old worker goes on with the new schema
            time.sleep(0.01)
    assert [person.error for person in (*readers, writer)] == [None, None, None]
    longest_s = max(reader.longest_s for reader in readers)
    print(f"longest wait of a reader: {longest_s:.3f} s in {sum(reader.asked for reader in readers)} queries")  # noqa: T201 - the figure is the point
    assert longest_s < READER_WAIT_MAX_S


def test_d18_a_long_transaction_of_a_reader_stops_the_migration_and_nobody_else(
    old_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "PATIENCE_S", 2.0)
    before, reader = contents(old_url), Reader(old_url)
    with psycopg.connect(old_url) as idle, at_work(reader):
        idle.execute("SELECT count(*) FROM hubspot.jobs")
        with pytest.raises(DatabaseUnavailableError) as raised:
            migrations.upgrade(old_url)
        process = idle.info.backend_pid
    assert f"process {process} on jobs" in str(raised.value)
    assert "Nothing is half done" in str(raised.value)
    assert reader.error is None
    assert reader.longest_s < READER_WAIT_MAX_S
    assert contents(old_url) == before
    with psycopg.connect(old_url) as connection:
        assert migrations.current(connection) == REVISION
    migrations.upgrade(old_url)


def test_a_revision_that_fails_leaves_the_schema_at_the_one_before(old_url: str) -> None:
    tenant = Tenant(old_url)
    tenant.execute("CREATE TABLE hubspot.usage_records ()")  # in the way of revision 0006
    with pytest.raises(SchemaError, match="already exists"):
        migrations.upgrade(old_url)
    assert tenant.query("SELECT version_num FROM hubspot.schema_version") == [{"version_num": "0005"}]
    tenant.execute("DROP TABLE hubspot.usage_records")
    migrations.upgrade(old_url)
    assert tenant.query("SELECT version_num FROM hubspot.schema_version") == [{"version_num": migrations.HEAD}]


def test_who_is_at_the_newest_revision_disturbs_nobody_by_migrating_again(database_url: str) -> None:
    with psycopg.connect(database_url) as idle:
        idle.execute("SELECT count(*) FROM hubspot.jobs")
        migrations.upgrade(database_url)
