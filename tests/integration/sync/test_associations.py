"""After a run the stored associations of the deals that it read are HubSpot's, and a quiet run asks for none."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_hubspot_deals import jobs
from airflow_provider_hubspot_deals.exceptions import AuthenticationError, RetriableError
from hubspot_simulator import FaultRule
from hubspot_simulator.associations import KINDS, Label
from hubspot_simulator.specification import ALL_SCOPES
from tests.integration.sync.conftest import Organization
from tests.integration.sync.dimension_rows import QUIET, asked, events
from tests.integration.sync.test_lifecycle import RETRY, RUN, SMALL, fail_at

WITH: dict[str, Any] = {"associations": ("contacts", "companies", "line_items")}
Row = tuple[int, str, int, str, int, str | None]


def stored(acme: Organization) -> set[Row]:
    columns = "hubspot_deal_id, to_object_type, to_object_id, category, association_type_id, label"
    query = f"SELECT {columns} FROM hubspot.deal_associations WHERE organization_id = %s AND type = %s"  # noqa: S608 - names of this file
    found = [tuple(row.values()) for row in acme.query(query, acme.id, acme.type)]
    assert len(found) == len(set(found))
    return set(found)


def true_rows(acme: Organization, *kinds: str) -> Iterator[Row]:
    """What HubSpot would say of every live deal, from its documented types and the labels that people gave."""
    book = acme.portal.associations
    for deal_id in acme.portal.live_deals():
        for kind in kinds or WITH["associations"]:
            for position, object_id in enumerate(book.associated(deal_id, kind)):
                key = (deal_id, kind, object_id)
                yield (*key, "HUBSPOT_DEFINED", KINDS[kind].type_id, None)
                primary = KINDS[kind].primary_type_id
                if position == 0 and primary:
                    yield (*key, "HUBSPOT_DEFINED", primary, "Primary")
                for label in book.labels(*key):
                    yield (*key, label.category, label.type_id, label.text)


def row_versions(acme: Organization) -> list[dict[str, Any]]:
    return acme.query("SELECT xmin::text, ctid::text FROM hubspot.deal_associations ORDER BY 1, 2")


@pytest.mark.peer_pain(26)
def test_a_full_run_brings_the_associations_of_every_live_deal(acme: Organization) -> None:
    acme.sync(**WITH)

    assert stored(acme) == set(true_rows(acme))
    assert asked(acme, "associations") == 3  # 730 deals, at most 1,000 a request, three types
    assert acme.jobs()[0]["api_calls_by_endpoint"]["associations"] == 3


def test_without_any_type_nothing_is_asked_for(acme: Organization) -> None:
    acme.sync()

    assert (stored(acme), asked(acme, "associations")) == (set(), 0)


def test_a_quiet_run_asks_for_none_and_makes_at_most_five_requests(acme: Organization) -> None:
    acme.sync(**WITH, history=("dealstage",))
    acme.simulator.application.log.clear()

    acme.sync(**WITH, history=("dealstage",), **QUIET)

    assert len(acme.simulator.requests) <= 5


def test_reading_the_same_again_rewrites_no_row(acme: Organization) -> None:
    acme.sync(**WITH)
    before = row_versions(acme)

    acme.sync(**WITH, mode="full")

    assert row_versions(acme) == before


@pytest.mark.peer_pain(40)
def test_p40_a_full_run_sees_what_no_modification_date_shows(acme: Organization) -> None:
    acme.sync(**WITH)
    first, second, third, *_ = sorted(acme.portal.live_deals())
    acme.portal.associate_deal(first, "contacts", (7, 8))
    acme.portal.associate_deal(second, "contacts", ())
    acme.portal.associate_deal(third, "companies", (9,))

    acme.sync(**WITH, mode="full")

    assert stored(acme) == set(true_rows(acme))


@pytest.mark.peer_pain(26)
def test_p26_an_incremental_run_reads_those_of_changed_deals_in_the_same_way(acme: Organization) -> None:
    acme.sync(**WITH)
    changed, *_ = sorted(acme.portal.live_deals())
    acme.portal.associate_deal(changed, "contacts", (7, 8))
    acme.portal.associate_deal(changed, "line_items", ())
    acme.portal.edit_deal(changed, {"amount": "5"})
    acme.portal.create_deal({"dealname": "New"})

    acme.sync(**WITH, **QUIET)

    assert stored(acme) == set(true_rows(acme))


@pytest.mark.peer_pain(28)
def test_p28_labels_are_kept_each_with_its_type_and_follow_their_changes(acme: Organization) -> None:
    deal_id, *_ = sorted(acme.portal.live_deals())
    acme.portal.associate_deal(deal_id, "contacts", (7, 8))
    acme.portal.label_association(deal_id, "contacts", 7, (Label(36, "Decision maker"), Label(3, "Buyer")))
    acme.sync(**WITH)
    assert stored(acme) == set(true_rows(acme))
    acme.portal.label_association(deal_id, "contacts", 7, (Label(36, "Decider"),))

    acme.sync(**WITH, mode="full")

    assert {row for row in stored(acme) if row[:3] == (deal_id, "contacts", 7)} == {
        (deal_id, "contacts", 7, "HUBSPOT_DEFINED", 3, None),
        (deal_id, "contacts", 7, "USER_DEFINED", 36, "Decider"),
    }


@pytest.mark.peer_pain(27)
def test_p27_a_deal_with_more_than_500_of_a_type_has_them_all(acme: Organization) -> None:
    first, second, *_ = sorted(acme.portal.live_deals())
    acme.portal.associate_deal(first, "line_items", tuple(range(1, 1_302)))
    acme.portal.associate_deal(second, "line_items", tuple(range(1, 502)))

    acme.sync(associations=("line_items",))

    assert stored(acme) == set(true_rows(acme, "line_items"))
    assert asked(acme, "associations") == 3


@pytest.mark.peer_pain(29)
def test_more_than_a_thousand_deals_of_a_batch_are_asked_for_in_parts(acme: Organization) -> None:
    for number in range(300):
        acme.portal.create_deal({"dealname": str(number)})

    acme.sync(associations=("contacts",))

    assert stored(acme) == set(true_rows(acme, "contacts"))
    assert asked(acme, "associations") == 2


def test_a_type_that_the_token_may_not_read_is_told_and_the_rest_loads(
    acme: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    token = "pat-na1-without-companies"
    acme.simulator.accounts.add_token(1001, token, set(ALL_SCOPES) - {"crm.objects.companies.read"})

    with caplog.at_level(logging.WARNING):
        acme.sync(token=token, **WITH, batch_rows=200)

    assert acme.differences() == []
    assert stored(acme) == set(true_rows(acme, "contacts", "line_items"))
    assert "crm.objects.companies.read" in caplog.text
    (told,) = events(acme, "associations_unreadable")
    assert (told["object_type"], told["error_code"]) == ("companies", "MISSING_SCOPE")


def test_a_type_that_does_not_exist_is_told_without_a_search_for_the_deal_at_fault(acme: Organization) -> None:
    acme.sync(associations=("butterflies", "contacts"))

    assert stored(acme) == set(true_rows(acme, "contacts"))
    (told,) = events(acme, "associations_unreadable")
    assert told["object_type"] == "butterflies"
    assert "Unable to infer object type from: butterflies" in told["error"]
    assert asked(acme, "associations") == 2


def test_what_a_token_may_no_longer_read_stays_as_it_was(acme: Organization) -> None:
    acme.sync(**WITH)
    before = stored(acme)
    acme.simulator.add_fault(FaultRule(fault="status", status=403, endpoint="associations", times=None))
    acme.portal.associate_deal(min(acme.portal.live_deals()), "contacts", (7,))

    acme.sync(**WITH, mode="full")

    assert stored(acme) == before
    assert len(events(acme, "associations_unreadable")) == 3


def test_a_batch_that_is_refused_for_one_deal_is_read_in_halves(acme: Organization) -> None:
    rule = FaultRule(fault="status", status=400, endpoint="associations", times=3)
    acme.simulator.add_fault(rule)

    acme.sync(associations=("contacts",))

    assert stored(acme) == set(true_rows(acme, "contacts"))
    assert asked(acme, "associations") == 1 + 2 * 3


def test_a_deal_that_is_refused_alone_is_told_and_keeps_what_is_stored(simulator_of: Any, database_url: str) -> None:
    acme = simulator_of(database_url, deals=1, archived=0)
    (deal_id,) = acme.portal.live_deals()
    acme.portal.associate_deal(deal_id, "contacts", (7,))
    acme.sync(associations=("contacts",))
    before = stored(acme)
    acme.portal.associate_deal(deal_id, "contacts", (8,))
    acme.simulator.add_fault(FaultRule(fault="status", status=400, endpoint="associations"))

    acme.sync(associations=("contacts",), mode="full")

    assert stored(acme) == before
    assert events(acme, "associations_unread") == [{"object_type": "contacts", "count": 1, "deals": [deal_id]}]


def test_deals_whose_next_page_never_comes_are_told_and_keep_what_is_stored(
    simulator_of: Any, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "EVENT_NAMES_MAX", 1)
    acme = simulator_of(database_url, deals=3, archived=0)
    first, second, third = acme.portal.live_deals()
    for deal_id in (first, second):
        acme.portal.associate_deal(deal_id, "contacts", range(1, 701))
    acme.portal.associate_deal(third, "contacts", ())
    acme.sync(associations=("contacts",))
    before, versions = stored(acme), row_versions(acme)
    for deal_id in (first, second):
        acme.portal.associate_deal(deal_id, "contacts", range(101, 801))
    acme.portal.associate_deal(third, "contacts", (8,))
    silent = json.dumps({"status": "COMPLETE", "results": []})
    for nth in (2, 6):  # after first pages, until it is believed
        acme.simulator.add_fault(FaultRule(fault="body", body=silent, endpoint="associations", nth=nth, times=3))

    acme.sync(associations=("contacts",), mode="full")

    assert stored(acme) - before == {(third, "contacts", 8, "HUBSPOT_DEFINED", 3, None)}
    assert before <= stored(acme)
    assert {*map(str, versions)} <= {*map(str, row_versions(acme))}  # and none of them was written again
    assert events(acme, "associations_unread") == [{"object_type": "contacts", "count": 2, "deals": [first]}]


def test_a_revoked_token_stops_the_run_and_its_batch(acme: Organization) -> None:
    acme.simulator.add_fault(FaultRule(fault="status", status=401, endpoint="associations", times=None))

    with pytest.raises(AuthenticationError):
        acme.sync(**WITH)

    assert (stored(acme), len(acme.deals())) == (set(), 40)  # the archived ones came first


def test_a_batch_and_its_associations_are_one_transaction(acme: Organization) -> None:
    with pytest.raises(RetriableError):
        acme.sync(before=fail_at("list", 6), origin=RUN, **SMALL, **WITH)
    live = {deal_id for deal_id, row in acme.deals().items() if not row["archived"]}
    assert {row[0] for row in stored(acme)} == {row[0] for row in true_rows(acme) if row[0] in live}

    acme.sync(origin=RETRY, **SMALL, **WITH)

    assert stored(acme) == set(true_rows(acme))


def test_an_unusable_answer_is_asked_for_again_and_not_taken_for_none(acme: Organization) -> None:
    acme.sync(**WITH)
    acme.simulator.add_fault(FaultRule(fault="invalid_json", endpoint="associations"))

    acme.sync(**WITH, mode="full")

    assert stored(acme) == set(true_rows(acme))


def test_a_type_that_is_asked_for_later_makes_the_next_automatic_run_a_full_one(acme: Organization) -> None:
    acme.sync(associations=("contacts",))

    acme.sync(**WITH)

    assert [job["mode"] for job in acme.jobs()] == ["full", "full"]
    assert stored(acme) == set(true_rows(acme))


def test_merged_and_archived_deals_keep_theirs_and_the_survivor_has_its_own(acme: Organization) -> None:
    acme.sync(**WITH)
    first, second, third, *_ = sorted(acme.portal.live_deals())
    gone = {row for row in stored(acme) if row[0] in {first, second, third}}
    survivor = acme.portal.merge_deals(first, second)
    acme.portal.archive_deal(third)

    acme.sync(**WITH, **QUIET)

    assert stored(acme) == set(true_rows(acme)) | gone
    assert any(row[0] == survivor for row in stored(acme))


def test_another_organization_keeps_its_own(acme: Organization) -> None:
    bravo = Organization(acme.simulator, acme.simulator.portal(1002), acme.database_url, slug="bravo")
    bravo.sync(**WITH)
    before = stored(bravo)

    acme.sync(**WITH)

    assert stored(bravo) == before == set(true_rows(bravo))
