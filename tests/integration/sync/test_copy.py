"""A run leaves a complete, correct copy, and the next one touches what changed and nothing else."""

from __future__ import annotations

import psycopg
import pytest

from tests.integration.sync.conftest import Organization, SimulatorOf


def test_first_run_copies_every_live_and_archived_deal(acme: Organization) -> None:
    summary = acme.sync()

    assert acme.differences() == []
    assert summary.mode == "full"
    assert summary.counts["records_inserted"] == 770
    assert {row["archived"] for row in acme.deals().values() if row["_deleted_reason"]} == {True}


@pytest.mark.peer_pain(10)
def test_an_incremental_run_rewrites_exactly_the_deals_that_changed(acme: Organization) -> None:
    acme.sync()
    before = acme.deals()
    live = sorted(acme.portal.live_deals())
    edited, archived, (first, second) = live[10:15], live[20:22], live[30:32]
    for deal_id in edited:
        acme.portal.edit_deal(deal_id, {"dealname": "Renamed"})
    for deal_id in archived:
        acme.portal.archive_deal(deal_id)
    survivor = acme.portal.merge_deals(first, second)

    summary = acme.sync()

    after = acme.deals()
    rewritten = {deal_id for deal_id, row in after.items() if row["xmin"] != before.get(deal_id, {}).get("xmin")}
    assert summary.mode == "incremental"
    assert rewritten == {*edited, *archived, first, second, survivor}
    assert acme.differences() == []
    assert (summary.counts["records_inserted"], summary.counts["records_updated"]) == (1, 7)
    assert summary.counts["records_deleted"] == 4


def test_a_run_without_changes_writes_no_row(acme: Organization) -> None:
    acme.sync()
    before = acme.deals()

    acme.sync(mode="incremental")
    acme.sync(mode="full")

    assert acme.deals() == before


def test_row_identity_survives_an_update_and_the_load_id_does_not(acme: Organization) -> None:
    first_job = acme.sync().job_id
    deal_id = min(acme.portal.live_deals())
    before = acme.deals()[deal_id]
    acme.portal.edit_deal(deal_id, {"amount": "12.50"})

    second_job = acme.sync().job_id

    after = acme.deals()[deal_id]
    assert after["_dlt_id"] == before["_dlt_id"]
    assert after["_dlt_load_id"] != before["_dlt_load_id"]
    assert (before["_scan_id"], after["_scan_id"]) == (first_job, second_job)
    assert str(after["amount"]) == "12.50"


def test_a_restored_deal_is_live_again_though_nothing_bumped_it(acme: Organization) -> None:
    acme.sync()
    deal_id = min(acme.portal.archived_deals())
    acme.portal.restore_deal(deal_id)

    acme.sync(mode="incremental")

    assert acme.differences() == []
    assert acme.deals()[deal_id]["_deleted_reason"] is None


@pytest.mark.peer_pain(13)
def test_purged_deals_are_marked_missing_by_the_next_full_run(acme: Organization) -> None:
    acme.sync()
    live, archived = min(acme.portal.live_deals()), min(acme.portal.archived_deals())
    acme.portal.purge_deal(live)
    acme.portal.purge_deal(archived)

    acme.sync(mode="full")

    assert acme.differences() == []
    assert acme.deals()[live]["_deleted_reason"] == "missing"


@pytest.mark.peer_pain(15, 16)
@pytest.mark.parametrize("merge_survivor", ["new", "primary"])
def test_both_survivor_rules_of_a_merge_end_with_one_live_deal(
    simulator_of: SimulatorOf, database_url: str, merge_survivor: str
) -> None:
    acme = simulator_of(database_url, deals=120, merge_survivor=merge_survivor)
    acme.sync()
    first, second, third = sorted(acme.portal.live_deals())[:3]
    survivor = acme.portal.merge_deals(first, second)
    last = acme.portal.merge_deals(survivor, third)

    acme.sync()

    assert acme.differences() == []
    assert acme.deals()[second]["_merged_into"] == last


@pytest.mark.peer_pain(39)
def test_a_calculated_property_is_caught_by_the_full_run_it_does_not_bump(acme: Organization) -> None:
    acme.sync()
    before, deal_id = acme.deals(), min(acme.portal.live_deals())
    acme.portal.recalculate_deal(deal_id, {"hs_forecast_amount": "77"})

    acme.sync(mode="full")

    assert acme.differences() == []
    after = acme.deals()
    assert {each for each, row in after.items() if row["xmin"] != before[each]["xmin"]} == {deal_id}


