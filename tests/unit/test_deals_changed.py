"""Waiting for changed deals: what is told, how often, and what happens when HubSpot does not answer."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)
from airflow.sdk import Asset, AssetWatcher

from airflow_provider_hubspot_deals.client.clock import Clock
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.exceptions import UpstreamUnavailableError
from airflow_provider_hubspot_deals.sensors.deals_changed import HubSpotDealsChangedSensor
from airflow_provider_hubspot_deals.triggers import deals_changed
from airflow_provider_hubspot_deals.triggers.changes import Watch
from airflow_provider_hubspot_deals.triggers.deals_changed import (
    HubSpotDealsChangedEventTrigger,
    HubSpotDealsChangedTrigger,
)
from hubspot_simulator import FaultRule, PortalSpec, SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubspot_simulator.portal import Portal

SPEC = PortalSpec(portal_id=1001, deals=900, archived=0)
CONN_ID = "hubspot_watched"
PATIENCE_S = 20.0


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatorServer]:
    monkeypatch.setattr(deals_changed, "POLL_INTERVAL_MIN_S", 0.01)
    monkeypatch.setattr(deals_changed, "_WAIT_MAX_S", 0.05)
    with SimulatorServer([SPEC], rate_limits=False) as server:
        extra = {"allow_other_hosts": True}
        connection = {"conn_type": "hubspot", "host": server.base_url, "password": SPEC.token, "extra": extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", json.dumps(connection))
        yield server


@pytest.fixture
def portal(simulator: SimulatorServer) -> Portal:
    return simulator.portal(SPEC.portal_id)


@pytest.fixture
def client(simulator: SimulatorServer) -> Iterator[HubSpotClient]:
    token = PrivateAppToken(SPEC.token)
    with HubSpotClient(
        token, base_url=simulator.base_url, allow_other_hosts=True, clock=Clock(), retries=Retries(attempts_max=1)
    ) as client:
        yield client


def ids(portal: Portal) -> list[int]:
    return sorted(map(int, portal.live_deals()))


def test_each_version_of_a_deal_is_told_once(client: HubSpotClient, portal: Portal) -> None:
    watch = Watch()
    first, second, *_ = ids(portal)
    assert watch.look(client) is None
    portal.edit_deal(first, {"amount": "1"})
    portal.edit_deal(second, {"amount": "1"})
    told = watch.look(client)
    assert told is not None
    assert told["changed"] == 2
    assert watch.look(client) is None
    portal.edit_deal(first, {"amount": "2"})
    assert (watch.look(client) or {})["changed"] == 1
    assert watch.look(client) is None


def test_a_new_deal_is_a_change(client: HubSpotClient, portal: Portal) -> None:
    watch = Watch()
    assert watch.look(client) is None
    portal.create_deal({"dealname": "New"})
    assert (watch.look(client) or {})["changed"] == 1


def test_a_question_is_one_search_request(client: HubSpotClient, portal: Portal, simulator: SimulatorServer) -> None:
    watch = Watch()
    watch.look(client)
    before = len(simulator.requests)
    portal.edit_deal(ids(portal)[0], {"amount": "1"})
    watch.look(client)
    assert [request.endpoint for request in simulator.requests[before:]] == ["search"]


def test_a_change_that_the_index_shows_late_is_told_when_it_shows(
    client: HubSpotClient, portal: Portal, simulator: SimulatorServer
) -> None:
    """Later changes of other deals were told before: a mark at the newest change would pass over it."""
    watch = Watch()
    watch.look(client)
    early, late = ids(portal)[:2]
    portal.set_search_lag(100)
    portal.edit_deal(early, {"amount": "1"})
    portal.set_search_lag(0)
    portal.edit_deal(late, {"amount": "1"})
    assert (watch.look(client) or {})["changed"] == 1
    simulator.clock.shift(120)
    assert (watch.look(client) or {})["changed"] == 1
    assert watch.look(client) is None


def test_what_was_modified_before_does_not_count(client: HubSpotClient, portal: Portal) -> None:
    deal_id = ids(portal)[0]
    portal.edit_deal(deal_id, {"amount": "1"})
    client.portal_facts()
    assert client.server_time is not None
    later = client.server_time + timedelta(seconds=2)
    assert Watch(since=later).look(client) is None
    assert Watch(since=client.server_time - timedelta(hours=3)).look(client) is not None


def test_whoever_begins_to_watch_is_told_of_the_last_minutes(client: HubSpotClient, portal: Portal) -> None:
    portal.edit_deal(ids(portal)[0], {"amount": "1"})
    assert (Watch().look(client) or {})["changed"] == 1


def test_what_changes_while_hubspot_does_not_answer_is_told_when_it_does(
    client: HubSpotClient, portal: Portal, simulator: SimulatorServer
) -> None:
    """However long that takes: after an error the watch goes on with a client that has not seen HubSpot's clock yet."""
    watch = Watch()
    watch.look(client)
    portal.edit_deal(ids(portal)[0], {"amount": "1"})
    simulator.clock.shift(3600)
    with HubSpotClient(PrivateAppToken(SPEC.token), base_url=simulator.base_url, allow_other_hosts=True) as another:
        assert (watch.look(another) or {})["changed"] == 1
        assert watch.look(another) is None


