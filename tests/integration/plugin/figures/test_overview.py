"""Every figure of the table of organizations, beside plain SQL that counts the rows themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from airflow_provider_hubspot_deals.plugin.wording import duration
from tests.integration.plugin.figures.past import dag_of
from tests.integration.plugin.shown import bars, stats, table, words
from tests.integration.tenant import Tenant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.integration.plugin.conftest import Visit

READ_AGAIN = 20  # a second may begin between what the page reads and what is read here
DEALS = "SELECT count(*) AS figure FROM hubspot.hubspot_deals WHERE (_organization_id, _type) = (%s, %s)"
# The ledger holds what a transaction wrote; the page asks the day's sums.
CHANGED_TODAY = """
SELECT sum(inserted + updated + deleted) AS figure FROM hubspot.job_batches JOIN hubspot.jobs ON jobs.id = job_id
WHERE (organization_id, hubspot.deal_type_of(type)) = (%s, %s)
  AND written_at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
"""
CALLS_TODAY = """
SELECT sum(api_calls) AS calls, sum(rate_limit_hits) AS hits,
       (array_agg(daily_limit - daily_remaining ORDER BY end_time DESC NULLS FIRST))[1] AS used,
       (array_agg(daily_limit ORDER BY end_time DESC NULLS FIRST))[1] AS budget
FROM hubspot.jobs
WHERE (organization_id, hubspot.deal_type_of(type)) = (%s, %s)
  AND coalesce(end_time, now()) >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
"""
NEWEST_JOB = """
SELECT *, extract(epoch FROM coalesce(end_time, now()) - start_time)::float AS seconds,
       extract(epoch FROM now() - end_time)::float AS ended_s FROM hubspot.jobs
WHERE (organization_id, hubspot.deal_type_of(type)) = (%s, %s) ORDER BY coalesce(end_time, 'infinity') DESC LIMIT 1
"""
IN_QUARANTINE = """
SELECT count(*) FILTER (WHERE resolved_at IS NULL) AS figure FROM hubspot.deals_quarantine
WHERE (organization_id, type) = (%s, %s)
"""
FRESHNESS = """
SELECT extract(epoch FROM now() - watermark)::float AS behind_s, now() - last_sync_at > '360 minutes' AS is_stale,
       extract(epoch FROM now() - last_sync_at)::float AS completed_s
FROM hubspot.sync_state WHERE (organization_id, type) = (%s, %s)
"""
LAST_RUNS = """
SELECT status, records_extracted AS records,
       greatest(2, round(20 * ln(1 + records_extracted) / max(ln(1 + records_extracted)) OVER (), 1))::float AS height
FROM (SELECT status, records_extracted::numeric, end_time FROM hubspot.jobs
      WHERE (organization_id, hubspot.deal_type_of(type)) = (%s, %s) AND end_time IS NOT NULL
      ORDER BY end_time DESC FETCH FIRST 30 ROWS ONLY) AS run
