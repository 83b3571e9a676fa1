"""Sessions of others that really hold what a batch needs: a deadlock, a lock that is kept too long, a connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import kill_points
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from airflow_provider_hubspot_deals.kill_points import KillPoint
from airflow_provider_hubspot_deals.sync import recovery
from local_stack.processes import wait_until
from tests.integration.lifecycle.conftest import A_TRY, NEXT_TRY, SMALL
from tests.integration.lifecycle.servers import OwnServer
from tests.integration.roles import SUPERUSER, Roles
from tests.integration.sync.conftest import Organization

WAITING = "SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"  # of any role
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


@pytest.fixture(autouse=True)
def nobody_listens_afterwards() -> Iterator[None]:
    yield
    kill_points.listen(None)


@contextmanager
def rival_of(acme: Organization, roles: Roles, deal_id: int) -> Iterator[psycopg.Connection[Any]]:
    """A session that has locked a deal, and looks for deadlocks so late that the other one finds them."""
    with psycopg.connect(roles.url_of(SUPERUSER)) as connection:
        connection.execute("SET deadlock_timeout = '60s'")
        connection.execute(
            "SELECT FROM hubspot.hubspot_deals WHERE _organization_id = %s AND hubspot_deal_id = %s FOR UPDATE",
            [acme.id, deal_id],
        )
        yield connection


def within_the_first_live_batch(do: Callable[[], object]) -> None:
    """When it holds the fence and nothing else. The one before it has the archived deals."""
    worker, batches = threading.current_thread(), count(1)

    def reached(point: KillPoint) -> None:
        is_ours = point == KillPoint.BATCH_BEGUN and threading.current_thread() is worker
        if is_ours and next(batches) == 2:
            do()

    kill_points.listen(reached)


def assert_complete(acme: Organization) -> dict[str, Any]:
    job = acme.jobs()[-1]
    assert job["status"] == "completed"
    assert acme.differences() == []
    return job


def test_d06_a_real_deadlock_costs_the_batch_and_not_the_run(acme: Organization, roles: Roles) -> None:
    acme.sync(mode="full", **SMALL)
    deal_id = min(acme.portal.live_deals())
    acme.portal.edit_deal(deal_id, {"dealname": "Wanted by two"})
    fence = "SELECT FROM hubspot.sync_state WHERE organization_id = %s FOR UPDATE"
    before = acme.query(DEADLOCKS)
    with rival_of(acme, roles, deal_id) as rival, ThreadPoolExecutor() as threads:

        def lock_fence() -> None:
            rival.execute(fence, [acme.id])
            rival.rollback()

        def cross() -> None:
            threads.submit(lock_fence)
            wait_until(lambda: acme.query(WAITING) != [], what="the rival", timeout_s=20)

        within_the_first_live_batch(cross)
        acme.sync(mode="full", origin=A_TRY, **SMALL)

    assert assert_complete(acme)["attempt"] == 2
    wait_until(lambda: acme.query(DEADLOCKS) != before, what="its statistics", timeout_s=20)


def test_d07_a_lock_that_somebody_keeps_longer_than_ten_seconds_is_waited_for_again(
    acme: Organization, roles: Roles
) -> None:
    acme.sync(mode="full", **SMALL)
    deal_id = min(acme.portal.live_deals())
    acme.portal.edit_deal(deal_id, {"dealname": "Kept by another"})
    with rival_of(acme, roles, deal_id) as rival:
        release = threading.Timer(11.0, rival.rollback)
        within_the_first_live_batch(release.start)
        acme.sync(mode="full", origin=A_TRY, **SMALL)
        release.join()

    assert assert_complete(acme)["attempt"] >= 2


def test_d10_a_server_that_has_no_connection_left_names_the_limit(
    acme: Organization, server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    organization = replace(acme, database_url=server.url)
    monkeypatch.setattr(recovery, "PATIENCE_S", 0.5)

    def limit(connections: int) -> None:
        with psycopg.connect(server.postgres.superuser_url, autocommit=True) as administrator:
            administrator.execute(f"ALTER ROLE hubspot_loader CONNECTION LIMIT {connections}")

    def is_alone() -> bool:
        with psycopg.connect(server.postgres.superuser_url) as administrator:
            query = "SELECT FROM pg_stat_activity WHERE usename = 'hubspot_loader'"
            return administrator.execute(query).fetchone() is None

    wait_until(is_alone, what="the end of earlier sessions", timeout_s=30)
    limit(1)  # and what a run looks up ahead needs a second one
    try:
        with pytest.raises(DatabaseUnavailableError, match="raise max_connections") as raised:
            organization.sync(origin=A_TRY, **SMALL)
    finally:
        limit(-1)

    (job,) = organization.jobs()
    assert (raised.value.code, job["error_code"], job["status"]) == ("DB_CONNECTIONS", "DB_CONNECTIONS", "pending")
    organization.sync(origin=NEXT_TRY, **SMALL)
    assert organization.differences() == []
