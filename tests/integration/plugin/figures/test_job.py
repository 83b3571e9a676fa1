"""Every figure of the page of a job and of the list of jobs, beside plain SQL that counts the rows themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_hubspot_deals.plugin.job_page import BATCHES_MAX
from airflow_provider_hubspot_deals.plugin.wording import duration, moment, size
from tests.integration.plugin.figures.past import active_job, dag_of
from tests.integration.plugin.shown import bars, facts, stats, table, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.integration.plugin.conftest import Visit
    from tests.integration.tenant import Tenant

# The ledger is what was committed, batch by batch; the page reads the sums that its job keeps.
COMMITTED = """
SELECT sum(received) AS read, sum(inserted) AS new, sum(updated) AS updated, sum(unchanged) AS unchanged,
       sum(duplicate) AS "seen twice", sum(stale) AS "older than stored", sum(deleted) AS deleted,
       sum(quarantined) AS quarantined, sum(pages) AS "pages read"
FROM hubspot.job_batches WHERE job_id = %s
"""
JOB = "SELECT *, extract(epoch FROM now() - start_time)::float AS seconds FROM hubspot.jobs WHERE id = %s"
PHASE = """
SELECT count(*) AS "Batches", sum(pages) AS "Pages", sum(received) AS "Deals", sum(inserted) AS "New",
       sum(updated) AS "Updated", max(written_at) AS "Last batch"
FROM hubspot.job_batches WHERE job_id = %s AND phase = %s
"""
# Seventy batches more, each another second after the one before.
MORE_BATCHES = """
INSERT INTO hubspot.job_batches (job_id, batch_number, epoch, phase, pages, received, inserted, updated, unchanged,
                                 duplicate, stale, quarantined, deleted, written_at)
SELECT %s, 6 + number, 1, 'live', 1, 100 * number, 100 * number, 0, 0, 0, 0, 0, 0,
       clock_timestamp() + make_interval(secs => number * (number + 1) / 2.0 + mod(7 * number, 5))
FROM generate_series(1, 70) AS number
"""
SPEEDS = """
SELECT round(greatest(1, 20 * speed / max(speed) OVER ()), 1)::float AS height
FROM (SELECT batch_number,
             received / extract(epoch FROM written_at - lag(written_at) OVER (ORDER BY batch_number)) AS speed
      FROM hubspot.job_batches WHERE job_id = %s) AS batch
WHERE batch_number > (SELECT max(batch_number) FROM hubspot.job_batches WHERE job_id = %s) - %s
ORDER BY batch_number
"""
RECENT_RATE = """
WITH newest AS (SELECT * FROM hubspot.job_batches WHERE job_id = %s ORDER BY batch_number DESC FETCH FIRST %s ROWS ONLY)
SELECT sum(received) FILTER (WHERE batch_number > (SELECT min(batch_number) FROM newest))
       / extract(epoch FROM max(written_at) - min(written_at)) AS rate
FROM newest
"""
TITLES = """
SELECT CASE kind WHEN 'started' THEN 'attempt ' || (details ->> 'attempt') || ' began'
                 WHEN 'phase' THEN 'phase ' || (details ->> 'phase')
                 ELSE replace(kind, '_', ' ') END AS title
FROM hubspot.job_events WHERE job_id = %s ORDER BY sequence
"""
LISTED = """
SELECT created_at, status, mode, error_code, end_time - start_time AS took, records_extracted, records_inserted,
       records_updated, records_deleted, records_quarantined, value_issues, api_calls
