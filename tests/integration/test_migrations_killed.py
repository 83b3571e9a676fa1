"""A migrator that is killed, again and again and wherever it is: the next one goes on, and the end is the same."""

from __future__ import annotations

import multiprocessing
import os
import signal
from itertools import count
from typing import Any

import psycopg

from airflow_provider_hubspot_deals import migrations
from tests.integration.catalog import description


def migrate_and_die(url: str, at: int) -> None:
    """In a process of its own: before its ``at``-th statement, unless it is through by then."""
    execute, calls = psycopg.Cursor.execute, count(1)

    def dying(*arguments: Any, **settings: Any) -> Any:
        if next(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(*arguments, **settings)

    psycopg.Cursor.execute = dying  # type: ignore[method-assign]  # this process ends here
    migrations.upgrade(url)
    os._exit(0)


def test_g07_a_migrator_that_is_killed_anywhere_is_gone_on_with(empty_database_url: str, database_url: str) -> None:
    killed = 0
    for at in count(2, 5):
        migrator = multiprocessing.get_context("fork").Process(target=migrate_and_die, args=(empty_database_url, at))
        migrator.start()
        migrator.join(60)
        if migrator.exitcode == 0:
            break
        assert migrator.exitcode == -signal.SIGKILL
        killed += 1

    assert killed >= 5
    assert description(empty_database_url) == description(database_url)
    migrations.upgrade(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        migrations.check(connection)
        assert migrations.security_findings(connection) == []
