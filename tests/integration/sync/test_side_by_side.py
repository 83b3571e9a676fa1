"""Several readers, one copy: what parallel reading must not break."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_hubspot_deals import sync
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.deals.records import ListedDeals
from airflow_provider_hubspot_deals.exceptions import RetriableError
from hubspot_simulator import FaultRule
from hubspot_simulator.routes.parameters import integer
from tests.integration.sync.conftest import Organization, SimulatorOf, WatchedClient
from tests.integration.sync.test_lifecycle import RETRY, RUN

DEALS, PAGES = 3_050, 31
SMALL: dict[str, Any] = {"batch_rows": 300}


class Killed(BaseException):
    """What an operator's on_kill raises in the main thread."""


@pytest.fixture
def wide(simulator_of: SimulatorOf, database_url: str) -> Organization:
    """A portal that four readers share."""
    organization = simulator_of(database_url, deals=DEALS, archived=20)
    organization.side_by_side = 4
    return organization


@pytest.fixture(autouse=True)
def no_thread_is_left_behind() -> Iterator[None]:
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("hubspot-re")]
    assert left == []


def listed(organization: Organization) -> int:
    return sum(seen.endpoint == "list" for seen in organization.simulator.requests)


def events(organization: Organization, kind: str) -> list[dict[str, Any]]:
    rows = organization.query("SELECT details FROM hubspot.job_events WHERE kind = %s ORDER BY occurred_at", kind)
    return [row["details"] for row in rows]


def test_a_portal_read_by_four_is_copied_completely_and_each_deal_written_once(wide: Organization) -> None:
    summary = wide.sync(**SMALL)

    assert wide.differences() == []
    assert (summary.counts["records_inserted"], summary.counts["records_duplicate"]) == (DEALS + 20, 0)
    assert (summary.live_deals, summary.hubspot_live_deals) == (DEALS, DEALS)
    assert listed(wide) <= PAGES + 2 + 8


def test_b07_deals_that_change_in_every_part_of_the_list_end_where_hubspot_has_them(wide: Organization) -> None:
    wide.sync()
    live, archived = sorted(wide.portal.live_deals()), sorted(wide.portal.archived_deals())

    def stir(call: str, number: int) -> None:
        if (call, number) == ("list", 9):
            for part in range(0, DEALS - 10, 500):
                wide.portal.archive_deal(live[part])
                wide.portal.merge_deals(live[part + 1], live[-part - 2])
                wide.portal.purge_deal(live[part + 3])
                wide.portal.create_deal({"dealname": "Late"}, deal_id=live[part] + 1)
            wide.portal.restore_deal(archived[0])

    wide.sync(mode="full", before=stir, **SMALL)
    gone = {f"{deal_id} is marked None, not missing" for deal_id in live}
    assert set(wide.differences()) <= gone  # purged after their page was read: nothing but another walk can tell

    wide.sync(mode="full")
    assert wide.differences() == []


class MergingClient(WatchedClient):
    """Merges a deal as soon as its page has come, and hands the page on once what it was merged into is stored."""

    def merge(self, organization: Organization, survivor: int, loser: int) -> None:
        self._organization, self._survivor, self._loser = organization, survivor, loser

    def list_deals(self, **arguments: Any) -> ListedDeals:
        listed = super().list_deals(**arguments)
        if str(self._loser) in {record["id"] for record in listed.records} and not arguments["archived"]:
            self._organization.portal.merge_deals(self._survivor, self._loser)
            deadline = time.monotonic() + 20
            while not self._is_stored() and time.monotonic() < deadline:
                time.sleep(0.01)
        return listed

    def _is_stored(self) -> bool:
        stored = self._organization.deals().get(self._survivor)
        return stored is not None and bool(stored["raw_properties"].get("hs_merged_object_ids"))


@pytest.mark.parametrize("is_known", [False, True])
def test_b10_a_page_that_still_held_a_merged_deal_does_not_bring_it_back(
    simulator_of: SimulatorOf, database_url: str, *, is_known: bool
) -> None:
    acme = simulator_of(database_url, deals=DEALS, archived=0, merge_survivor="primary")
    if is_known:
        acme.sync()
    live = sorted(acme.portal.live_deals())
    credentials = PrivateAppToken(acme.portal.spec.token)
    with MergingClient(credentials, base_url=acme.simulator.base_url, allow_other_hosts=True) as client:
        client.side_by_side = 2
        client.merge(acme, survivor=live[-120], loser=live[450])
        sync.run(acme.request(mode="full", batch_rows=100), client=client, connect=acme.connect)

    assert acme.differences() == []


