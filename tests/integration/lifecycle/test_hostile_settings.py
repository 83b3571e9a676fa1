"""A database whose settings would bend what is stored, if we relied on them."""

from __future__ import annotations

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
