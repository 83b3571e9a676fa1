"""Search, order and pages of the table of organizations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_hubspot_deals.plugin.overview import (
    IDLE,
    NO_DAG,
    NO_SCHEDULE,
    PAGE_ROWS,
    PAUSED,
    SORTS,
    Choice,
    Dags,
    Overview,
    arranged,
    line_of,
)
from tests.unit.plugin.rows import NOW, an_organization


def overview(*rows: dict[str, Any], idle: Mapping[str, str] | None = None, **choice: Any) -> Overview:
    dags = Dags(readable={row["dag_id"] for row in rows}, idle=idle or {})
    return arranged([line_of(row, dags) for row in rows], Choice(**choice))


def slugs(found: Overview) -> list[str]:
    return [line.row["slug"] for line in found.lines]


def test_organizations_stand_in_the_order_of_their_names_whatever_the_case() -> None:
    assert slugs(overview(*map(an_organization, ["Zebra", "beta", "Acme"]))) == ["Acme", "beta", "Zebra"]


def test_an_organization_s_main_portal_stands_before_its_others() -> None:
    rows = [an_organization("acme", type=each) for each in ("uat", "standard", "sandbox")]
    assert [line.row["type"] for line in overview(*rows).lines] == ["standard", "sandbox", "uat"]


@pytest.mark.parametrize(
    ("sort", "column", "values"),
    [
        ("deals", "deals", [5, 3, 1]),
        ("changed", "changed_today", [5, 3, 1]),
        ("calls", "api_calls_today", [5, 3, 1]),
        ("issues", "value_issues", [5, 3, 1]),
        ("freshness", "watermark", [None, NOW - timedelta(days=2), NOW]),
    ],
)
def test_each_order_puts_first_what_somebody_looks_for(sort: str, column: str, values: list[Any]) -> None:
    rows = [an_organization(f"org-{place}", **{column: value}) for place, value in enumerate(values)]
    assert slugs(overview(*reversed(rows), sort=sort)) == ["org-0", "org-1", "org-2"]


def test_quarantined_records_are_issues_as_much_as_values_are() -> None:
    rows = [
        an_organization("values", value_issues=5),
        an_organization("both", value_issues=3, quarantined=4),
        an_organization("records", value_issues=None, quarantined=6),
    ]
    assert slugs(overview(*rows, sort="issues")) == ["both", "records", "values"]


def test_failed_and_silent_jobs_come_before_the_rest() -> None:
    rows = [
        an_organization("good", status="completed", end_time=NOW),
        an_organization("busy"),
        an_organization("dead", last_heartbeat=NOW - timedelta(hours=1)),
        an_organization("bad", status="failed", end_time=NOW),
    ]
    assert slugs(overview(*rows, sort="job")) == ["bad", "dead", "busy", "good"]


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_takes_an_organization_that_never_ran(sort: str) -> None:
    never = an_organization(
        status=None, start_time=None, watermark=None, deals=None, value_issues=None, records_extracted=None
    )
    assert slugs(overview(never, sort=sort)) == ["acme"]


@pytest.mark.parametrize("search", ["ACME", "corp acme", "4711", "sandbox"])
def test_a_search_finds_every_word_in_whatever_names_the_organization(search: str) -> None:
    wanted = an_organization("acme-1", name="Acme Corp", portal_id=4711, type="sandbox")
    assert slugs(overview(wanted, an_organization("other"), search=search)) == ["acme-1"]


def test_a_search_without_a_find_is_empty_and_still_counts_all() -> None:
    found = overview(an_organization(), search="nobody")
    assert (found.lines, found.found, found.total, found.pages) == ([], 0, 1, 1)


@pytest.mark.parametrize(("asked", "shown"), [(1, 1), (2, 2), (3, 3), (4, 3), (0, 1), (-5, 1), (10**9, 3)])
def test_a_page_beyond_the_last_one_is_the_last_one(asked: int, shown: int) -> None:
    rows = [an_organization(f"org-{number:03}") for number in range(2 * PAGE_ROWS + 1)]
    found = overview(*rows, page=asked)
    assert (found.choice.page, found.pages) == (shown, 3)
    assert len(found.lines) == (1 if shown == 3 else PAGE_ROWS)


def test_an_unknown_order_is_the_usual_one() -> None:
    found = overview(an_organization("b"), an_organization("a"), sort="name; DROP TABLE jobs")
    assert (slugs(found), found.choice.sort) == (["a", "b"], SORTS[0])


def test_the_sums_are_those_of_all_organizations() -> None:
    rows = [an_organization(f"org-{number}", deals=10, changed_today=2, api_calls_today=3) for number in range(60)]
    found = overview(*rows, search="org-1")
    assert (found.deals, found.changed_today, found.api_calls_today, found.total) == (600, 120, 180, 60)
    assert found.counts["running"] == 60


@pytest.mark.parametrize(
    ("hours", "goal", "freshness"),
    [(None, 1440, "never"), (1, 1440, "fresh"), (24, 1440, "fresh"), (25, 1440, "stale"), (2, 60, "stale")],
    ids=str,
)
def test_what_no_run_has_completed_for_longer_than_the_organization_s_goal_is_stale(
    hours: int | None, goal: int, freshness: str
) -> None:
    last_sync_at = None if hours is None else NOW - timedelta(hours=hours)
    row = an_organization(last_sync_at=last_sync_at, stale_after_minutes=goal)
    assert overview(row).lines[0].freshness == freshness


def test_a_job_of_a_dag_that_the_user_may_not_read_is_not_linked() -> None:
    row = an_organization(job_dag_id="secret_backfill")
    line = line_of(row, Dags(readable={"hubspot_deals_acme"}))
    assert (line.dag_id, line.job_is_readable) == ("hubspot_deals_acme", False)
    assert line_of(row, Dags(readable={"secret_backfill"})).dag_id == "secret_backfill"


@pytest.mark.parametrize("why", IDLE)
def test_of_an_organization_whose_dag_is_idle_no_run_is_missed_and_it_stands_behind_those_that_are(why: str) -> None:
    old = NOW - timedelta(days=9)
    idle = an_organization("idle", last_sync_at=old, watermark=old)
    late = an_organization("late", last_sync_at=NOW - timedelta(days=2), watermark=NOW - timedelta(days=2))
    found = overview(idle, late, idle={"hubspot_deals_idle": why}, sort="freshness")
    assert [(line.row["slug"], line.freshness, line.idle) for line in found.lines] == [
        ("late", "stale", ""),
        ("idle", "idle", why),
    ]
    assert found.counts["stale"] == 1


def test_a_mistake_stands_before_everything_else_and_hides_nothing() -> None:
    old = NOW - timedelta(days=9)
    rows = [an_organization("new", watermark=None), an_organization("broken", last_sync_at=old, watermark=old)]
    own = {row["dag_id"] for row in rows}
    dags = Dags(readable=own, next_runs=dict.fromkeys(own, NOW), mistaken={"hubspot_deals_broken"})
    found = arranged([line_of(row, dags) for row in rows], Choice(sort="freshness"))
    assert [(line.row["slug"], line.has_mistake, line.next_run) for line in found.lines] == [
        ("broken", True, None),
        ("new", False, NOW),
    ]
    assert (found.counts["mistaken"], found.counts["stale"]) == (1, 1)


@pytest.mark.parametrize(
    ("idle", "why"),
    [
        ({}, ""),
        ({"hubspot_deals_acme": NO_DAG}, ""),
        ({"hubspot_deals_acme": NO_DAG, "nightly": PAUSED}, PAUSED),
        ({"hubspot_deals_acme": NO_SCHEDULE, "nightly": PAUSED}, PAUSED),
        ({"hubspot_deals_acme": NO_DAG, "nightly": NO_SCHEDULE}, NO_SCHEDULE),
        ({"hubspot_deals_acme": NO_DAG, "nightly": NO_DAG}, NO_DAG),
    ],
    ids=str,
)
def test_one_dag_that_runs_is_enough_for_an_organization_not_to_be_idle(idle: dict[str, str], why: str) -> None:
    row = an_organization(job_dag_id="nightly")
    dags = Dags(readable={"hubspot_deals_acme", "nightly"}, idle=idle)
    assert line_of(row, dags).idle == why
    assert line_of(row, Dags(readable={"nightly"}, idle=idle)).idle == idle.get("nightly", "")