ORDER BY end_time
"""

NO_VALUES = """
ALTER TABLE hubspot.jobs DISABLE TRIGGER USER;
UPDATE hubspot.jobs SET value_issues = 0;
ALTER TABLE hubspot.jobs ENABLE TRIGGER USER
"""


@pytest.fixture
def seen(tenants: Sequence[Tenant]) -> Sequence[Tenant]:
    """Those that the visitor may see."""
    return tenants[:-1]


def ask(tenant: Tenant, statement: str) -> dict[str, Any]:
    (row,) = tenant.query(statement, tenant.id, tenant.type)
    return row


def board(visit: Visit) -> dict[tuple[str, str], dict[str, str]]:
    """The rows of the table by slug and type."""
    rows = table(visit().get().text, "Organizations")
    return {
        (row["Organization"].split()[0], "sandbox" if "sandbox" in row["Organization"] else "standard"): row
        for row in rows
    }


def changed_today(tenant: Tenant) -> str:
    return f"{ask(tenant, CHANGED_TODAY)['figure']:,}"


def deals(tenant: Tenant) -> str:
    return f"{ask(tenant, DEALS)['figure']:,}"


def calls_and_budget(tenant: Tenant) -> str:
    told = ask(tenant, CALLS_TODAY)
    when = " at the last batch" if told["calls"] > told["used"] else ""
    return "{calls:,} {used:,} of {budget:,}{when} {hits:,} \N{MULTIPLICATION SIGN} 429".format(**told, when=when)


def issues(tenant: Tenant) -> str:
    newest, waiting = ask(tenant, NEWEST_JOB), ask(tenant, IN_QUARANTINE)
    return f"{newest['value_issues']:,} values {waiting['figure']:,} quarantined"


def freshness(tenant: Tenant) -> str:
    found = ask(tenant, FRESHNESS)
    stale = f" stale: no run done for {duration(found['completed_s'])}; goal 6 h" if found["is_stale"] else ""
    return f"{duration(found['behind_s'])} ago{stale}"


NEXT_RUNS = "SELECT dag_id, next_dagrun_create_after FROM dag WHERE NOT is_paused AND NOT is_stale"


def test_the_next_run_of_each_organization_is_what_airflow_has_worked_out(
    visit: Visit, seen: Sequence[Tenant], knows_dags: Callable[..., None]
) -> None:
    from airflow.utils.session import create_session

    for place, tenant in enumerate(seen, start=1):
        knows_dags([dag_of(tenant)], next_run=datetime.now(UTC) + timedelta(hours=place, minutes=30))
    shown = {key: row["Up to date until"].partition("next run in ")[2] for key, row in board(visit).items()}
    with create_session() as session:
        coming = {row.dag_id: datetime.fromisoformat(str(row[1])) for row in session.execute(text(NEXT_RUNS))}
    told = {(each.slug, each.type): coming[dag_of(each)].replace(tzinfo=UTC) - datetime.now(UTC) for each in seen}
    for key, left in told.items():
        assert shown[key] in {duration(left.total_seconds() + passed) for passed in range(-1, 120)}
    assert len({in_.split(" min")[0] for in_ in shown.values()}) == len(seen)  # nobody's next run is another's


def newest_job(tenant: Tenant) -> str:
    """Its state, deals, rate and time left, or how long it took and when it ended."""
    job = ask(tenant, NEWEST_JOB)
    done, expected, seconds = job["records_extracted"], job["records_expected"], job["seconds"]
    if job["status"] == "running":
        left = duration((expected - done) / (done / seconds))
        return f"running full, live · {done:,} of {expected:,} deals · {done / seconds:.0f}/s · {left} left"
    told = f"full · {done:,} deals in {duration(seconds)} · {duration(job['ended_s'])} ago"
    return " ".join(filter(None, [job["status"], job["error_code"], told]))


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("Deals", deals),
        ("Changes today", changed_today),
        ("API calls today", calls_and_budget),
        ("Issues", issues),
        ("Up to date until", freshness),
        ("Newest job", newest_job),
    ],
)
def test_a_figure_of_each_organization_is_what_its_rows_say(
    visit: Visit, seen: Sequence[Tenant], column: str, told: Callable[[Tenant], str]
) -> None:
    for _ in range(READ_AGAIN):
        shown = {key: row[column] for key, row in board(visit).items()}
        expected = {(tenant.slug, tenant.type): told(tenant) for tenant in seen}
        if shown == expected:
            break
    assert shown == expected
    assert len(set(shown.values())) == len(seen)  # nobody's figure is another's


def test_the_figures_on_top_are_those_of_all_that_one_may_see(visit: Visit, seen: Sequence[Tenant]) -> None:
    def total(statement: str, name: str = "figure") -> str:
        return f"{sum(ask(tenant, statement)[name] for tenant in seen):,}"

    newest = [ask(tenant, NEWEST_JOB)["status"] for tenant in seen]
    assert stats(visit().get().text) == [
        f"{len(seen)} organizations",
        f"{newest.count('running')} running",
        f"{newest.count('failed')} failed",
        f"{total(FRESHNESS, 'is_stale')} stale",
        f"{total(DEALS)} deals",
        f"{total(CHANGED_TODAY)} changes today",
        f"{total(CALLS_TODAY, 'calls')} API calls today",
    ]


def test_the_bars_are_the_last_thirty_runs_that_ended(visit: Visit, seen: Sequence[Tenant]) -> None:
    text = visit().get().text
    for tenant in seen:
        runs = tenant.query(LAST_RUNS, tenant.id, tenant.type)
        called = "acme (sandbox)" if tenant.type == "sandbox" else tenant.slug
        assert bars(text, f"Runs of {called}:") == [(run["status"], run["height"]) for run in runs]
        ends = [run["status"] for run in runs]
        sentence = (
            f"30 runs, {ends.count('failed')} failed, {ends.count('cancelled')} cancelled,"
            f" {runs[-1]['records']:,} deals read by the last"
        )
        assert f"Runs of {called}: {sentence}" in words(text.replace("<svg", "&lt;svg"))


def test_issues_are_sorted_by_what_the_column_shows(visit: Visit, seen: Sequence[Tenant]) -> None:
    """Quarantine alone decides here: no value of a newest job is at issue."""
    seen[0].execute(NO_VALUES)
    waiting = {(each.slug, each.type): ask(each, IN_QUARANTINE)["figure"] for each in seen}
    rows = table(visit().get(sort="issues").text, "Organizations")
    assert [row["Issues"] for row in rows] == [
        f"{count} quarantined" for count in sorted(waiting.values(), reverse=True)
    ]
