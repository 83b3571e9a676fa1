"""Organizations that have never run, and those that a mistake holds up: what only Airflow knows of."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from airflow_provider_hubspot_deals import migrations
from airflow_provider_hubspot_deals.plugin import other_stores
from airflow_provider_hubspot_deals.sql.network import PATIENCE
from tests.integration.plugin.shown import cells, stats, words
from tests.integration.tenant import Tenant, a_run

if TYPE_CHECKING:
    from tests.integration.plugin.conftest import Visit

KnowsDags = Callable[..., None]


def test_an_organization_whose_dag_never_ran_says_so(visit: Visit, acme: Tenant, knows_dags: KnowsDags) -> None:
    knows_dags(["hubspot_deals_globex"], is_paused=True)
    row = cells(visit(role="viewer").get(q="globex").text, "globex")
    assert words(row) == "globex never paused no run yet 0 0 0 0 no runs"
    assert "/dags/hubspot_deals_globex" in row
    assert "/organizations/" not in row

    acme.claim(a_run())
    text = visit().get().text
    assert "running" in cells(text, "acme")
    assert "2 organizations" in stats(text)
    acme.execute("DELETE FROM hubspot.jobs")
    assert words(cells(visit().get().text, "acme")).startswith("acme never no run yet")


def test_dags_that_are_no_organization_s_or_gone_or_another_s_to_read_are_no_organizations(
    visit: Visit, acme: Tenant, knows_dags: KnowsDags
) -> None:
    acme.claim(a_run())
    knows_dags(["hubspot_deals_maintenance", "hubspot_deals_maintenance.eu", "nightly", "hubspotXdealsXodd"])
    knows_dags(["hubspot_deals_gone"], is_stale=True)
    knows_dags(["hubspot_deals_own"], tags=[])
    assert "1 organizations" in stats(visit().get().text)
    knows_dags(["hubspot_deals_maintenance_team"])
    assert "2 organizations" in stats(visit().get().text)
    assert "1 organizations" in stats(visit(role="viewer", name="only:hubspot_deals_acme").get().text)


def test_a_mistake_in_an_entry_is_told_whether_its_organization_has_run_or_not(
    visit: Visit, acme: Tenant, knows_dags: KnowsDags
) -> None:
    acme.claim(a_run(), stale_after_minutes=60)
    acme.execute(
        "UPDATE hubspot.sync_state SET watermark = now() - interval '3 h', last_sync_at = now() - interval '2 h'"
    )
    soon = datetime.now(UTC) + timedelta(minutes=30.5)
    assert "mistake" not in visit().get().text
    broken = ["hubspot_deals_acme", "hubspot_deals_globex", "hubspot_deals_configuration"]
    knows_dags(broken, next_run=soon, schedule="@daily", tags=["hubspot", "configuration-error"])
    knows_dags(["hubspot_deals_fresh"], next_run=soon)

    text = visit().get(sort="freshness").text

    assert {"4 organizations", "3 with a mistake", "1 stale"} <= set(stats(text))
    for name in ("acme", "globex", "configuration"):
        row = cells(text, name)
        assert "mistake in the organizations file" in row
        assert "next run" not in row
        assert text.index(f"{name}</a>") < text.index("fresh</a>")
    assert "next run in 30 min" in words(cells(text, "fresh"))


def test_an_organization_of_another_store_is_not_missing_in_this_one(
    visit: Visit, acme: Tenant, knows_dags: KnowsDags, monkeypatch: pytest.MonkeyPatch, empty_database_url: str
) -> None:
    migrations.upgrade(empty_database_url)
    knows_dags(["hubspot_deals_globex", "hubspot_deals_initech"])
    acme.claim(a_run())
    Tenant(empty_database_url, "globex").claim(a_run(dag_id="hubspot_deals_globex"))
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", empty_database_url)
    monkeypatch.setenv("AIRFLOW__HUBSPOT_DEALS__STORES", "hubspot_deals_postgres/hubspot, warehouse/hubspot")
    for store, here, there in [("0", "acme", "globex"), ("1", "globex", "acme")]:
        text = visit().get(store=store).text
        assert "running" in cells(text, here)
        assert "no run yet" in cells(text, "initech")
        assert f"{there}</a>" not in text


def test_another_store_that_does_not_answer_is_asked_once_a_minute_and_not_by_every_view(
    visit: Visit, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.claim(a_run())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(5)
        monkeypatch.setenv("AIRFLOW_CONN_FAR", f"postgres://loader:secret@127.0.0.1:{silent.getsockname()[1]}/deals")
        monkeypatch.setenv("AIRFLOW__HUBSPOT_DEALS__STORES", "hubspot_deals_postgres/hubspot, far/hubspot")
        began = monotonic()
        assert "acme</a>" in visit().get().text
        assert monotonic() - began < PATIENCE["connect_timeout"]
        silent.accept()[0].close()

        assert "acme</a>" in visit().get().text

        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_of_a_store_that_went_away_the_page_remembers_whose_organizations_it_has(
    visit: Visit,
    acme: Tenant,
    knows_dags: KnowsDags,
    monkeypatch: pytest.MonkeyPatch,
    empty_database_url: str,
) -> None:
    migrations.upgrade(empty_database_url)
    knows_dags(["hubspot_deals_globex"])
    acme.claim(a_run())
    Tenant(empty_database_url, "globex").claim(a_run(dag_id="hubspot_deals_globex"))
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", empty_database_url)
    monkeypatch.setenv("AIRFLOW__HUBSPOT_DEALS__STORES", "hubspot_deals_postgres/hubspot, warehouse/hubspot")
    browser = visit()
    assert "globex</a>" not in browser.get().text

    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://loader:secret@127.0.0.1:1/deals")
    monkeypatch.setattr(other_stores, "KEPT_S", 0.0)

    assert "globex</a>" not in browser.get().text
