"""Changes that search shows late, out of order or twice, and changes behind the place that is being read."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_hubspot_deals import sync
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.client.retries import Retries
from hubspot_simulator import FaultRule
from tests.integration.sync.conftest import Organization, SimulatorOf
from tests.integration.sync.dimension_rows import events


def sync_impatiently(acme: Organization, **request: Any) -> sync.SyncSummary:
    token, retries = PrivateAppToken(acme.portal.spec.token), Retries(attempts_max=2, backoff_s=0.01)
    with HubSpotClient(token, base_url=acme.simulator.base_url, allow_other_hosts=True, retries=retries) as client:
        return sync.run(acme.request(**request), client=client, connect=acme.connect)


@pytest.mark.peer_pain(2)
def test_changes_that_the_search_index_shows_late_are_read_by_a_later_run(acme: Organization) -> None:
    acme.settings["search_lag"] = timedelta(hours=1)
    acme.sync()
    acme.portal.set_search_lag(3000)
    deal_id = min(acme.portal.live_deals())
    acme.portal.edit_deal(deal_id, {"dealname": "Seen late"})
    acme.sync()
    assert acme.deals()[deal_id]["dealname"] != "Seen late"
    watermark = acme.sync_state()["watermark"]

    acme.simulator.clock.shift(2 * 3600)
    acme.sync()

    assert acme.deals()[deal_id]["dealname"] == "Seen late"
    assert watermark < acme.deals()[deal_id]["hs_lastmodifieddate"] <= acme.sync_state()["watermark"]


@pytest.mark.peer_pain(3)
def test_changes_that_the_search_index_shows_in_another_order_are_all_read(acme: Organization) -> None:
    acme.settings["search_lag"] = timedelta(minutes=2)
    acme.sync()
    acme.portal.set_search_lag(5, jitter_s=90)
    for deal_id in sorted(acme.portal.live_deals())[:20]:
        acme.portal.edit_deal(deal_id, {"dealname": "Seen in disorder"})
        acme.simulator.clock.shift(1)
    seen = []
    for _ in range(8):
        acme.sync(mode="incremental")
        seen.append(len([row for row in acme.deals().values() if row["dealname"] == "Seen in disorder"]))
        acme.simulator.clock.shift(30)

    assert acme.differences() == []
    assert 0 < seen[1] < 20  # some were seen before the others


@pytest.mark.peer_pain(47)
def test_a_deal_edited_behind_the_cursor_is_current_when_the_run_ends(acme: Organization) -> None:
    def edit_behind(call: str, number: int) -> None:
        if (call, number) == ("list", 6):
            acme.portal.edit_deal(min(acme.portal.live_deals()), {"dealname": "Edited meanwhile"})

    acme.sync(mode="full", before=edit_behind)

    assert acme.deals()[min(acme.portal.live_deals())]["dealname"] == "Edited meanwhile"
    assert acme.differences() == []


@pytest.mark.peer_pain(42)
def test_b16_deals_at_the_boundary_are_found_again_and_neither_read_nor_written_again(acme: Organization) -> None:
    acme.sync()
    edited = sorted(acme.portal.live_deals())[:5]
    acme.portal.edit_deals(edited, {"dealname": "At the boundary"})
    acme.simulator.clock.shift(60)
    acme.sync(mode="incremental")
    before, requests = acme.deals(), len(acme.simulator.requests)

    summary = acme.sync(mode="incremental")

    window = acme.jobs()[-1]
    assert window["window_start"] < before[edited[0]]["hs_lastmodifieddate"] < window["window_end"]
    assert "batch_read" not in {seen.endpoint for seen in acme.simulator.requests[requests:]}
    assert acme.deals() == before
    assert summary.counts["records_updated"] == 0


def test_b12_a_search_that_is_once_not_sorted_is_asked_again(acme: Organization) -> None:
    acme.sync()
    acme.portal.edit_deals(sorted(acme.portal.live_deals())[:20], {"hs_next_step": "Edited"})
    acme.simulator.clock.shift(60)
    rule = acme.simulator.add_fault(FaultRule(fault="unsorted", endpoint="search"))

    summary = acme.sync(mode="incremental")

    assert (rule.fired, summary.status, summary.attempt) == (1, "completed", 1)
    assert acme.differences() == []


def test_b09_a_new_deal_that_a_late_replica_does_not_have_is_asked_for_again_at_the_end_of_the_run(
    acme: Organization,
) -> None:
    acme.sync()
    new = acme.portal.create_deal({"dealname": "New"})
    acme.simulator.clock.shift(60)
    gone = {"status": "error", "category": "OBJECT_NOT_FOUND", "context": {"ids": [str(new)]}}
    body = json.dumps({"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [gone]})
    rule = acme.simulator.add_fault(FaultRule(fault="body", body=body, endpoint="batch_read", times=2))

    acme.sync(mode="incremental")

    assert rule.fired == 2  # in the closed window and among the fresh changes
    assert acme.differences() == []


def test_b13_new_deals_behind_older_ones_that_strayed_are_read_and_no_gap_is_told(
    simulator_of: SimulatorOf, database_url: str
) -> None:
    acme = simulator_of(database_url, deals=400, archived=0, unsorted_time_sorts=True)
    acme.settings["search_lag"] = timedelta(hours=1)
    acme.sync()
    for number in range(190):
        acme.portal.create_deal({"dealname": f"New {number}"})
    acme.simulator.clock.shift(60)

    acme.sync(mode="incremental")

    assert acme.differences() == []
    assert events(acme, "count_mismatch") == []


def test_a_total_that_never_comes_true_is_told_and_the_window_asked_for_again(
    acme: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    acme.sync()
    watermark = acme.sync_state()["watermark"]
    acme.portal.edit_deals(sorted(acme.portal.live_deals())[:20], {"hs_next_step": "Edited"})
    acme.simulator.clock.shift(60)
    acme.simulator.add_fault(FaultRule(fault="empty_page", endpoint="search", times=None))

    with caplog.at_level(logging.WARNING):
        summary = sync_impatiently(acme, mode="incremental")

    assert (summary.status, acme.sync_state()["watermark"]) == ("completed", watermark)
    told = events(acme, "search_incomplete")
    assert {(each["named"], each["counted"]) for each in told} == {(0, 20)}
    assert "counts 20 deals of organization 'acme' in a window and names 0" in caplog.text
    acme.simulator.application.plan.clear()
    acme.sync(mode="incremental")
    assert acme.differences() == []
    assert acme.sync_state()["watermark"] > watermark


def test_a_chosen_window_that_search_does_not_name_is_somebodys_to_run_again(
    acme: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    acme.sync()
    start = acme.sync_state()["watermark"]
    acme.portal.edit_deals(sorted(acme.portal.live_deals())[:20], {"hs_next_step": "Edited"})
    acme.simulator.clock.shift(60)
    acme.simulator.add_fault(FaultRule(fault="empty_page", endpoint="search", times=None))

    with caplog.at_level(logging.WARNING):
        sync_impatiently(acme, mode="window", window_start=start)

    assert len(events(acme, "search_incomplete")) == 1
    assert "No later run asks for this window by itself: run it again" in caplog.text


def test_a_full_run_without_a_usable_search_moves_the_watermark_to_its_beginning(acme: Organization) -> None:
    acme.simulator.add_fault(FaultRule(fault="empty_page", endpoint="search", times=None))
    deal_id = min(acme.portal.live_deals())
    acme.portal.edit_deal(deal_id, {"hs_next_step": "Edited"})
    acme.simulator.clock.shift(60)

    sync_impatiently(acme)

    assert acme.differences() == []
    (job,) = acme.jobs()
    assert (job["status"], job["window_start"]) == ("completed", acme.sync_state()["watermark"])


def test_a_change_just_before_a_full_run_that_a_late_list_does_not_show_is_read(acme: Organization) -> None:
    acme.settings |= {"search_lag": timedelta(minutes=1), "overlap": timedelta(0)}
    clock, deal_id = acme.simulator.clock, min(acme.portal.live_deals())
    clock.freeze()
    clock.shift(-86_400)
    acme.portal.set_search_lag(40)  # the list's replica is as late
    rule = FaultRule(endpoint="list", fault="old_records", times=None)
    acme.simulator.add_fault(rule)
    acme.portal.edit_deal(deal_id, {"dealname": "Just before"})
    clock.shift(12)

    def see_the_index_catch_up(call: str, number: int) -> None:
        if (call, number) == ("list", 3):  # behind the page that has the deal
            clock.shift(100)

    acme.sync(mode="full", before=see_the_index_catch_up)

    assert rule.felt
    assert acme.deals()[deal_id]["dealname"] == "Just before"
    assert acme.sync_state()["watermark"] > acme.deals()[deal_id]["hs_lastmodifieddate"]