@pytest.mark.peer_pain(11, 12, 14)
def test_a_deal_in_the_recycle_bin_counts_as_none_that_is_active(acme: Organization) -> None:
    acme.sync()
    binned = sorted(acme.portal.live_deals())[:7]
    for deal_id in binned:
        acme.portal.archive_deal(deal_id)

    acme.sync(mode="incremental")

    views = ("hubspot.hubspot_deals", "hubspot_reporting.hubspot_deals", "hubspot_reporting.deals_with_names")
    for view in views:
        (count,) = acme.query(f"SELECT count(*) FILTER (WHERE NOT archived) AS active, count(*) FROM {view}")  # noqa: S608 - names of this test
        assert count == {"active": len(acme.portal.live_deals()), "count": 770}
    assert {acme.deals()[deal_id]["_deleted_reason"] for deal_id in binned} == {"archived"}


def test_window_mode_reads_the_window_and_leaves_the_watermark(acme: Organization) -> None:
    acme.sync()
    state = acme.sync_state()
    versions = sorted(row["hs_lastmodifieddate"] for row in acme.deals().values() if not row["_deleted_reason"])
    acme.execute("DELETE FROM hubspot.hubspot_deals WHERE NOT archived")

    acme.sync(mode="window", window_start=versions[10], window_end=versions[200])

    assert len([row for row in acme.deals().values() if not row["archived"]]) >= 190
    assert acme.sync_state()["watermark"] == state["watermark"]
    assert acme.sync_state()["last_full_sync_at"] == state["last_full_sync_at"]


def test_two_types_of_one_organization_live_in_two_tables(acme: Organization) -> None:
    sandbox = Organization(
        simulator=acme.simulator, portal=acme.simulator.portal(1002), database_url=acme.database_url, type="sandbox"
    )
    acme.sync()
    sandbox.sync()

    assert acme.differences() == []
    assert sandbox.differences() == []
    tables = acme.query("SELECT DISTINCT tableoid::regclass::text AS name FROM hubspot.hubspot_deals")
    assert {row["name"] for row in tables} == {
        f"hubspot.hubspot_deals_{label}_{acme.id.hex}" for label in ("standard", "sandbox")
    }


def test_negative_amounts_are_an_issue_unless_the_organization_allows_them(acme: Organization) -> None:
    deal_id = acme.portal.create_deal({"dealname": "Credit note", "amount": "-10.00"})
    acme.sync()
    refused = acme.deals()[deal_id]
    assert (refused["amount"], refused["_value_issues"]) == (None, [{"field": "amount", "code": "AMOUNT_NEGATIVE"}])
    assert refused["raw_properties"]["amount"] == "-10.00"

    acme.sync(allow_negative_amounts=True)

    assert str(acme.deals()[deal_id]["amount"]) == "-10.00"
    assert acme.jobs()[-1]["mode"] == "full"


def test_a_chosen_property_list_still_fills_the_typed_columns(acme: Organization) -> None:
    acme.sync(properties=("days_to_close",))

    row = acme.deals()[min(acme.portal.live_deals())]
    assert row["hs_lastmodifieddate"] is not None
    assert "hs_is_closed" not in row["raw_properties"]


def test_a_value_that_postgresql_refuses_is_never_repeated(
    acme: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    acme.execute("ALTER TABLE hubspot.hubspot_deals ADD CONSTRAINT house_rule CHECK (dealname <> 'Secret name')")
    acme.portal.create_deal({"dealname": "Secret name"})

    caplog.set_level("DEBUG")
    acme.sync()

    (quarantined,) = acme.query("SELECT reason_code, field_name FROM hubspot.deals_quarantine")
    assert quarantined == {"reason_code": "REFUSED_BY_DATABASE", "field_name": "house_rule"}
    assert "Secret name" not in caplog.text
    assert "Secret name" not in str(acme.query("SELECT * FROM hubspot.job_events"))


@pytest.mark.peer_pain(41)
def test_deals_are_never_written_twice_in_one_first_load(acme: Organization) -> None:
    acme.sync(batch_rows=100)

    with psycopg.connect(acme.database_url) as connection:
        ledger = connection.execute("SELECT sum(inserted), sum(updated), count(*) FROM hubspot.job_batches").fetchone()
    assert ledger is not None
    assert (int(ledger[0]), int(ledger[1])) == (770, 0)
    assert ledger[2] >= 8


def test_deals_written_by_hand_give_way_to_what_hubspot_says(acme: Organization) -> None:
    acme.sync()
    known = min(acme.portal.live_deals())
    acme.execute("DELETE FROM hubspot.hubspot_deals WHERE hubspot_deal_id = %s", known)
    for deal_id in (known, 51):
        acme.execute(
            "INSERT INTO hubspot_reporting.hubspot_deals (deal_id, tenant_id) VALUES (%s, %s)", deal_id, acme.id
        )

    acme.sync(mode="full")

    deals = acme.deals()
    assert deals.pop(51)["_deleted_reason"] == "missing"
    assert deals[known]["raw_properties"]["hs_object_id"] == str(known)
