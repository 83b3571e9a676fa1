"""A database whose settings would bend what is stored, if we relied on them."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from airflow_provider_hubspot_deals import kill_points, sync
from airflow_provider_hubspot_deals.kill_points import KillPoint
from airflow_provider_hubspot_deals.sync import heartbeat
from local_stack.processes import wait_until
from tests.integration.lifecycle.conftest import SMALL
from tests.integration.sync.conftest import Organization

HOSTILE = {
    "bytea_output": "escape",
    "client_encoding": "LATIN1",
    "client_min_messages": "error",
    "datestyle": "SQL, DMY",
    "default_transaction_isolation": "serializable",
    "extra_float_digits": "-15",
    "intervalstyle": "sql_standard",
    "plan_cache_mode": "force_generic_plan",
    "row_security": "off",
    "search_path": "pg_temp, public",
    "standard_conforming_strings": "off",
    "synchronous_commit": "off",
    "timezone": "Asia/Tokyo",
}


def test_d26_hostile_settings_of_the_database_bend_nothing_of_a_run(acme: Organization) -> None:
    name = acme.query("SELECT current_database() AS name")[0]["name"]
    for setting, value in HOSTILE.items():
        acme.execute(f'ALTER DATABASE "{name}" SET {setting} = {value if "," in value else repr(value)}')

    acme.sync(mode="full", **SMALL)
    first, second, *_ = sorted(acme.portal.live_deals())
    acme.portal.edit_deal(first, {"closedate": "2026-03-04", "dealname": r"a\'b ü 東京", "amount": "0.10"})
    acme.portal.archive_deal(second)
    acme.sync(mode="incremental")

    acme.execute(f'ALTER DATABASE "{name}" RESET ALL')
    assert acme.differences() == []
    stored = acme.deals()[first]
    assert (stored["closedate"].timestamp(), stored["dealname"]) == (1_772_582_400, r"a\'b ü 東京")
    assert [job["status"] for job in acme.jobs()] == ["completed", "completed"]


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_d26_a_heartbeat_within_each_batch_costs_nothing_whatever_isolation_the_database_sets(
    acme: Organization, monkeypatch: pytest.MonkeyPatch, isolation: str
) -> None:
    name = acme.query("SELECT current_database() AS name")[0]["name"]
    acme.execute(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = '{isolation}'")
    monkeypatch.setattr(heartbeat, "INTERVAL_S", 0.05)

    def wait_for_a_beat(point: KillPoint) -> None:
        if point == KillPoint.ROWS_WRITTEN:
            before = last_beat(acme)
            wait_until(lambda: last_beat(acme) != before, what="a heartbeat", timeout_s=30)

    kill_points.listen(wait_for_a_beat)
    try:
        acme.sync(mode="full", **SMALL)
    finally:
        kill_points.listen(None)

    (job,) = acme.jobs()
    assert (job["status"], job["attempt"]) == ("completed", 1)
    assert acme.differences() == []


class NotedCursor(psycopg.Cursor[Any]):
    """Notes what is sent outside a transaction."""

    outside: list[str]

    def execute(self, query: Any, *arguments: Any, **settings: Any) -> NotedCursor:
        if self.connection.info.transaction_status == TransactionStatus.IDLE:
            self.outside.append(str(query))
        return super().execute(query, *arguments, **settings)


def test_d26_no_statement_of_a_run_is_outside_the_transactions_that_have_our_settings(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotedCursor, "outside", [], raising=False)

    def connect() -> psycopg.Connection[Any]:
        return psycopg.connect(acme.database_url, cursor_factory=NotedCursor)

    for mode in ("full", "incremental"):
        request = acme.request(mode=mode, associations=("contacts",), history=("dealstage",), **SMALL)
        with acme.client() as client:
            sync.run(request, client=client, connect=connect)

    assert NotedCursor.outside == []
    assert acme.differences() == []


def last_beat(organization: Organization) -> object:
    return organization.jobs()[0]["last_heartbeat"]