FROM hubspot.jobs
WHERE (organization_id, hubspot.deal_type_of(type)) = (%s, %s) AND end_time IS NOT NULL
ORDER BY end_time DESC
"""


@pytest.fixture
def acme(tenants: Sequence[Tenant]) -> Tenant:
    """The one whose job is at work."""
    return tenants[0]


def page_of(visit: Visit, tenant: Tenant) -> str:
    """The page of its active job."""
    return visit().get(f"/dags/{dag_of(tenant)}/jobs/{active_job(tenant)}").text


def ask(tenant: Tenant, statement: str, *more: object) -> Mapping[str, Any]:
    (row,) = tenant.query(statement, active_job(tenant), *more)
    return row


def test_the_counts_of_a_job_are_those_of_its_batches(visit: Visit, acme: Tenant) -> None:
    shown = facts(page_of(visit, acme))
    told = {name: f"{figure:,}" for name, figure in ask(acme, COMMITTED).items()}
    assert {name: shown[name] for name in told} == told
    assert len(set(told.values())) == len(told)  # none is taken for another


def test_what_a_job_asked_of_hubspot_is_what_it_stored(visit: Visit, acme: Tenant) -> None:
    job, shown = ask(acme, JOB), facts(page_of(visit, acme))
    used = job["daily_limit"] - job["daily_remaining"]
    told = {
        "value issues": f"{job['value_issues']:,}",
        "API calls": f"{job['api_calls']:,}",
        **{endpoint: f"{calls:,}" for endpoint, calls in job["api_calls_by_endpoint"].items()},
        "account's calls, at the last batch": f"{used:,} of {job['daily_limit']:,}",
        "rate limit hits": f"{job['rate_limit_hits']:,}",
        "received": size(job["bytes_received"]),
        "id": str(job["id"]),
        "created": moment(job["created_at"]),
        "started": moment(job["start_time"]),
        "attempts": str(job["attempt"]),
        "stored up to": moment(acme.sync_state()["watermark"]),
    }
    assert {name: shown[name] for name in told} == told


def test_progress_rate_and_time_left_follow_from_what_is_read_and_when_it_began(visit: Visit, acme: Tenant) -> None:
    job = ask(acme, JOB)
    done, expected, seconds = job["records_extracted"], job["records_expected"], job["seconds"]
    text = page_of(visit, acme)
    assert f'<progress max="1" value="{done / expected:.3f}"' in text
    assert stats(text) == [
        f"{done:,} of {expected:,} deals read",
        f"{duration(seconds)} so far",
        f"{done / seconds:.0f} deals a second",
        f"{duration((expected - done) * seconds / done)} left",
        f"{job['api_calls']:,} API calls",
    ]


def test_each_phase_has_the_sums_of_its_batches_and_of_no_other_job_s(visit: Visit, acme: Tenant) -> None:
    acme.execute("UPDATE hubspot.job_batches SET written_at = written_at + make_interval(mins => batch_number)")
    rows = table(page_of(visit, acme), "Phases")
    assert [row.pop("Phase") for row in rows] == ["archived", "live"]
    for phase, row in zip(("archived", "live"), rows, strict=True):
        told = dict(ask(acme, PHASE, phase))
        last = moment(told.pop("Last batch"))
        assert row == {name: f"{figure:,}" for name, figure in told.items()} | {"Last batch": last}


def test_the_newest_batches_of_the_job_alone_make_the_recent_rate_and_its_bars(
    visit: Visit, acme: Tenant, tenants: Sequence[Tenant]
) -> None:
    job = active_job(acme)
    for each in (job, active_job(tenants[-1])):
        acme.execute(MORE_BATCHES, each)
    text = page_of(visit, acme)
    speeds = acme.query(SPEEDS, job, job, BATCHES_MAX - 1)
    assert [height for _, height in bars(text, "Speed of the newest batches")] == [row["height"] for row in speeds]
    rate = ask(acme, RECENT_RATE, BATCHES_MAX)["rate"]
    assert facts(text)["newest batches"] == f"{rate:,.0f}/s"


def test_the_timeline_has_every_event_of_the_job_in_its_order(visit: Visit, acme: Tenant) -> None:
    events = acme.query(TITLES, active_job(acme))
    shown = [words(part.partition("</strong>")[0]) for part in page_of(visit, acme).split('<strong class="kind">')[1:]]
    assert shown == [row["title"] for row in events]
    assert len(shown) > 3


@pytest.mark.parametrize("place", range(3))
def test_the_list_has_the_figures_of_each_ended_job(visit: Visit, tenants: Sequence[Tenant], place: int) -> None:
    tenant = tenants[place]
    text = visit().get(f"/dags/{dag_of(tenant)}/organizations/{tenant.id}/{tenant.type}").text
    ended = [row for row in table(text, "Jobs") if not row["State"].startswith(("running", "silent"))]
    assert ended == [as_listed(job) for job in tenant.query(LISTED, tenant.id, tenant.type)]
    assert len(ended) >= 35


def as_listed(job: Mapping[str, Any]) -> dict[str, str]:
    figures = {
        "Read": job["records_extracted"],
        "New": job["records_inserted"],
        "Updated": job["records_updated"],
        "Deleted": job["records_deleted"],
        "Quarantined": job["records_quarantined"],
        "Value issues": job["value_issues"],
        "API calls": job["api_calls"],
    }
    return {
        "Created": moment(job["created_at"]),
        "State": " ".join(filter(None, [job["status"], job["error_code"]])),
        "Mode": job["mode"],
        "Took": duration(job["took"].total_seconds()),
        **{name: f"{figure:,}" for name, figure in figures.items()},
    }
