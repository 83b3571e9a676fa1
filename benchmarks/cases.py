"""The statements whose cost may grow with the number of organizations."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from benchmarks import organizations
from benchmarks.measuring import Action, Case
from benchmarks.readers import LOADER, SETTING, Readers
from benchmarks.server import BenchServer

KNOWN, OTHER = 1, 2  # the organization that most cases are about, and one without an active job
BATCH_ROWS = 1_000
Connection = psycopg.Connection[Any]

COUNT = "SELECT count(*), sum(amount) FROM "
DEALS = COUNT + "hubspot.hubspot_deals "
QUERIES = {
    "parent_organization_and_type": (
        "parent, organization and type named",
        DEALS + "WHERE _organization_id = {organization} AND _type = 'standard'",
    ),
    "parent_organization": ("parent, organization named", DEALS + "WHERE _organization_id = {organization}"),
    "reporting_view": (
        "reporting view, `tenant_id` named",
        COUNT + "hubspot_reporting.hubspot_deals WHERE tenant_id = {organization}",
    ),
    "leaf": ("the organization's own table", COUNT + "hubspot.{leaf}"),
    "parent_setting": (
        "parent, organization known from a setting alone",
        DEALS + "WHERE _organization_id = nullif(current_setting('app.current_tenant', true), '')::uuid",
    ),
    "reporting_view_scan_job": (
        "reporting view, `scan_job_id` alone",
        COUNT + "hubspot_reporting.hubspot_deals WHERE scan_job_id = {job}",
    ),
    "all_organizations": (
        "totals of every organization",
        "SELECT _organization_id, count(*), sum(amount) FROM hubspot.hubspot_deals GROUP BY 1",
    ),
    "cancel_job": ("cancel a job", "UPDATE hubspot.scan_jobs SET status = 'cancelled' WHERE id = {active_job}"),
    "analyze": ("`ANALYZE` of the parent", "ANALYZE hubspot.hubspot_deals"),
    "drop_leaf": ("drop one organization's table", "DROP TABLE hubspot.{leaf}"),
}
ADMINISTRATION = {
    "grant_loader": ("`grant_loader()` to a second loader", f"SELECT hubspot.grant_loader('{LOADER}')"),
    "bind_reader": ("`bind_reader()` of a reader", "SELECT hubspot.bind_reader('bench_reader', {organization})"),
}
PREPARED = "PREPARE bench (uuid, text) AS " + DEALS + "WHERE _organization_id = $1 AND _type = $2"


@dataclass(frozen=True, slots=True)
class Subject:
    """The organization that the cases are about."""

    id: UUID
    leaf: str
    job: UUID
    active_job: UUID

    def fill(self, query: str) -> sql.Composed:
        """The query with its names and values in place."""
        template = sql.SQL(query)
        return template.format(
            organization=sql.Literal(self.id),
            leaf=sql.Identifier(self.leaf),
            job=sql.Literal(self.job),
            active_job=sql.Literal(self.active_job),
        )


def cases(server: BenchServer, subject: Subject, readers: Readers | None, known: int) -> Iterator[Case]:
    """Every class of statements, ours first.

    Args:
        known: how many organizations there are.
    """
    owner = server.owner_url
    new, runs = count(known + 1), count()
    yield Case(
        "create_organization",
        "claim for a new organization",
        lambda connection: organizations.claim(connection, next(new), "first"),
        owner,
    )
    yield Case(
        "claim",
        "claim for a known organization",
        lambda connection: organizations.claim(connection, OTHER, f"run-{next(runs)}"),
        owner,
    )
    yield Case("store", f"load a batch of {BATCH_ROWS:,} new deals", _storing(server), owner)
    for name, (title, query) in QUERIES.items():
        yield Case(name, title, _running(subject, query), owner)
    yield Case("prepared", "10 executions of a prepared query", _prepared(subject), owner)
    if readers:
        yield from _reader_cases(subject, readers)
        for name, (title, query) in ADMINISTRATION.items():
            yield Case(name, title, _running(subject, query), owner)
    yield Case("pg_dump", "`pg_dump --schema-only`", _dumping(server), server.superuser_url, has_locks=False)


def _running(subject: Subject, query: str) -> Action:
    statement = subject.fill(query)
    tenant = [SETTING, str(subject.id)]

    def run(connection: Connection) -> None:
        if SETTING in query:
            connection.execute("SELECT set_config(%s, %s, true)", tenant)
        connection.execute(statement)

    return run


def _storing(server: BenchServer) -> Action:
    """Of the organization's active job; the rows are parsed beforehand."""
    with server.connect() as connection:
        job = organizations.claim(connection, KNOWN, "active")
    rows = organizations.new_rows(BATCH_ROWS)
    return lambda connection: organizations.store(connection, job, rows)


def _prepared(subject: Subject) -> Action:
    """As a driver does it; from the sixth execution on, PostgreSQL weighs a plan for any organization."""
    execute = subject.fill("EXECUTE bench ({organization}, 'standard')")

    def run(connection: Connection) -> None:
        connection.execute("DEALLOCATE ALL")
        connection.execute(PREPARED)
        for _ in range(10):
            connection.execute(execute)

    return run


def _reader_cases(subject: Subject, readers: Readers) -> Iterator[Case]:
    def with_setting(query: str) -> Action:
        statement, tenant = subject.fill(query), [SETTING, str(subject.id)]

        def run(connection: Connection) -> None:
            connection.execute("SELECT set_config(%s, %s, true)", tenant)
            connection.execute(statement)

        return run

    by_function = COUNT + "hubspot.tenant_deals()"
    by_setting, bound = readers.by_setting, readers.bound
    yield Case("reader_setting", "reader: parent, setting alone", with_setting(DEALS), by_setting)
    named = QUERIES["parent_organization"][1]
    yield Case("reader_setting_named", "reader: parent, organization named too", with_setting(named), by_setting)
    yield Case("reader_function", "reader: `tenant_deals()`", with_setting(by_function), by_setting)
    yield Case("bound_parent", "bound reader: parent, nothing named", _running(subject, DEALS), bound)
    yield Case("bound_function", "bound reader: `tenant_deals()`", _running(subject, by_function), bound)
    yield Case("bound_leaf", "bound reader: its own table", _running(subject, QUERIES["leaf"][1]), bound)


def _dumping(server: BenchServer) -> Callable[[Connection], None]:
    def run(connection: Connection) -> None:
        information = connection.info
        environment = {"PATH": os.defpath, "PGPASSWORD": information.password, "LC_ALL": "C"}
        command = [server.program("pg_dump"), "--schema-only", "--host", information.host]
        command += ["--port", str(information.port), "--username", information.user, information.dbname]
        done = subprocess.run(  # noqa: S603 - the server's own client program
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        if "out of shared memory" in done.stderr:
            raise psycopg.errors.OutOfMemory(done.stderr.strip())
        if done.returncode:
            raise RuntimeError(done.stderr)

    return run
