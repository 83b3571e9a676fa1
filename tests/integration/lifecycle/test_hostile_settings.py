"""A database whose settings would bend what is stored, if we relied on them."""

from __future__ import annotations

import pytest

from airflow_provider_hubspot_deals import kill_points
from airflow_provider_hubspot_deals.kill_points import KillPoint
from airflow_provider_hubspot_deals.sync import heartbeat
from local_stack.processes import wait_until
from tests.integration.lifecycle.conftest import SMALL
from tests.integration.sync.conftest import Organization

HOSTILE = {
    "bytea_output": "escape",
    "client_min_messages": "error",
    "datestyle": "SQL, DMY",
    "default_transaction_isolation": "serializable",
    "extra_float_digits": "-15",
    "intervalstyle": "sql_standard",
    "plan_cache_mode": "force_generic_plan",
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
    acme.portal.edit_deal(first, {"closedate": "2026-03-04", "dealname": r"a\'b", "amount": "0.10"})
    acme.portal.archive_deal(second)
    acme.sync(mode="incremental")

    acme.execute(f'ALTER DATABASE "{name}" RESET ALL')
    assert acme.differences() == []
    stored = acme.deals()[first]
    assert (stored["closedate"].timestamp(), stored["dealname"]) == (1_772_582_400, r"a\'b")
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


def last_beat(organization: Organization) -> object:
    return organization.jobs()[0]["last_heartbeat"]