def test_hundreds_of_deals_in_one_millisecond_are_told_once(client: HubSpotClient, portal: Portal) -> None:
    watch = Watch()
    watch.look(client)
    portal.edit_deals(ids(portal)[:500], {"amount": "1"})
    assert (watch.look(client) or {})["changed"] == 500
    assert watch.look(client) is None
    portal.edit_deal(ids(portal)[450], {"amount": "2"})
    assert (watch.look(client) or {})["changed"] == 1


def events_of(trigger: HubSpotDealsChangedTrigger, count: int, between: Any = None) -> list[Any]:
    """The payloads of the first events; ``between`` is called once the trigger is under way."""

    async def collect() -> list[Any]:
        payloads = []
        stream = trigger.run()
        acting = asyncio.create_task(asyncio.to_thread(between)) if between else None
        async for event in stream:
            payloads.append(event.payload)
            if len(payloads) == count:
                break
        if acting:
            await acting
        await trigger.cleanup()
        return payloads

    return asyncio.run(asyncio.wait_for(collect(), PATIENCE_S))


def quick(trigger: HubSpotDealsChangedTrigger) -> HubSpotDealsChangedTrigger:
    trigger.poll_interval_s = 0.02
    return trigger


def restored(trigger: HubSpotDealsChangedTrigger) -> HubSpotDealsChangedTrigger:
    """As Airflow makes it again from what it has stored."""
    path, arguments = json.loads(json.dumps(trigger.serialize()))
    again = getattr(deals_changed, path.rpartition(".")[2])(**arguments)
    assert isinstance(again, HubSpotDealsChangedTrigger)
    return again


def test_a_trigger_fires_when_a_deal_changes(simulator: SimulatorServer, portal: Portal) -> None:
    trigger = restored(quick(HubSpotDealsChangedTrigger(CONN_ID)))

    def edit() -> None:
        while not simulator.requests:
            pass
        portal.edit_deal(ids(portal)[0], {"amount": "1"})

    (payload,) = events_of(trigger, 1, edit)
    assert payload["hubspot_conn_id"] == CONN_ID
    assert payload["changed"] == 1


def test_what_airflow_stores_of_a_trigger_holds_no_secret(simulator: SimulatorServer, portal: Portal) -> None:
    trigger = quick(HubSpotDealsChangedTrigger(CONN_ID))
    portal.edit_deal(ids(portal)[0], {"amount": "1"})
    events = events_of(trigger, 1)
    assert SPEC.token not in json.dumps([trigger.serialize(), events])
    assert simulator.requests


def test_a_trigger_for_an_asset_goes_on(simulator: SimulatorServer, portal: Portal) -> None:
    trigger = restored(quick(HubSpotDealsChangedEventTrigger(CONN_ID)))
    portal.edit_deal(ids(portal)[0], {"amount": "1"})

    def edit() -> None:
        told = 0
        while told < 2:
            asked = sum(request.endpoint == "search" for request in simulator.requests)
            if asked > told + 1:
                told += 1
                portal.edit_deal(ids(portal)[told], {"amount": "1"})

    payloads = events_of(trigger, 2, edit)
    assert len(payloads) == 2


def test_troubles_are_waited_out(simulator: SimulatorServer, portal: Portal) -> None:
    portal.edit_deal(ids(portal)[0], {"amount": "1"})
    rule = simulator.add_fault(FaultRule(fault="status", status=503, endpoint="search", times=4))
    (payload,) = events_of(quick(HubSpotDealsChangedTrigger(CONN_ID)), 1)
    assert payload["changed"] == 1
    assert rule.fired == 4


