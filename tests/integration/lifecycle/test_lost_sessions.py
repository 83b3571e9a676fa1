"""Sessions that end in the middle of a run, and servers that are away for a moment: the attempt goes on by itself."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from threading import Thread, Timer
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import loading, sync
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from airflow_provider_hubspot_deals.sync import recovery
from local_stack.databases import DatabaseServer
from local_stack.processes import wait_until
from tests.integration.lifecycle.conftest import A_TRY, NEXT_TRY, SMALL, Sessions, at_call
from tests.integration.lifecycle.servers import OwnServer
from tests.integration.sync.conftest import Organization


def run(organization: Organization, sessions: Sessions, before: Callable[[str, int], object] | None = None) -> None:
    with organization.client(before=before) as client:
        sync.run(organization.request(origin=A_TRY, **SMALL), client=client, connect=sessions.connect)


def assert_complete(organization: Organization) -> None:
    (job,) = organization.jobs()
    assert (job["status"], job["records_inserted"]) == ("completed", 245)
    assert organization.differences() == []


@pytest.mark.parametrize("page", [1, 3, 5], ids=["first", "middle", "last"])
def test_d01_a_session_that_ends_between_batches_costs_one_batch_at_most(acme: Organization, page: int) -> None:
    sessions = Sessions(acme.database_url)

    run(acme, sessions, at_call("list", page, sessions.terminate))

    assert_complete(acme)
    assert acme.jobs()[0]["attempt"] == 2
    pages = 5  # two of the archived list, three of the live one
    assert sum(seen.endpoint == "list" for seen in acme.simulator.requests) <= pages + 1


@pytest.mark.parametrize("moment", ["_compare", "_stage", "_settle_quarantine"])
def test_d01_a_session_that_ends_within_a_batch_takes_nothing_of_it_along(
    acme: Organization, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    sessions, calls = Sessions(acme.database_url), count(1)
    function = getattr(loading, moment)

    def terminated(*arguments: Any, **settings: Any) -> Any:
        if next(calls) == 2:
            sessions.terminate()
        return function(*arguments, **settings)

    monkeypatch.setattr(loading, moment, terminated)

    run(acme, sessions)

    assert_complete(acme)


def test_d01_any_number_of_losses_is_forgiven_while_batches_are_written_between_them(acme: Organization) -> None:
    opened: list[psycopg.Connection[Any]] = []
    losses = count(1)

    def connect() -> psycopg.Connection[Any]:
        opened.append(psycopg.connect(acme.database_url))
        return opened[-1]

    def lose_every_other(call: str, number: int) -> None:
        if call == "list" and number % 2:
            next(losses)
            Sessions(acme.database_url, opened[-1]).terminate()

    with acme.client(before=lose_every_other) as client:
        sync.run(acme.request(origin=A_TRY, **SMALL), client=client, connect=connect)

    assert next(losses) - 1 > recovery.IN_A_ROW_MAX
    assert_complete(acme)
    assert acme.jobs()[0]["api_calls"] == len(acme.simulator.requests)  # what a batch has told is not told again


def test_d01_readers_that_were_given_up_with_the_session_ask_again(acme: Organization) -> None:
    sessions = Sessions(acme.database_url)
    request = acme.request(origin=A_TRY, batch_rows=100, requests_in_flight=4)

    with acme.client(before=at_call("list", 3, sessions.terminate)) as client:
        sync.run(request, client=client, connect=sessions.connect)

    assert_complete(acme)
    assert acme.jobs()[0]["attempt"] == 2


def test_d01_a_connection_that_breaks_every_time_is_given_up(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, calls = loading.store, count(1)

    def broken(connection: psycopg.Connection[Any], *arguments: Any) -> Any:
        if next(calls) > 1:
            connection.close()
        return store(connection, *arguments)

    monkeypatch.setattr(loading, "store", broken)
    with pytest.raises(DatabaseUnavailableError, match="not available for organization 'acme'"):
        acme.sync(origin=A_TRY, **SMALL)
    (job,) = acme.jobs()
    assert (job["status"], job["error_code"], job["attempt"]) == (
        "pending",
        "DB_UNAVAILABLE",
        recovery.IN_A_ROW_MAX + 1,
    )
    monkeypatch.undo()
    acme.sync(origin=NEXT_TRY, **SMALL)
    assert_complete(acme)


@pytest.mark.parametrize("page", [3, 5], ids=["middle", "last"])
@pytest.mark.parametrize("how", ["immediate", "fast", "a backend killed"])
def test_d09_d11_d12_a_server_that_crashes_and_comes_back_loses_nothing(
    acme: Organization, server: OwnServer, how: str, page: int
) -> None:
    organization = replace(acme, database_url=server.url)

    def crash() -> None:
        if how == "a backend killed":
            server.kill_session()
        else:
            server.end(signal.SIGQUIT if how == "immediate" else signal.SIGINT)

    with organization.client(before=at_call("list", page, crash)) as client:
        sync.run(organization.request(origin=A_TRY, **SMALL), client=client, connect=server.connect)

    assert_complete(organization)
    assert server.refusals or how == "a backend killed"


def test_d10_a_server_without_a_free_connection_is_waited_for(acme: Organization, server: OwnServer) -> None:
    organization, taken = replace(acme, database_url=server.url), contextlib.ExitStack()
    refused_before: list[int] = []

    def leave() -> None:
        with taken:
            wait_until(lambda: server.refusals > refused_before[0], what="a refusal", timeout_s=30)

    def crowd() -> None:
        server.kill_session()
        wait_until(server.postgres._accepts_connections, what="PostgreSQL", timeout_s=30)
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                taken.enter_context(psycopg.connect(server.url))
        refused_before.append(server.refusals)
        Thread(target=leave).start()

    with organization.client(before=at_call("list", 3, crowd)) as client:
        sync.run(organization.request(origin=A_TRY, **SMALL), client=client, connect=server.connect)

    assert_complete(organization)
    assert server.refusals > refused_before[0]


def test_d10_a_lock_table_that_others_have_filled_is_named_and_nothing_is_half_written(
    acme: Organization, server: OwnServer
) -> None:
    organization, hog = replace(acme, database_url=server.url), psycopg.connect(server.url, autocommit=True)

    def fill() -> None:
        with pytest.raises(psycopg.errors.OutOfMemory, match="shared memory"):  # and what it has, it keeps
            hog.execute("SELECT pg_advisory_lock(number) FROM generate_series(1, 10000000) AS number")

    with contextlib.closing(hog):
        with pytest.raises(DatabaseUnavailableError, match="raise max_locks_per_transaction") as raised:
            organization.sync(mode="full", before=at_call("list", 4, fill), origin=A_TRY, **SMALL)
        hog.execute("SELECT pg_advisory_unlock_all()")  # a session that ends gives them back some time later

    assert raised.value.code == "DB_MEMORY"
    (job,) = organization.jobs()
    assert job["records_inserted"] == len(organization.deals()) < 245
    organization.sync(mode="full", origin=NEXT_TRY, **SMALL)
    assert_complete(organization)


def test_d11_a_server_that_stays_away_leaves_the_job_to_its_retry(
    acme: Organization, server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "PATIENCE_S", 0.5)
    organization = replace(acme, database_url=server.url)
    before = at_call("list", 4, lambda: server.end(signal.SIGQUIT))
    with pytest.raises(DatabaseUnavailableError, match="not available for organization 'acme'"):
        organization.sync(before=before, origin=A_TRY, **SMALL)

    server.postgres.process.start()
    wait_until(server.postgres._accepts_connections, what="PostgreSQL", timeout_s=30)
    assert organization.jobs()[0]["status"] == "running"  # nobody could write that it is not
    organization.sync(origin=NEXT_TRY, **SMALL)
    assert_complete(organization)


def test_d13_a_server_that_is_read_only_for_a_moment_is_waited_for(acme: Organization) -> None:
    sessions, name = Sessions(acme.database_url), acme.query("SELECT current_database() AS name")[0]["name"]

    def set_read_only(setting: str) -> None:
        with psycopg.connect(acme.database_url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {setting}')

    def fail_over() -> None:
        set_read_only("on")
        sessions.terminate()
        Timer(0.5, set_read_only, ["off"]).start()

    run(acme, sessions, at_call("list", 3, fail_over))

    assert_complete(acme)


def test_d13_a_server_that_stays_read_only_is_named_as_such(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "PATIENCE_S", 0.3)
    name = acme.query("SELECT current_database() AS name")[0]["name"]
    acme.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    with pytest.raises(
        DatabaseUnavailableError, match="takes no writes; the connection must lead to the primary"
    ) as it:
        acme.sync(origin=A_TRY, **SMALL)
    assert it.value.code == "DB_READ_ONLY"


def test_d14_d13_an_older_copy_of_the_database_is_brought_up_to_date(
    acme: Organization, postgres_server: DatabaseServer
) -> None:
    acme.sync(mode="full")
    name = acme.query("SELECT current_database() AS name")[0]["name"]
    restored = postgres_server.create_database(f"{name}_restored", template=name)
    try:
        first, second, *_ = sorted(acme.portal.live_deals())
        acme.portal.edit_deal(first, {"dealname": "changed after the backup"})
        acme.portal.archive_deal(second)
        acme.sync()
        of_restored = replace(acme, database_url=restored)
        assert of_restored.differences() != []
        of_restored.sync()
        assert of_restored.differences() == []
    finally:
        postgres_server.drop_database(f"{name}_restored")
