"""A database that answers no more, though its connections stay up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from airflow_provider_hubspot_deals.sql.hanging_up import hung_up_after
from airflow_provider_hubspot_deals.sync import JobOrigin, heartbeat, recovery
from tests.integration.sync.conftest import Organization
from tests.integration.sync.proxy import SilentProxy

FIRST, SECOND = (
    JobOrigin(dag_id="deals", run_id="run-1", task_id="load", try_number=number, max_tries=3) for number in (1, 2)
)


@pytest.fixture
def proxy(database_url: str) -> Iterator[SilentProxy]:
    parts = urlsplit(database_url)
    with SilentProxy(parts.hostname or "127.0.0.1", parts.port or 5432) as running:
        yield running


@pytest.fixture
def behind_proxy(acme: Organization, proxy: SilentProxy) -> Organization:
    parts = urlsplit(acme.database_url)
    account = parts.netloc.rpartition("@")[0]
    acme.database_url = parts._replace(
        netloc=f"{account}@127.0.0.1:{proxy.port}", query="connect_timeout=2&sslmode=disable"
    ).geturl()
    return acme


def wait_for_sessions(url: str, number: int) -> None:
    deadline = time.monotonic() + 30
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(others + " AND state = 'idle'").fetchone() != (number,):
            assert time.monotonic() < deadline, f"there are not {number} sessions"
            time.sleep(0.02)


@pytest.mark.peer_pain(33)
def test_a_run_whose_database_falls_silent_ends_within_seconds_and_its_retry_goes_on(
    behind_proxy: Organization, database_url: str, proxy: SilentProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "INTERVAL_S", 0.2)
    monkeypatch.setattr(heartbeat, "LOST_AFTER_S", 1.0)
    monkeypatch.setattr(recovery, "PATIENCE_S", 1.0)

    def fall_silent(call: str, number: int) -> None:
        if (call, number) == ("list", 4):
            wait_for_sessions(database_url, 2)  # of the run and of its heartbeat
            proxy.fall_silent()

    began = time.monotonic()
    with pytest.raises(DatabaseUnavailableError, match="acme"):
        behind_proxy.sync(before=fall_silent, origin=FIRST, batch_rows=100)
    assert time.monotonic() - began < 15

    acme = behind_proxy
    acme.database_url = database_url
    acme.sync(origin=SECOND, batch_rows=100)
    assert acme.differences() == []


@pytest.mark.parametrize(("in_flight", "answer_timeout_s"), [(1, 1.0), (4, sql.TRANSACTION_TIMEOUT_S)])
def test_a_look_into_a_silent_database_ends_too(
    behind_proxy: Organization,
    proxy: SilentProxy,
    monkeypatch: pytest.MonkeyPatch,
    in_flight: int,
    answer_timeout_s: float,
) -> None:
    monkeypatch.setattr(heartbeat, "INTERVAL_S", 0.2)
    monkeypatch.setattr(heartbeat, "LOST_AFTER_S", 1.0)
    monkeypatch.setattr(sql, "TRANSACTION_TIMEOUT_S", answer_timeout_s)
    monkeypatch.setattr(recovery, "PATIENCE_S", 1.0)
    behind_proxy.sync()

    def fall_silent(call: str, _number: int) -> None:
        if call == "search":  # what it finds is looked up next
            proxy.fall_silent()

    behind_proxy.portal.edit_deal(min(behind_proxy.portal.live_deals()), {"amount": "5"})
    behind_proxy.simulator.clock.shift(60)
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailableError, match="PostgreSQL"):
        behind_proxy.sync(before=fall_silent, mode="incremental", requests_in_flight=in_flight)
    assert time.monotonic() - began < 15


def test_a_call_beyond_its_time_ends_as_a_lost_connection(database_url: str) -> None:
    began = time.monotonic()
    with (
        psycopg.connect(database_url, autocommit=True) as connection,
        pytest.raises(psycopg.OperationalError),
        hung_up_after(connection, 0.2),
    ):
        connection.execute("SELECT pg_sleep(60)")
    assert time.monotonic() - began < 10


def test_a_call_in_time_leaves_the_connection_as_it_was(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        with hung_up_after(connection, 30):
            connection.execute("SELECT 1")
        assert connection.execute("SELECT 2").fetchone() == (2,)