class WeeksOfTrouble(HubSpotDealsChangedEventTrigger):
    """HubSpot does not answer for more than a thousand questions, a quarter of an hour apart."""

    left = 1_100

    async def _look(self, watch: Watch) -> dict[str, Any] | None:
        if self.left:
            self.left -= 1
            raise UpstreamUnavailableError("HubSpot is away")
        return await super()._look(watch)


def test_troubles_of_weeks_end_no_watch(
    simulator: SimulatorServer, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deals_changed, "_WAIT_MAX_S", 0.0)
    portal.edit_deal(ids(portal)[0], {"amount": "1"})
    (payload,) = events_of(quick(WeeksOfTrouble(CONN_ID)), 1)
    assert payload["changed"] == 1
    assert simulator.requests


def test_a_refused_token_ends_the_waiting_of_a_task_with_a_sentence(
    simulator: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.accounts.revoke_token(SPEC.token)
    (payload,) = events_of(quick(HubSpotDealsChangedTrigger(CONN_ID)), 1)
    assert "Check the token" in payload["error"]
    with pytest.raises(AirflowFailException, match="Check the token"):
        HubSpotDealsChangedSensor(task_id="wait").execute_complete({}, payload)
    monkeypatch.delenv(f"AIRFLOW_CONN_{CONN_ID.upper()}")
    (payload,) = events_of(quick(HubSpotDealsChangedTrigger(CONN_ID)), 1)
    assert "no connection" in payload["error"]


def test_a_refused_token_does_not_end_an_assets_watch(simulator: SimulatorServer, portal: Portal) -> None:
    portal.edit_deal(ids(portal)[0], {"amount": "1"})
    rule = simulator.add_fault(FaultRule(fault="status", status=401, endpoint="search", times=4))
    (payload,) = events_of(quick(HubSpotDealsChangedEventTrigger(CONN_ID)), 1)
    assert payload["changed"] == 1
    assert rule.fired == 4


def test_a_trigger_that_is_cancelled_ends_at_once(simulator: SimulatorServer) -> None:
    async def cancelled() -> bool:
        trigger = quick(HubSpotDealsChangedEventTrigger(CONN_ID))

        async def consume() -> None:
            async for _ in trigger.run():
                pass

        task = asyncio.create_task(consume())
        while len(simulator.requests) < 3:  # noqa: ASYNC110 - a server in another thread, which knows no events
            await asyncio.sleep(0.01)
        task.cancel()
        await trigger.cleanup()
        return (await asyncio.gather(task, return_exceptions=True))[0] is not None

    assert asyncio.run(asyncio.wait_for(cancelled(), PATIENCE_S))


def test_the_sensor_gives_its_worker_back_and_waits_from_its_time_on() -> None:
    sensor = HubSpotDealsChangedSensor(
        task_id="wait", hubspot_conn_id=CONN_ID, since="2026-11-21T08:00:00", poke_interval=30, timeout=600
    )
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute({})
    assert deferred.value.timeout == timedelta(seconds=600)
    assert deferred.value.trigger.serialize()[1] == {
        "hubspot_conn_id": CONN_ID,
        "since": "2026-11-21T08:00:00+00:00",
        "poll_interval_s": 30.0,
    }


def test_a_sensor_with_a_time_that_is_none_fails_at_once() -> None:
    with pytest.raises(AirflowFailException, match="since must be a time"):
        HubSpotDealsChangedSensor(task_id="wait", since="yesterday").execute({})


TIME_IS_UP = ("__fail__", {"error": "Trigger timeout"})  # as Airflow's scheduler resumes a task that waited too long


def test_a_sensor_whose_time_is_up_fails() -> None:
    with pytest.raises(AirflowSensorTimeout):
        HubSpotDealsChangedSensor(task_id="wait").resume_execution(*TIME_IS_UP, {})


@pytest.mark.airflow("`soft_fail` of a sensor", from_="3.1.8")
def test_a_sensor_whose_time_is_up_is_skipped_with_soft_fail() -> None:
    with pytest.raises(AirflowSkipException):
        HubSpotDealsChangedSensor(task_id="wait", soft_fail=True).resume_execution(*TIME_IS_UP, {})


def test_an_asset_may_be_watched() -> None:
    watcher = AssetWatcher(name="deals", trigger=HubSpotDealsChangedEventTrigger(CONN_ID))
    assert Asset("deals_of_acme", watchers=[watcher]).watchers == [watcher]
