"""Disks that are really full: of the data, which PostgreSQL survives, and of its log, which it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import sync
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from local_stack.exceptions import StackError
from local_stack.throwaway import temporary_directory
from tests.integration.invariants import violations
from tests.integration.lifecycle.conftest import A_TRY, NEXT_TRY, SERVER_SETTINGS, SMALL, at_call
from tests.integration.lifecycle.disks import ServerOnDisk, SmallDisk
from tests.integration.lifecycle.servers import OwnServer
from tests.integration.sync.conftest import Organization

FEW_SEGMENTS = {"min_wal_size": "32MB", "max_wal_size": "32MB"}  # of 16 MB each


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with temporary_directory() as directory, ExitStack() as mounted:
        try:
            small = mounted.enter_context(SmallDisk(directory / "disk", megabytes=96))
        except StackError as error:
            pytest.skip(f"this system lets nobody mount a file system in a user namespace: {error}")
        yield small


@pytest.fixture
def postgres(disk: SmallDisk) -> Iterator[ServerOnDisk]:
    with temporary_directory() as directory:
        server = ServerOnDisk(directory, disk, {**SERVER_SETTINGS, **FEW_SEGMENTS})
        try:
            server.start()
            yield server
        finally:
            server.stop()


def assert_complete(organization: Organization) -> None:
    (job,) = organization.jobs()
    assert (job["status"], job["records_inserted"]) == ("completed", 245)
    assert organization.differences() == []
    assert violations(organization.database_url) == []


def move_database(postgres: ServerOnDisk, name: str, to: Path) -> None:
    with psycopg.connect(postgres.superuser_url, autocommit=True) as superuser:
        superuser.execute(f"CREATE TABLESPACE small LOCATION '{to}'")
        superuser.execute(f"ALTER DATABASE {name} SET TABLESPACE small")


def move_deals(postgres: ServerOnDisk, name: str, to: Path) -> None:
    with psycopg.connect(postgres.superuser_url, dbname=name, autocommit=True) as superuser:
        superuser.execute(f"CREATE TABLESPACE small LOCATION '{to}'")
        leaves = "SELECT relid::regclass::text FROM pg_partition_tree('hubspot.hubspot_deals') WHERE isleaf"
        for (leaf,) in superuser.execute(leaves).fetchall():
            superuser.execute(f"ALTER TABLE {leaf} SET TABLESPACE small")


def use_up_log(url: str) -> None:
    """Begin one segment after the other; some lie ready."""
    with psycopg.connect(url, autocommit=True) as superuser:
        for _ in range(20):
            superuser.execute("SELECT pg_logical_emit_message(false, 'test', 'x')")
            superuser.execute("SELECT pg_switch_wal()")


def test_d08_a_disk_of_the_deals_that_is_full_fails_the_attempt_and_takes_nothing_along(
    acme: Organization, postgres: ServerOnDisk, disk: SmallDisk
) -> None:
    with OwnServer(postgres) as server:
        organization = replace(acme, database_url=server.url)

        def fill() -> None:
            move_deals(postgres, server.name, disk.mount_point)
            disk.fill()

        with pytest.raises(DatabaseUnavailableError, match="no disk space left; make room") as raised:
            organization.sync(origin=A_TRY, before=at_call("list", 4, fill), **SMALL)

        (job,) = organization.jobs()
        assert (raised.value.code, job["error_code"], job["status"]) == ("DB_STORAGE", "DB_STORAGE", "pending")
        assert job["records_inserted"] == len(organization.deals()) > 0
        disk.make_room()
        organization.sync(origin=NEXT_TRY, **SMALL)
        assert_complete(organization)


def test_d08_where_not_even_the_job_finds_room_to_say_so_the_next_try_goes_on(
    acme: Organization, postgres: ServerOnDisk, disk: SmallDisk
) -> None:
    with OwnServer(postgres) as server:
        move_database(postgres, server.name, disk.mount_point)
        organization = replace(acme, database_url=server.url)

        with pytest.raises(DatabaseUnavailableError, match="no disk space left; make room"):
            organization.sync(origin=A_TRY, before=at_call("list", 4, disk.fill), **SMALL)

        (job,) = organization.jobs()  # pending or, without room for a word, still running
        assert job["records_inserted"] == len(organization.deals()) > 0
        disk.make_room()
        organization.sync(origin=NEXT_TRY, **SMALL)
        assert_complete(organization)


def test_d09_a_server_that_panics_because_its_log_has_no_room_is_waited_for(
    acme: Organization, postgres: ServerOnDisk, disk: SmallDisk
) -> None:
    postgres.stop()
    postgres.move_wal()
    postgres.start()
    with OwnServer(postgres) as server:
        organization = replace(acme, database_url=server.url)

        def panic() -> None:
            disk.fill()
            with pytest.raises(psycopg.OperationalError):
                use_up_log(server.postgres.superuser_url)

        def connect() -> psycopg.Connection[Any]:
            try:
                return server.connect()
            except psycopg.OperationalError:
                disk.make_room()  # as somebody does whom the monitoring calls
                raise

        with organization.client(before=at_call("list", 4, panic)) as client:
            sync.run(organization.request(origin=A_TRY, **SMALL), client=client, connect=connect)

        assert "PANIC:  could not write to file" in (postgres.directory / "postgres.log").read_text()
        assert_complete(organization)