def test_a_killed_attempt_goes_on_with_the_ranges_that_were_not_committed(wide: Organization) -> None:
    def die(call: str, number: int) -> None:
        if call == "list" and number >= 22:
            while wide.jobs()[0]["records_extracted"] < 600:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(
        target=wide.sync, kwargs={"before": die, "origin": RUN, **SMALL}
    )
    process.start()
    process.join()
    (killed,) = wide.jobs()
    assert (process.exitcode, killed["status"]) == (-signal.SIGKILL, "running")
    assert len(killed["checkpoint"]["cursor"]["ranges"]) > 1
    committed, requests = killed["records_extracted"], listed(wide)

    wide.sync(origin=RETRY, **SMALL)

    (job,) = wide.jobs()
    assert (job["status"], job["records_inserted"], job["records_duplicate"]) == ("completed", DEALS + 20, 0)
    assert wide.differences() == []
    left = (DEALS + 20 - committed) // 100
    assert listed(wide) - requests <= left + 12  # seams of ranges, and the archived list


def test_an_attempt_that_failed_in_one_range_loses_no_other(wide: Organization) -> None:
    def fail(call: str, number: int) -> None:
        if call == "list" and number in {15, 16, 17}:
            raise RetriableError("HubSpot is away")

    with pytest.raises(RetriableError):
        wide.sync(origin=RUN, before=fail, **SMALL)

    wide.sync(origin=RETRY, **SMALL)

    assert wide.differences() == []
    assert wide.jobs()[0]["records_inserted"] == DEALS + 20


def test_b12_a_page_out_of_order_ends_the_sharing_and_is_told_and_nothing_is_lost(wide: Organization) -> None:
    rule = wide.simulator.add_fault(FaultRule(fault="unsorted", endpoint="list", nth=12))

    wide.sync(**SMALL)

    assert rule.fired == 1
    assert wide.differences() == []
    (told,) = events(wide, "ranges_abandoned")
    assert told.keys() == {"reason", "after_id"}


def test_a_checkpoint_of_a_walk_page_by_page_is_gone_on_with_by_several_readers(wide: Organization) -> None:
    def fail(call: str, number: int) -> None:
        if (call, number) == ("list", 14):
            raise RetriableError("HubSpot is away")

    with pytest.raises(RetriableError):
        wide.sync(origin=RUN, before=fail, requests_in_flight=1, **SMALL)
    cursor = wide.jobs()[0]["checkpoint"]["cursor"]
    walked = {name: cursor[name] for name in ("after", "low")}
    wide.execute(
        "UPDATE hubspot.jobs SET checkpoint = jsonb_set(checkpoint, '{cursor}', %s::jsonb)", json.dumps(walked)
    )

    wide.sync(origin=RETRY, **SMALL)

    assert wide.differences() == []
    assert wide.jobs()[0]["records_inserted"] == DEALS + 20


@pytest.mark.parametrize(("endpoint", "nth"), [("list", 8), ("associations", 1)])
def test_a_run_killed_while_hubspot_does_not_answer_is_over_within_a_second(
    wide: Organization, endpoint: str, nth: int
) -> None:
    hanging = wide.simulator.add_fault(FaultRule(fault="hang", endpoint=endpoint, nth=nth, times=None))
    ended_at = []

    def on_kill(_signal: int, _frame: object) -> None:
        ended_at.append(time.monotonic())
        raise Killed

    previous = signal.signal(signal.SIGUSR1, on_kill)

    def kill_when_it_hangs() -> None:
        while hanging.fired < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGUSR1)

    killer = threading.Thread(target=kill_when_it_hangs)
    killer.start()
    try:
        with pytest.raises(Killed):
            wide.sync(origin=RUN, associations=("contacts", "companies"), **SMALL)
        assert time.monotonic() - ended_at[0] < 2  # one second, and the row that tells of it
    finally:
        killer.join()
        signal.signal(signal.SIGUSR1, previous)
    assert wide.jobs()[0]["error_code"] == "KILLED"


@pytest.mark.parametrize(("in_flight", "is_alone"), [(1, True), (4, False)])
def test_associations_and_history_are_read_side_by_side_as_far_as_the_run_may(
    wide: Organization, monkeypatch: pytest.MonkeyPatch, in_flight: int, *, is_alone: bool
) -> None:
    asked_by = set()

    for name in ("read_associations", "read_history"):
        ask = getattr(HubSpotClient, name)

        def watched(*arguments: Any, ask: Any = ask) -> Any:
            asked_by.add(threading.current_thread())
            return ask(*arguments)

        monkeypatch.setattr(HubSpotClient, name, watched)

    wide.sync(associations=("contacts", "companies"), history=("amount",), requests_in_flight=in_flight)

    assert (asked_by == {threading.main_thread()}) is is_alone


