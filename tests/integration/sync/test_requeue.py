"""Quarantined deals are read again from HubSpot when somebody asks for it; stored bytes are never replayed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.sync.conftest import Organization

MODIFIED = "hs_lastmodifieddate"


def spoil(organization: Organization, *deal_ids: int) -> dict[int, str]:
    """HubSpot sends these deals without a usable version, which no row can be stored under; gives the right ones."""
    right = {deal_id: organization.portal.live_deals()[deal_id]["properties"][MODIFIED] for deal_id in deal_ids}
    for deal_id in deal_ids:
        organization.portal.recalculate_deal(deal_id, {MODIFIED: "soon"})
    return right


def mend(organization: Organization, right: dict[int, str]) -> None:
    """Nothing but the version changes back, so that no search finds these deals."""
    for deal_id, version in right.items():
        organization.portal.recalculate_deal(deal_id, {MODIFIED: version})


def requeue(organization: Organization, reason: str | None = None) -> dict[str, Any]:
    statement = "SELECT * FROM hubspot.requeue_quarantine(%s, reason => %s)"
    (row,) = organization.query(statement, organization.id, reason)
    return row


def quarantined(organization: Organization) -> dict[int, dict[str, Any]]:
    return {int(row["deal_id_text"]): row for row in organization.query("SELECT * FROM hubspot.deals_quarantine")}


def waiting(organization: Organization) -> list[int]:
    return [row["hubspot_deal_id"] for row in organization.query("SELECT * FROM hubspot.absent_deals ORDER BY 2, 3")]


def test_a_requeued_deal_that_hubspot_has_mended_is_stored_and_its_record_resolved(acme: Organization) -> None:
    deal_id, *_ = sorted(acme.portal.live_deals())
    right = spoil(acme, deal_id)
    acme.sync()
    assert (deal_id in acme.deals(), quarantined(acme)[deal_id]["reason_code"]) == (False, "BAD_VERSION")
    mend(acme, right)

    assert requeue(acme) == {"requeued": 1, "unreadable": 0}
    summary = acme.sync(mode="incremental")

    assert quarantined(acme)[deal_id]["resolved_by_job"] == summary.job_id
    assert acme.differences() == []
    assert waiting(acme) == []


def test_a_requeued_deal_that_is_still_bad_is_counted_again(acme: Organization) -> None:
    deal_id, *_ = sorted(acme.portal.live_deals())
    spoil(acme, deal_id)
    acme.sync()
    requeue(acme)

    acme.sync(mode="incremental")

    row = quarantined(acme)[deal_id]
    assert (row["times_seen"], row["resolved_at"]) == (2, None)
    assert waiting(acme) == []


@pytest.mark.parametrize("fate", ["purged", "merged", "archived"])
def test_a_requeued_deal_that_is_no_longer_there_is_resolved(acme: Organization, fate: str) -> None:
    deal_id, survivor, *_ = sorted(acme.portal.live_deals())
    right = spoil(acme, deal_id)
    acme.sync()
    mend(acme, right)
    if fate == "merged":
        acme.portal.merge_deals(survivor, deal_id)
    else:
        acme.portal.archive_deal(deal_id)
        if fate == "purged":
            acme.portal.purge_deal(deal_id)
    requeue(acme)

    acme.sync(mode="incremental")

    assert quarantined(acme)[deal_id]["resolved_at"] is not None
    assert acme.differences() == []


def test_only_the_reason_asked_for_is_requeued_and_each_deal_once(acme: Organization) -> None:
    first, second, *_ = sorted(acme.portal.live_deals())
    spoil(acme, first, second)
    acme.sync()
    acme.execute("UPDATE hubspot.deals_quarantine SET reason_code = 'OTHER' WHERE deal_id_text = %s", str(second))

    assert requeue(acme, reason="OTHER") == {"requeued": 1, "unreadable": 0}
    assert waiting(acme) == [second]
    assert requeue(acme)["requeued"] == 1
    assert requeue(acme)["requeued"] == 0
    told = acme.query("SELECT details FROM hubspot.job_events WHERE kind = 'quarantine_requeued' ORDER BY occurred_at")
    assert [row["details"].get("reason") for row in told] == ["OTHER", None]


@pytest.mark.parametrize("text", ["", "0", "-5", "12a", "007", "9223372036854775808", "1" * 40, "٣", None], ids=repr)
def test_a_record_without_an_id_that_hubspot_knows_is_counted_and_left(acme: Organization, text: str | None) -> None:
    spoil(acme, min(acme.portal.live_deals()))
    acme.sync()
    acme.execute("UPDATE hubspot.deals_quarantine SET deal_id_text = %s", text)
    assert requeue(acme) == {"requeued": 0, "unreadable": 1}
    assert waiting(acme) == []


def test_a_deal_requeued_while_the_run_confirms_others_waits_for_the_next_run(acme: Organization) -> None:
    first, second, *_ = sorted(acme.portal.live_deals())
    right = spoil(acme, first)
    acme.sync()
    mend(acme, right)
    acme.execute(
        "INSERT INTO hubspot.absent_deals SELECT organization_id, type, %s, job_id FROM hubspot.deals_quarantine",
        second,
    )

    def requeue_meanwhile(call: str, number: int) -> None:
        if (call, number) == ("read", 1):
            requeue(acme)

    acme.sync(mode="incremental", before=requeue_meanwhile)
    assert waiting(acme) == [first]
    acme.sync(mode="incremental")
    assert acme.differences() == []


def test_a_window_run_leaves_what_waits(acme: Organization) -> None:
    deal_id = min(acme.portal.live_deals())
    spoil(acme, deal_id)
    acme.sync()
    requeue(acme)
    acme.sync(mode="window", window_start=acme.sync_state()["watermark"])
    assert waiting(acme) == [deal_id]
