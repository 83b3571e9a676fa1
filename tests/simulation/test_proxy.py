"""What the proxy makes of one COMMIT, as the client, another session and PostgreSQL itself see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import psycopg
import pytest

from airflow_provider_hubspot_deals.sql.hanging_up import hung_up_after
from local_stack.processes import wait_until
from local_stack.simulation.proxy import CommitProxy, Spoiling

WRITER = "the writer"
STATES = "SELECT state FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"
Query = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def proxy(database_url: str) -> Iterator[CommitProxy]:
    parts = urlsplit(database_url)
    with CommitProxy(parts.hostname or "", parts.port or 0) as running:
        yield running


@pytest.fixture
def query(database_url: str) -> Iterator[Query]:
    """Past the proxy."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE deals (id int)")
        yield lambda statement, *parameters: connection.execute(statement, parameters).fetchall()


@pytest.mark.parametrize(
    ("spoiling", "is_stored"),
    [(Spoiling.REPLY_LOST, True), (Spoiling.SWALLOWED, True), (Spoiling.BLACKHOLED, False)],
)
def test_one_commit_is_spoiled_and_no_other_statement(
    database_url: str, proxy: CommitProxy, query: Query, spoiling: Spoiling, *, is_stored: bool
) -> None:
    with psycopg.connect(through(database_url, proxy), application_name=WRITER) as writer:
        proxy.arm(spoiling)
        writer.execute("CREATE TEMPORARY TABLE stage (id int) ON COMMIT DROP")
        writer.execute("INSERT INTO deals VALUES (1)")
        assert not proxy.has_fired
        with pytest.raises(psycopg.OperationalError), hung_up_after(writer, 1.0):
            writer.commit()

    assert proxy.has_fired
    wait_until(lambda: bool(query("SELECT FROM deals")) == is_stored, what="the COMMIT", timeout_s=5)
    proxy.expect()
    is_gone = spoiling != Spoiling.BLACKHOLED
    wait_until(lambda: (not query(STATES, WRITER)) == is_gone, what="the session", timeout_s=5)
    if not is_gone:
        assert query(STATES, WRITER) == [("idle in transaction",)]


def test_a_link_that_swallows_everything_is_cut_with_the_proxy(
    database_url: str, proxy: CommitProxy, query: Query
) -> None:
    with psycopg.connect(through(database_url, proxy), application_name=WRITER) as writer:
        proxy.arm(Spoiling.BLACKHOLED)
        writer.execute("INSERT INTO deals VALUES (1)")
        with suppress(psycopg.OperationalError), hung_up_after(writer, 0.2):
            writer.commit()

    proxy.__exit__()

    wait_until(lambda: not query(STATES, WRITER), what="the end of the session", timeout_s=5)
    assert query("SELECT FROM deals") == []


def through(database_url: str, proxy: CommitProxy) -> str:
    parts = urlsplit(database_url)
    account = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{account}@127.0.0.1:{proxy.port}", query="sslmode=disable").geturl()