def test_a_portal_that_gives_half_of_what_a_page_may_hold_is_read_completely(
    wide: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_most_50(query: Mapping[str, str], name: str, default: int) -> int:
        return min(integer(query, name, default), 50) if name == "limit" else integer(query, name, default)

    monkeypatch.setattr("hubspot_simulator.routes.deals.integer", at_most_50)

    wide.sync()

    assert wide.differences() == []
    assert listed(wide) > 2 * PAGES - 2


def test_a_search_that_gives_a_quarter_of_what_a_page_may_hold_hides_no_fresh_change(
    wide: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_most_50(body: Mapping[str, Any], name: str, default: int) -> int:
        return min(int(body.get(name, default)), 50) if name == "limit" else int(body.get(name, default))

    wide.settings["search_lag"] = timedelta(hours=1)
    wide.sync()
    monkeypatch.setattr("hubspot_simulator.search_query._integer", at_most_50)
    edited = sorted(wide.portal.live_deals())[:120]
    wide.portal.edit_deals(edited, {"hs_next_step": "Lately"})

    wide.sync(mode="incremental")

    assert wide.differences() == []
    assert wide.sync_state()["watermark"] < wide.deals()[edited[0]]["hs_lastmodifieddate"]


def test_nothing_changed_costs_five_requests(wide: Organization) -> None:
    wide.sync()
    before = len(wide.simulator.requests)

    summary = wide.sync(mode="incremental")

    asked = Counter(seen.endpoint for seen in wide.simulator.requests[before:])
    assert asked.total() == 5, asked
    assert (summary.live_deals, summary.hubspot_live_deals) == (DEALS, DEALS)


def test_archived_deals_that_are_stored_are_named_and_not_read_again(wide: Organization) -> None:
    wide.sync()
    before, live = len(wide.simulator.requests), sorted(wide.portal.live_deals())
    wide.portal.archive_deal(live[7])

    summary = wide.sync(mode="incremental")

    assert summary.counts["records_deleted"] == 1
    assert wide.differences() == []
    reads = [seen for seen in wide.simulator.requests[before:] if seen.endpoint == "batch_read"]
    assert len(reads) == 1


def test_none_of_several_pages_of_archived_deals_is_read_again(simulator_of: SimulatorOf, database_url: str) -> None:
    acme = simulator_of(database_url, deals=3, archived=420)
    acme.sync()
    acme.simulator.application.log.clear()

    acme.sync(mode="incremental")

    assert Counter(seen.endpoint for seen in acme.simulator.requests)["list"] == 5
    assert [seen for seen in acme.simulator.requests if seen.endpoint == "batch_read"] == []


def test_a_deal_that_was_restored_and_archived_again_tells_the_newer_time(wide: Organization) -> None:
    wide.sync()
    deal_id = min(wide.portal.archived_deals())
    before = wide.deals()[deal_id]
    wide.portal.restore_deal(deal_id)
    wide.simulator.clock.shift(3600)
    wide.portal.archive_deal(deal_id)

    wide.sync(mode="incremental")

    after = wide.deals()[deal_id]
    assert (after["_deleted_reason"], after["hs_lastmodifieddate"]) == ("archived", before["hs_lastmodifieddate"])
    assert after["_deleted_at"] > before["_deleted_at"]


@pytest.mark.peer_pain(1)
def test_a_gap_that_the_window_does_not_explain_is_told_with_both_numbers(
    wide: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    wide.sync()
    wide.portal.purge_deal(min(wide.portal.live_deals()))  # shows in no list and no search

    with caplog.at_level(logging.WARNING):
        summary = wide.sync(mode="incremental")

    assert (summary.live_deals, summary.hubspot_live_deals) == (DEALS, DEALS - 1)
    (told,) = events(wide, "count_mismatch")
    assert (told["stored"], told["hubspot"]) == (DEALS, DEALS - 1)
    assert f"HubSpot counts {DEALS - 1} live deals of organization 'acme', and {DEALS} are stored" in caplog.text

    wide.sync(mode="full")
    assert len(events(wide, "count_mismatch")) == 1


def test_what_is_archived_after_a_full_run_was_told_a_count_is_no_gap(wide: Organization) -> None:
    asked: Counter[str] = Counter()

    def archive_and_take_an_hour(call: str, _number: int) -> None:
        if call == "list" and asked["search"] == 2 and not asked["list after search"]:
            asked["list after search"] += 1
            for deal_id in sorted(wide.portal.live_deals())[:5]:
                wide.portal.archive_deal(deal_id)
            wide.simulator.clock.shift(3600)
        asked[call] += 1

    summary = wide.sync(before=archive_and_take_an_hour)

    assert asked["list after search"]
    assert (summary.live_deals, summary.hubspot_live_deals) == (DEALS - 5, DEALS)
    assert events(wide, "count_mismatch") == []


def test_b15_more_than_ten_thousand_deals_changed_within_one_millisecond_are_all_read(
    simulator_of: SimulatorOf, database_url: str
) -> None:
    acme = simulator_of(database_url, deals=10_150, archived=0)
    acme.sync()
    acme.simulator.clock.freeze()
    acme.portal.edit_deals(sorted(acme.portal.live_deals()), {"hs_next_step": "Month end"})

    summary = acme.sync(mode="incremental")

    assert summary.counts["records_updated"] == 10_150
    assert acme.differences() == []
