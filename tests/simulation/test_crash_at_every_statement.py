"""The database connection breaks before, or right after, the n-th statement of a run, for every n.

The retry must find its job and end with a complete copy, whichever statement it was.
"""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from airflow_provider_hubspot_deals.sync import JobOrigin
from tests.integration.sync.conftest import Organization, SimulatorOf

STATEMENTS_MAX = 200


class Breaker:
    """Breaks the main thread's connection once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._execute = psycopg.Cursor.execute
        self._left = 0
        self._after = False
        monkeypatch.setattr(psycopg.Cursor, "execute", self._patched())

    def arm(self, statement_number: int, *, after: bool) -> None:
        self._left, self._after = statement_number, after

    @property
    def has_fired(self) -> bool:
        return self._left <= 0

    def disarm(self) -> None:
        self._left = 0

    def _patched(self) -> Any:
        breaker, execute = self, self._execute

        def patched(cursor: Any, *arguments: Any, **options: Any) -> Any:
            if breaker._left <= 0 or threading.current_thread() is not threading.main_thread():
                return execute(cursor, *arguments, **options)
            breaker._left -= 1
            if breaker._left:
                return execute(cursor, *arguments, **options)
            if breaker._after:
                execute(cursor, *arguments, **options)
            cursor.connection.pgconn.finish()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        return patched


def run_and_retry(organization: Organization, breaker: Breaker, number: int, *, after: bool) -> bool:
    """One run whose connection breaks, and its retry; False when it ended before the break."""
    attempts = [
        JobOrigin(dag_id="deals", run_id=organization.slug, task_id="load", try_number=number, max_tries=9)
        for number in (1, 2)
    ]
    breaker.arm(number, after=after)
    try:
        organization.sync(origin=attempts[0], mode="full", batch_rows=100)
    except DatabaseUnavailableError:
        organization.sync(origin=attempts[1], mode="full", batch_rows=100)
        return True
    fired = breaker.has_fired
    breaker.disarm()
    return fired


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
def test_a_connection_that_breaks_at_any_statement_costs_nothing(
    simulator_of: SimulatorOf, database_url: str, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    # Hundreds of runs, which would spend most of their time waiting for the portal's limit.
    organization = simulator_of(database_url, deals=130, archived=15, rate_limits=False)
    organization.simulator.account(1001).portal.set_search_lag(0)
    breaker = Breaker(monkeypatch)
    for number in range(1, STATEMENTS_MAX):
        organization.slug = f"crash-{number}"
        goes_on = run_and_retry(organization, breaker, number, after=after)
        assert organization.differences() == [], f"statement {number}"
        assert [job["status"] for job in organization.jobs()] == ["completed"], f"statement {number}"
        organization.execute("DELETE FROM hubspot.organizations")  # a portal belongs to one organization
        if not goes_on:
            break
    else:
        pytest.fail("no run ended before the break")
    assert number > 40  # as many statements as a run has, at least
