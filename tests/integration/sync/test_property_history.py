"""The history of chosen properties, each change once, for the deals that are new or changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_hubspot_deals import property_history, sync
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.exceptions import RetriableError
from hubspot_simulator import FaultRule
from tests.integration.sync.conftest import Organization
from tests.integration.sync.dimension_rows import QUIET, events
from tests.integration.sync.test_lifecycle import RETRY, RUN, SMALL, fail_at

WITH: dict[str, Any] = {"history": ("dealstage", "amount")}
Change = tuple[int, str, datetime, str | None]


def stored(acme: Organization) -> list[Change]:
    columns = "hubspot_deal_id, property, changed_at, value"
    query = f"SELECT {columns} FROM hubspot.deal_property_history WHERE organization_id = %s ORDER BY 1, 2, 3, ordinal"  # noqa: S608 - names of this file
    return [tuple(row.values()) for row in acme.query(query, acme.id)]


def truth(acme: Organization, *properties: str) -> list[Change]:
    """What HubSpot would tell of every live deal."""
    found: list[Change] = []
    for deal_id in acme.portal.live_deals():
        deal = acme.portal.store.get(deal_id)
        assert deal is not None
        found += [
            (deal_id, name, datetime.fromisoformat(entry["timestamp"]), entry["value"])
            for name in properties or WITH["history"]
            for entry in reversed(deal.history(name))
        ]
    return sorted(found, key=lambda change: change[:3])


def requests_for_history(acme: Organization) -> int:
    return len([each for each in acme.simulator.requests if "propertiesWithHistory" in each.body_keys])


@pytest.mark.peer_pain(37)
def test_a_full_run_brings_the_history_of_every_live_deal(acme: Organization) -> None:
    first, *_ = sorted(acme.portal.live_deals())
    for stage in ("contractsent", "closedwon", ""):
        acme.portal.edit_deal(first, {"dealstage": stage, "amount": "5"})

    acme.sync(**WITH)

    assert stored(acme) == truth(acme)
    assert requests_for_history(acme) == 15  # 730 deals, at most 50 a request
    (row,) = acme.query("SELECT DISTINCT source_type, source_id, updated_by_user_id FROM hubspot.deal_property_history")
    assert tuple(row.values()) == ("CRM_UI", "userId:4711", 4711)


def test_more_changes_than_one_statement_takes_are_stored_by_several(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(property_history, "CHANGES_MAX", 7)
    deal_id, *_ = acme.portal.live_deals()
    acme.simulator.clock.freeze()
    for number in range(20):  # within one millisecond
        acme.portal.edit_deal(deal_id, {"amount": str(number)})

    acme.sync(**WITH)

    assert stored(acme) == truth(acme)


@pytest.mark.peer_pain(36)
def test_a_change_is_stored_once_however_often_it_is_read(acme: Organization) -> None:
    acme.sync(**WITH)
    deal_id, *_ = sorted(acme.portal.live_deals())
    acme.portal.edit_deal(deal_id, {"amount": "1"})
    acme.sync(**WITH, **QUIET)
    before = acme.query("SELECT xmin::text, ctid::text FROM hubspot.deal_property_history ORDER BY 1, 2")

    acme.sync(**WITH, mode="window", window_start=datetime(2000, 1, 1, tzinfo=UTC))  # reads every history again

    assert requests_for_history(acme) == 15 + 1 + 15
    assert acme.query("SELECT xmin::text, ctid::text FROM hubspot.deal_property_history ORDER BY 1, 2") == before
    assert stored(acme) == truth(acme)


@pytest.mark.peer_pain(36)
def test_p36_later_runs_read_the_history_of_new_and_changed_deals_only(acme: Organization) -> None:
    acme.sync(**WITH)
    changed, recalculated, *_ = sorted(acme.portal.live_deals())
    acme.portal.edit_deal(changed, {"dealstage": "closedlost"})
    acme.portal.create_deal({"dealname": "New", "dealstage": "qualifiedtobuy"})
    acme.portal.recalculate_deal(recalculated, {"hs_projected_amount": "3"})

    acme.sync(**WITH, **QUIET)
    acme.sync(**WITH, mode="full")

    assert requests_for_history(acme) == 15 + 1
    assert stored(acme) == truth(acme)


def test_a_full_run_sees_what_calculated_properties_were_though_no_date_shows_it(acme: Organization) -> None:
    followed: dict[str, Any] = {"history": ("hs_projected_amount", "dealstage")}
    acme.sync(**followed)
    recalculated, *_ = acme.portal.live_deals()
    acme.portal.recalculate_deal(recalculated, {"hs_projected_amount": "3"})

    acme.sync(**followed, mode="full")

    assert stored(acme) == truth(acme, *followed["history"])


@pytest.mark.parametrize("survivor", ["new", "primary"])
def test_a_deal_that_is_merged_before_its_history_is_read_stops_nobody(
    simulator_of: Any, database_url: str, survivor: str
) -> None:
    acme = simulator_of(database_url, deals=300, archived=0, merge_survivor=survivor)
    first, *_, last = sorted(acme.portal.live_deals())
    pairs = [(first, last)]

    def merge(call: str, _number: int) -> None:
        if call == "history" and pairs:
            acme.portal.merge_deals(*pairs.pop())

    acme.sync(before=merge, history=("dealstage",))

    assert acme.differences() == []
    assert {change[0] for change in stored(acme)} >= set(acme.portal.live_deals())


def test_a_property_that_is_followed_later_gets_the_history_of_all_deals(acme: Organization) -> None:
    acme.sync()
    assert stored(acme) == []

    acme.sync(history=("dealstage",))
    assert stored(acme) == truth(acme, "dealstage")
    acme.sync(**WITH)

    assert stored(acme) == truth(acme)
    assert [job["mode"] for job in acme.jobs()] == ["full"] * 3
    assert requests_for_history(acme) == 2 * 15


def test_an_incremental_run_completes_no_history(acme: Organization) -> None:
    acme.sync()
    acme.sync(**WITH, **QUIET)
    assert acme.sync_state()["history"] == []

    acme.sync(**WITH)

    assert stored(acme) == truth(acme)


def test_a_property_that_was_not_followed_for_a_while_is_read_whole_again(acme: Organization) -> None:
    acme.sync(**WITH)
    acme.sync(history=("dealstage",), **QUIET)
    deal_id, *_ = sorted(acme.portal.live_deals())
    acme.portal.edit_deal(deal_id, {"amount": "1"})
    acme.sync(history=("dealstage",), **QUIET)

    acme.sync(**WITH)

    assert stored(acme) == truth(acme)


def test_a_run_that_is_interrupted_has_read_every_history_after_its_retry(acme: Organization) -> None:
    acme.sync()
    with pytest.raises(RetriableError):
        acme.sync(before=fail_at("list", 6), origin=RUN, **SMALL, **WITH)

    acme.sync(origin=RETRY, **SMALL, **WITH)

    assert stored(acme) == truth(acme)
    assert acme.sync_state()["history"] == ["amount", "dealstage"]


def test_a_pattern_follows_all_that_match_and_an_unknown_name_is_told(acme: Organization) -> None:
    acme.sync(history=("hs_forecast_*", "no_such_property"))

    assert stored(acme) == truth(acme, "hs_forecast_amount", "hs_forecast_probability")
    assert events(acme, "properties_unknown") == [{"properties": [], "history": ["no_such_property"]}]


def test_what_postgresql_cannot_hold_is_written_as_json(simulator_of: Any, database_url: str) -> None:
    acme = simulator_of(database_url, deals=1, archived=0)
    (deal_id,) = acme.portal.live_deals()
    acme.portal.edit_deal(deal_id, {"dealname": "nul \x00 and half \ud83d"})

    acme.sync(history=("dealname",))

    assert stored(acme)[-1][3] == '"nul \\u0000 and half \\ud83d"'


def test_an_answer_without_history_is_no_empty_history(acme: Organization) -> None:
    acme.simulator.add_fault(
        FaultRule(fault="body", endpoint="batch_read", times=None, body='{"status":"COMPLETE","results":[{"id":"1"}]}')
    )

    with pytest.raises(RetriableError, match="history is unusable"):
        acme.sync(**WITH)


def test_histories_too_large_for_one_answer_are_read_in_halves(simulator_of: Any, database_url: str) -> None:
    acme = simulator_of(database_url, deals=20, archived=0)
    for number in range(3):
        acme.portal.edit_deals(sorted(acme.portal.live_deals()), {"dealname": str(number) * 20_000})
    token, url = PrivateAppToken(acme.portal.spec.token), acme.simulator.base_url

    with HubSpotClient(token, base_url=url, allow_other_hosts=True, body_size_max=800_000) as client:
        sync.run(acme.request(history=("dealname",)), client=client, connect=acme.connect)

    assert stored(acme) == truth(acme, "dealname")
    assert requests_for_history(acme) == 1 + 2


def test_c20_a_deal_with_a_history_too_large_for_an_answer_is_told_and_holds_up_no_deal(
    simulator_of: Any, database_url: str
) -> None:
    acme = simulator_of(database_url, deals=20, archived=0)
    giant = sorted(acme.portal.live_deals())[7]
    for number in range(9):
        acme.portal.edit_deals([giant], {"dealname": str(number) * 20_000})
    token, url = PrivateAppToken(acme.portal.spec.token), acme.simulator.base_url

    with HubSpotClient(token, base_url=url, allow_other_hosts=True, body_size_max=150_000) as client:
        sync.run(acme.request(history=("dealname",)), client=client, connect=acme.connect)

    assert acme.differences() == []
    assert stored(acme) == [change for change in truth(acme, "dealname") if change[0] != giant]
    assert events(acme, "history_unread") == [{"count": 1, "deals": [giant]}]


@pytest.mark.peer_pain(38)
def test_the_stages_of_a_deal_have_a_beginning_an_end_and_a_day_in_the_portals_zone(
    simulator_of: Any, database_url: str
) -> None:
    acme = simulator_of(database_url, deals=1, archived=0, time_zone="Asia/Tokyo")
    (deal_id,) = acme.portal.live_deals()
    acme.portal.edit_deal(deal_id, {"dealstage": "contractsent"})
    acme.simulator.clock.shift(3_600)
    acme.portal.edit_deal(deal_id, {"dealstage": "closedwon"})
    acme.sync(history=("dealstage",))

    stages = acme.query(
        "SELECT * FROM hubspot_reporting.deal_stage_history WHERE tenant_id = %s ORDER BY entered_at", acme.id
    )

    *_, sent, won = stages
    assert (sent["dealstage"], sent["stage_label"], sent["is_current"]) == ("contractsent", "Contract Sent", False)
    assert (won["dealstage"], won["left_at"], won["is_current"]) == ("closedwon", None, True)
    assert sent["left_at"] == won["entered_at"]
    assert 3_600 <= sent["time_in_stage"].total_seconds() < 3_700
    (day,) = acme.query("SELECT (%s AT TIME ZONE 'Asia/Tokyo')::date AS day", won["entered_at"])
    assert won["entered_day"] == sent["left_day"] == day["day"]
    assert won["dealstage"] == acme.deals()[deal_id]["dealstage"]


@pytest.mark.peer_pain(35)
def test_p35_the_last_stage_in_history_is_the_deals_own(acme: Organization) -> None:
    acme.sync(history=("dealstage",))
    moved = sorted(acme.portal.live_deals())[:40]
    acme.portal.edit_deals(moved, {"dealstage": "contractsent"})
    acme.sync(history=("dealstage",), **QUIET)

    stages = acme.query(
        "SELECT deal.hubspot_deal_id, deal.dealstage, stage.dealstage AS last_in_history"
        " FROM hubspot.hubspot_deals AS deal LEFT JOIN hubspot_reporting.deal_stage_history AS stage"
        " ON stage.tenant_id = deal._organization_id AND stage.hubspot_deal_id = deal.hubspot_deal_id"
        " AND stage.is_current WHERE deal._organization_id = %s AND NOT deal.archived",
        acme.id,
    )
    assert {row["hubspot_deal_id"] for row in stages} == set(acme.portal.live_deals())
    assert [row for row in stages if (row["dealstage"] or "") != (row["last_in_history"] or "")] == []
    assert {row["last_in_history"] for row in stages if row["hubspot_deal_id"] in moved} == {"contractsent"}
