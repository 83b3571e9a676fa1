"""What HubSpot, its clock and people could get wrong does not lose, thin or hide a deal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_hubspot_deals.exceptions import (
    BadResponseError,
    ConfigurationError,
    RetriableError,
    WrongPortalError,
)
from airflow_provider_hubspot_deals.sync import JobOrigin
from hubspot_simulator import FaultRule
from tests.integration.sync.conftest import A_DAY_AGO_S, Organization, SimulatorOf
from tests.integration.sync.test_lifecycle import RETRY, RUN, SMALL, fail_at

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
THIN: dict[str, Any] = {"properties": ("amount",)}


@pytest.mark.parametrize(
    "thin_run",
    [{"mode": "incremental"}, {"mode": "window", "window_start": LONG_AGO}, {"mode": "full"}],
    ids=["incremental", "window", "full"],
)
def test_rows_that_a_run_with_fewer_properties_thinned_are_filled_by_the_next_one(
    acme: Organization, thin_run: dict[str, Any]
) -> None:
    acme.sync()
    acme.portal.edit_deal(min(acme.portal.live_deals()), {"dealname": "Edited"})
    acme.sync(**THIN, **thin_run)
    assert acme.differences() != []

    acme.sync()

    assert acme.differences() == []


def test_a_full_run_with_fewer_properties_that_failed_is_repaired_too(acme: Organization) -> None:
    acme.sync()
    with pytest.raises(RetriableError):
        acme.sync(mode="full", before=fail_at("list", 4), **THIN, **SMALL)

    acme.sync()

    assert acme.differences() == []


def test_a_retry_with_other_properties_starts_anew(acme: Organization) -> None:
    with pytest.raises(RetriableError):
        acme.sync(before=fail_at("list", 4), origin=RUN, **THIN, **SMALL)

    acme.sync(origin=RETRY, **SMALL)

    assert acme.differences() == []


def test_a_portal_loads_into_one_organization_and_type_only(acme: Organization) -> None:
    acme.sync()
    for slug, label in (("rival", "standard"), ("acme", "sandbox")):
        other = Organization(acme.simulator, acme.portal, acme.database_url, slug=slug, type=label)
        with pytest.raises(WrongPortalError, match="portal 1001"):
            other.sync()
        assert other.deals() == {}


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(days=30)], ids=["hours", "weeks"])
def test_one_answer_from_a_clock_that_is_ahead_does_not_move_the_watermark_past_changes_to_come(
    acme: Organization, ahead: timedelta
) -> None:
    acme.settings["search_lag"] = timedelta(hours=1)
    acme.sync()
    wrong_s = -A_DAY_AGO_S + ahead.total_seconds()
    acme.simulator.clock.shift(wrong_s)
    acme.sync(mode="incremental")
    acme.simulator.clock.shift(-A_DAY_AGO_S - wrong_s)
    acme.portal.edit_deal(min(acme.portal.live_deals()), {"dealname": "Edited afterwards"})

    acme.sync(mode="incremental")

    assert acme.differences() == []


def test_a_deal_restored_while_it_is_confirmed_is_not_marked_missing(acme: Organization) -> None:
    acme.sync()
    deal_id = min(acme.portal.live_deals())
    steps = {
        ("list", 2): acme.portal.archive_deal,  # the live list misses it …
        ("list", 10): acme.portal.restore_deal,  # … and so does the archived one, so it is asked for:
        ("read", 1): acme.portal.archive_deal,  # not live,
        ("read", 2): acme.portal.restore_deal,  # and not archived either
    }

    def stir(call: str, number: int) -> None:
        if step := steps.pop((call, number), None):
            step(deal_id)

    acme.sync(mode="full", before=stir)

    assert steps == {}
    assert acme.differences() == []


def test_b03_a_full_page_that_lost_its_cursor_is_not_the_end(acme: Organization) -> None:
    rule = acme.simulator.add_fault(FaultRule(fault="missing_next", endpoint="list", nth=4))

    acme.sync()

    assert rule.fired == 1
    assert acme.differences() == []


@pytest.mark.peer_pain(50)
def test_an_empty_list_of_properties_is_not_believed(acme: Organization) -> None:
    acme.sync()
    body = '{"results":[]}'
    acme.simulator.add_fault(FaultRule(fault="body", endpoint="properties", body=body, times=None))

    with pytest.raises(BadResponseError, match="properties"):
        acme.sync(mode="full")

    assert acme.differences() == []


def test_a_window_is_read_again_whatever_is_stored(acme: Organization) -> None:
    acme.sync()
    deal_id = min(acme.portal.live_deals())
    acme.portal.recalculate_deal(deal_id, {"hs_forecast_amount": "77"})

    acme.sync(mode="window", window_start=LONG_AGO)

    assert acme.differences() == []


@pytest.mark.parametrize("window_end", [None, datetime(2199, 2, 1, tzinfo=UTC)], ids=["open", "later"])
def test_a_window_that_starts_in_the_future_is_refused(acme: Organization, window_end: datetime | None) -> None:
    with pytest.raises(ConfigurationError, match=r"lies in the future .*choose one in the past"):
        acme.sync(mode="window", window_start=datetime(2199, 1, 1, tzinfo=UTC), window_end=window_end)


def test_a_window_that_ends_before_there_was_a_deal_holds_none(acme: Organization) -> None:
    acme.sync()

    summary = acme.sync(mode="window", window_end=datetime(1970, 1, 1, tzinfo=UTC))

    assert (summary.status, summary.counts["records_extracted"]) == ("completed", 0)


def test_the_summary_tells_the_watermark_and_not_the_window(acme: Organization) -> None:
    acme.sync()
    year: dict[str, Any] = {"window_start": LONG_AGO, "window_end": LONG_AGO + timedelta(days=365)}

    summary = acme.sync(mode="window", **year)

    assert summary.watermark == acme.sync_state()["watermark"]


def test_a_failed_attempt_leaves_its_requests_in_the_job(acme: Organization) -> None:
    with pytest.raises(RetriableError):
        acme.sync(before=fail_at("search", 2))

    assert acme.jobs()[0]["api_calls"] == len(acme.simulator.requests)


def test_the_same_run_id_after_its_dag_run_was_deleted_reads_again(acme: Organization) -> None:
    nightly = JobOrigin(dag_id="deals", run_id="nightly", task_id="load")
    acme.sync(origin=nightly)
    acme.portal.edit_deal(min(acme.portal.live_deals()), {"dealname": "Edited"})

    summary = acme.sync(origin=nightly)

    assert not summary.was_finished_already
    assert acme.differences() == []


@pytest.mark.parametrize("deals", [1, 99, 100, 101, 200])
def test_b22_a_portal_of_about_a_page_is_copied_and_counted_right(
    simulator_of: SimulatorOf, database_url: str, deals: int
) -> None:
    small = simulator_of(database_url, deals=deals, archived=0)

    summary = small.sync()

    assert (summary.status, summary.counts["records_inserted"]) == ("completed", deals)
    assert (summary.live_deals, summary.hubspot_live_deals) == (deals, deals)
    assert small.differences() == []


def test_b22_a_portal_without_deals_is_a_copy_without_rows(simulator_of: SimulatorOf, database_url: str) -> None:
    empty = simulator_of(database_url, deals=0, archived=0)

    summaries = [empty.sync(), empty.sync(mode="full")]

    assert [summary.status for summary in summaries] == ["completed", "completed"]
    assert empty.deals() == {}
