"""The table of organizations, through Airflow's own application and out of real PostgreSQL."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.organizations.organization import dag_id_of
from airflow_provider_hubspot_deals.organizations.stores import USUAL_STORE
from airflow_provider_hubspot_deals.plugin.reading import reading
from tests.integration.plugin.fleet import fill_fleet
from tests.integration.plugin.shown import cells, stats, words
from tests.integration.tenant import Tenant, a_batch, a_run
from tests.integration.two_tenants import fill

if TYPE_CHECKING:
    from tests.integration.plugin.conftest import Visit

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>{{ 7*7 }}"
SERVER_SECONDS_MAX = 0.3
KnowsDags = Callable[..., None]
ENDED_FIVE_MINUTES_AGO = """
ALTER TABLE hubspot.jobs DISABLE TRIGGER USER;
UPDATE hubspot.jobs SET created_at = now() - interval '6 min', start_time = now() - interval '6 min',
                        end_time = now() - interval '5 min';
ALTER TABLE hubspot.jobs ENABLE TRIGGER USER
"""


def cpu_seconds(url: str) -> float:
    """Of this process, in which Airflow answers, and of the database: whatever else the machine does costs none."""
    with psycopg.connect(url) as connection:
        server = stat(connection.info.backend_pid)[1]
        ended = sum(map(int, stat(int(server))[13:15]))
    return process_time() + ended / os.sysconf("SC_CLK_TCK")


def stat(pid: int) -> list[str]:
    """What Linux says of a process, behind its name: state, parent, ….

    The 14th and 15th are the CPU ticks of its children that have ended.
    """
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def test_a_running_job_shows_how_far_it_is_and_when_it_will_be_done(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run())
    acme.execute(
        "UPDATE hubspot.jobs SET phase = 'live', start_time = now() - interval '100 seconds', records_extracted = 2500,"
        " records_inserted = 2500, records_expected = 10000 WHERE id = %s",
        job.id,
    )
    row = cells(visit().get().text, "acme")
    assert '<progress max="1" value="0.250"' in row
    assert "2,500 of 10,000 deals" in row
    assert "25/s" in row
    assert "5 min" in row
    assert f"/hubspot-deals/dags/hubspot_deals_acme/jobs/{job.id}" in row


def test_deals_changes_calls_issues_and_quarantine_are_counted(visit: Visit, acme: Tenant) -> None:
    fill(acme)
    acme.execute("UPDATE hubspot.sync_state SET watermark = now() - interval '90 minutes'")
    (stored,) = acme.query("SELECT count(*) FROM hubspot.hubspot_deals")
    (waiting,) = acme.query("SELECT count(*) FROM hubspot.deals_quarantine WHERE resolved_at IS NULL")
    acme.execute("ANALYZE hubspot.hubspot_deals")
    row = cells(visit().get().text, "acme")
    assert "1 h 30 min ago" in row
    assert f'<td class="number">{stored["count"]}</td>' in row
    assert f"{waiting['count']} quarantined" in row


def test_a_name_for_people_is_shown_and_a_copy_older_than_its_own_goal_is_stale(visit: Visit, acme: Tenant) -> None:
    acme.claim(a_run(), name="Acme GmbH", stale_after_minutes=60)
    acme.execute(
        "UPDATE hubspot.sync_state SET watermark = now() - interval '3 hours', last_sync_at = now() - interval '2 h'"
    )
    row = words(cells(visit().get(q="gmbh").text, "Acme GmbH"))
    assert "stale: no run done for 2 h; goal 1 h" in row
    acme.claim(a_run(), stale_after_minutes=180)  # and no name
    row = cells(visit().get().text, "Acme GmbH")
    assert "3 h ago" in row
    assert "stale" not in row


def test_a_copy_whose_dag_is_paused_or_gone_or_without_a_schedule_is_said_to_be_so_and_is_not_stale(
    visit: Visit, acme: Tenant, knows_dags: KnowsDags
) -> None:
    acme.claim(a_run(), stale_after_minutes=60)
    acme.execute(
        "UPDATE hubspot.sync_state SET watermark = now() - interval '3 h', last_sync_at = now() - interval '2 h'"
    )
    cases: list[tuple[dict[str, Any], str]] = [
        ({"is_paused": True}, "paused"),
        ({"is_paused": True, "is_stale": True}, "no DAG"),
        ({"is_stale": True}, "no DAG"),
        ({"schedule": "None"}, "no schedule"),
        ({"schedule": "Asset"}, "no schedule"),  # it watches, and has none beside
        ({"schedule": "None", "is_paused": True}, "paused"),
        ({"schedule": "None", "is_stale": True}, "no DAG"),
    ]
    for columns, why in cases:
        knows_dags(["hubspot_deals_acme"], **columns)
        text = visit().get().text
        row = cells(text, "acme")
        assert f">{why}</span>" in row
        assert ("the DAG hubspot_deals_configuration.part_1 says" in row) == (why == "no DAG")
        assert "3 h ago" in row
        assert "stale" not in row
        assert "0 stale" in stats(text)
    for schedule in ("15 * * * *", "Asset or 15 * * * *", "@continuous"):
        knows_dags(["hubspot_deals_acme"], schedule=schedule)
        assert "1 stale" in stats(visit().get().text)


def test_the_next_run_is_that_of_a_dag_that_a_clock_starts_and_that_one_may_read(
    visit: Visit, acme: Tenant, knows_dags: KnowsDags
) -> None:
    acme.claim(a_run(dag_id="nightly"))
    soon, later = (datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (30.5, 90.5))
    own, other = ["hubspot_deals_acme"], ["nightly"]

    def cell(name: str = "") -> str:
        visitor = visit(role="viewer", name=f"only:{name}") if name else visit()
        return words(cells(visitor.get().text, "acme").partition('class="job"')[0])

    cases: list[tuple[dict[str, Any], str]] = [
        ({"next_run": soon}, "next run in 30 min"),
        ({"next_run": soon - timedelta(hours=1)}, "next run due"),
        ({"next_run": soon, "is_paused": True}, "paused"),
        ({"next_run": soon, "is_stale": True}, "no DAG"),
        ({"schedule": "None"}, "no schedule"),
        ({}, ""),
    ]
    for columns, told in cases:
        knows_dags(own, **columns)
        assert told in cell()
        assert ("next run" in cell()) == ("next run" in told)
    knows_dags(own, next_run=later)
    knows_dags(other, next_run=soon)
    assert "next run in 30 min" in cell()
    assert "next run in 1 h 30 min" in cell("hubspot_deals_acme")
    knows_dags(other, next_run=soon, is_paused=True)
    assert "next run in 1 h 30 min" in cell()


def test_a_job_says_how_long_ago_it_ended(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run())
    assert " ago" not in cells(visit().get().text, "acme").partition('class="job"')[2]
    acme.execute("UPDATE hubspot.jobs SET status = 'completed' WHERE id = %s", job.id)
    acme.execute(ENDED_FIVE_MINUTES_AGO)
    assert "· 5 min" in words(cells(visit().get().text, "acme"))


def test_the_budget_of_the_account_is_shown_on_the_day_that_hubspot_told_it(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run())
    acme.execute(
        "INSERT INTO hubspot.portals (organization_id, type, portal_id, time_zone)"
        " VALUES (%s, 'standard', 1, 'Asia/Tokyo')",
        acme.id,
    )
    with acme.connect() as connection, sql.transaction(connection):
        jobs.record_batch(connection, job, a_batch(daily_limit=250_000, daily_remaining=240_000))
    assert ">10,000 of 250,000<" in cells(visit().get().text, "acme")

    acme.execute("UPDATE hubspot.jobs SET last_heartbeat = now() - interval '25 hours'")
    assert "of 250,000" not in cells(visit().get().text, "acme")


def test_a_limit_without_what_is_left_of_it_is_no_budget(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run())
    with acme.connect() as connection, sql.transaction(connection):
        jobs.record_batch(connection, job, a_batch(daily_limit=250_000, daily_remaining=None))
    for path in ("/", f"/dags/hubspot_deals_acme/jobs/{job.id}"):
        answer = visit().get(path)
        assert answer.status_code == 200
        assert "of 250,000" not in answer.text


@pytest.mark.parametrize(
    "path", ["/dags/%00/jobs/{0}", "/dags/%00/organizations/{0}/standard", "/dags/a/runs/%00/tasks/b/-1"]
)
def test_an_address_that_no_postgresql_can_hold_is_not_found(visit: Visit, acme: Tenant, path: str) -> None:
    acme.claim(a_run())
    assert visit().get(path.format(uuid4())).status_code == 404


def test_names_errors_and_searches_are_text_and_never_markup(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run(run_id=HOSTILE))
    acme.execute("UPDATE hubspot.organizations SET name = %s", HOSTILE)
    acme.execute("UPDATE hubspot.jobs SET error_message = %s, error_code = %s, phase = %s", HOSTILE, HOSTILE, HOSTILE)
    acme.execute("UPDATE hubspot.jobs SET status = 'failed'")
    acme.execute(
        "INSERT INTO hubspot.job_events (organization_id, job_id, kind, details) VALUES (%s, %s, 'note', %s)",
        acme.id,
        job.id,
        json.dumps({HOSTILE: {HOSTILE: [HOSTILE]}}),
    )
    for path, query in [
        ("/", {"q": HOSTILE, "sort": HOSTILE}),
        ("/", {"q": "script"}),
        (f"/dags/hubspot_deals_acme/jobs/{job.id}", {}),
        (f"/dags/hubspot_deals_acme/organizations/{acme.id}/standard", {}),
    ]:
        answer = visit().get(path, **query)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<img" not in answer.text
        assert "&lt;script&gt;alert" in answer.text
        assert "{{ 7*7 }}" in answer.text


@pytest.mark.parametrize(
    "query",
    [
        {"page": "-1"},
        {"page": "99999999999999999999"},
        {"page": "٣"},
        {"page": "x"},
        {"q": "\0"},
        {"q": "%_'\\" * 1000},
        {"q": "😀"},
        {"sort": "'; DROP TABLE hubspot.jobs; --"},
    ],
    ids=repr,
)
def test_odd_addresses_show_the_table_all_the_same(visit: Visit, acme: Tenant, query: dict[str, str]) -> None:
    acme.claim(a_run())
    assert (
        visit()
        .get(**{key: value.encode("utf-16", "surrogatepass").decode("utf-16") for key, value in query.items()})
        .status_code
        == 200
    )


@pytest.mark.parametrize("query", [{"store": "1"}, {"store": "-1"}, {"store": "x"}])
def test_a_store_that_nobody_configured_is_not_found(visit: Visit, query: dict[str, str]) -> None:
    assert visit().get(**query).status_code == 404


def test_a_second_store_is_read_where_the_option_names_it(
    visit: Visit, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.claim(a_run())
    stores = "hubspot_deals_postgres/elsewhere, hubspot_deals_postgres/hubspot"
    monkeypatch.setenv("AIRFLOW__HUBSPOT_DEALS__STORES", stores)
    assert visit().get().status_code == 503
    answer = visit().get(store="1")
    assert "acme</a>" in answer.text
    assert "store=1" in cells(answer.text, "acme")


def test_an_unreachable_database_is_a_sentence_without_a_secret(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "postgres://loader:hunter2-canary@127.0.0.1:1/deals"
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES", uri)
    answer = visit().get()
    assert answer.status_code == 503
    assert "connection &#39;hubspot_deals_postgres&#39;" in answer.text
    assert "hunter2" not in answer.text
    assert "127.0.0.1" not in answer.text


def test_a_missing_connection_is_a_sentence(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES")
    answer = visit().get()
    assert answer.status_code == 503
    assert "hubspot_deals_postgres" in answer.text


def test_what_reads_cannot_write_and_cannot_wait_for_long(acme: Tenant) -> None:
    acme.claim(a_run())
    with reading(USUAL_STORE) as connection:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), connection.transaction():
            connection.execute("UPDATE hubspot.jobs SET status = 'cancelled'")
        assert connection.execute("SHOW statement_timeout").fetchone() == ("10s",)


@pytest.mark.parametrize("type_", ["standard", "sandbox"])
def test_the_statement_makes_dag_ids_as_the_dag_factory_does(
    visit: Visit, deals_database: str, knows_dags: KnowsDags, type_: str
) -> None:
    tenant = Tenant(deals_database, "a-b_c", type_)
    knows_dags([dag_id_of(tenant.slug, type_)])
    job = tenant.claim()
    tenant.execute("UPDATE hubspot.jobs SET dag_id = NULL, run_id = NULL")
    row = cells(visit().get().text, "a-b_c")
    path = f"/dags/{dag_id_of(tenant.slug, type_)}/jobs/{job.id}"
    assert path in row
    assert visit().get(path).status_code == 200


def test_an_organization_of_somebody_s_own_dag_belongs_to_that_dag(
    visit: Visit, deals_database: str, knows_dags: KnowsDags
) -> None:
    knows_dags(["nightly"])
    job = Tenant(deals_database).claim(a_run(dag_id="nightly"))
    text = visit(role="viewer", name="only:nightly").get().text
    assert f"/dags/nightly/jobs/{job.id}" in text


@pytest.mark.parametrize("organizations", [1_000, 500, 0], ids="{} have run".format)
def test_a_thousand_organizations_are_there_in_a_moment(
    visit: Visit, deals_database: str, knows_dags: KnowsDags, organizations: int
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    knows_dags(fill_fleet(deals_database, organizations), next_run=soon)
    knows_dags([f"hubspot_deals_org-{number:04}" for number in range(organizations + 1, 1_001)], next_run=soon)
    visitor = visit()
    first = visitor.get()
    assert "Page 1 of 20" in first.text
    assert "<strong>1,000</strong> organizations" in first.text
    assert first.text.count('<svg class="runs"') == 50
    assert first.text.count("next run") == 50

    def seconds(**query: Any) -> float:
        began = cpu_seconds(deals_database)
        assert visitor.get(**query).status_code == 200
        return cpu_seconds(deals_database) - began

    for sort in ("organization", "freshness", "job", "deals"):
        assert min(seconds(sort=sort, page="7") for _ in range(5)) < SERVER_SECONDS_MAX


def test_a_job_that_is_in_no_dag_of_airflow_is_nobody_s_to_see(visit: Visit, deals_database: str) -> None:
    Tenant(deals_database, "unseen").claim(a_run(dag_id="removed"))
    answer = visit().get()
    assert answer.status_code == 200
    assert "unseen" not in answer.text
    assert "Nothing to show" in answer.text


def test_a_page_is_not_kept_by_the_browser_and_its_files_are(visit: Visit) -> None:
    assert visit().get().headers["Cache-Control"] == "no-store"
    assert "immutable" in visit().get("/assets/page.js").headers["Cache-Control"]
    assert visit().get("/assets/..%2Fpages.py").status_code == 404
    assert visit().get(f"/assets/{uuid4()}").status_code == 404
