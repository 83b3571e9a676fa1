"""What a batch does to the stored deals, and what it leaves alone."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals.deals.parsing import DealParser
from airflow_provider_hubspot_deals.jobs import Job
from tests.builders import a_record, a_row
from tests.integration.tenant import Tenant

EARLIER, LATER = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


@pytest.fixture
def job(acme: Tenant) -> Job:
    return acme.claim(allow_negative_amounts=True)


def counts(tenant: Tenant, job: Job, *rows: Any) -> dict[str, int]:
    """Of one batch, those that are not zero."""
    written = tenant.store(job, *rows)
    names = ("inserted", "updated", "unchanged", "stale", "duplicate", "deleted")
    assert sum(astuple(written)[:5]) == len(rows)
    return {name: getattr(written, name) for name in names if getattr(written, name)}


def test_a_new_deal_is_inserted_with_its_origin(acme: Tenant, job: Job) -> None:
    assert counts(acme, job, a_row(7, amount="12.50", color="red", page_number=3)) == {"inserted": 1}
    row = acme.deal(7)
    assert (row["hubspot_deal_id"], row["hs_object_id"], str(row["amount"])) == (7, 7, "12.50")
    assert row["raw_properties"]["amount"] == "12.50"
    assert (row["custom_properties"], row["archived"], row["_page_number"]) == ({"color": "red"}, False, 3)
    assert (row["_organization_id"], row["_tenant_id"], row["_type"]) == (acme.id, acme.id, "standard")
    assert (row["_scan_id"], row["_dlt_load_id"], row["_source_service"]) == (job.id, job.load_id, "hubspot_api")


def test_a_row_has_an_id_of_its_own_that_a_reload_gives_again(acme: Tenant, job: Job) -> None:
    sandbox = Tenant(acme.url, type="sandbox")
    sandbox_job = sandbox.claim()

    def load() -> set[Any]:
        acme.store(job, a_row(7), a_row(2**63 - 1))
        sandbox.store(sandbox_job, a_row(7), a_row(2**63 - 1))
        return {row["_dlt_id"] for tenant in (acme, sandbox) for row in tenant.deals().values()}

    first = load()
    assert len(first) == 4
    assert acme.execute("DELETE FROM hubspot.hubspot_deals") == 4
    assert load() == first


def test_an_empty_batch_is_fine(acme: Tenant, job: Job) -> None:
    assert counts(acme, job) == {}


def test_an_unchanged_deal_is_counted_and_not_written(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1), a_row(2))
    before = acme.deals()
    assert counts(acme, job, a_row(1, page_number=9), a_row(2, dealname="new", hs_lastmodifieddate=LATER)) == {
        "updated": 1,
        "unchanged": 1,
    }
    assert acme.deal(1) == before[1]
    assert acme.deal(2)["row_version"] != before[2]["row_version"]
    assert acme.deal(2)["_dlt_id"] == before[2]["_dlt_id"]


def test_b23_a_calculated_property_is_updated_though_the_version_is_the_same(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1, hs_forecast_amount="1"))
    assert counts(acme, job, a_row(1, hs_forecast_amount="2")) == {"updated": 1}
    assert acme.deal()["hs_forecast_amount"] == 2


def test_i05_b18_a_version_never_goes_back(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1, dealname="new"))
    before = acme.deal()
    assert counts(acme, job, a_row(1, dealname="old", hs_lastmodifieddate=EARLIER)) == {"stale": 1}
    assert acme.deal() == before


def test_an_archived_version_that_is_older_than_the_stored_one_deletes_nothing(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1))
    assert counts(acme, job, a_row(1, archived=True, hs_lastmodifieddate=EARLIER)) == {"stale": 1}
    assert acme.deal()["archived"] is False


def test_what_comes_again_is_counted_once_though_somebody_dated_the_stored_deal_ahead(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1))
    acme.execute("UPDATE hubspot.hubspot_deals SET hs_lastmodifieddate = %s", LATER)
    assert counts(acme, job, a_row(1)) == {"stale": 1}


def test_a_cleared_value_becomes_null(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1, amount="5", dealtype="newbusiness"))
    acme.store(job, a_row(1, amount="", dealtype=None, hs_lastmodifieddate=LATER))
    row = acme.deal()
    assert (row["amount"], row["dealtype"]) == (None, None)
    assert "dealtype" not in row["raw_properties"]


def test_d30_a_stored_deal_without_version_is_overwritten(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1, dealname="old"))
    acme.execute("UPDATE hubspot.hubspot_deals SET hs_lastmodifieddate = NULL")
    assert counts(acme, job, a_row(1, dealname="new", hs_lastmodifieddate=EARLIER)) == {"updated": 1}
    assert acme.deal()["dealname"] == "new"


def test_an_id_that_somebody_emptied_is_filled_in_again(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1))
    acme.execute("UPDATE hubspot.hubspot_deals SET hs_object_id = NULL")
    acme.store(job, a_row(1, hs_lastmodifieddate=LATER))
    assert acme.deal()["hs_object_id"] == 1


@pytest.mark.peer_pain(41)
@pytest.mark.parametrize("newest_first", [False, True])
def test_b06_of_a_deal_that_comes_twice_the_newest_version_wins(acme: Tenant, job: Job, *, newest_first: bool) -> None:
    rows = [a_row(1, dealname="old", hs_lastmodifieddate=EARLIER), a_row(1, dealname="new")]
    assert counts(acme, job, *(reversed(rows) if newest_first else rows)) == {"inserted": 1, "duplicate": 1}
    assert acme.deal()["dealname"] == "new"


def test_b06_of_two_records_of_one_version_the_later_page_wins(acme: Tenant, job: Job) -> None:
    rows = [a_row(1, dealname=f"page {number}", page_number=number) for number in (2, 3, 1)]
    assert counts(acme, job, *rows) == {"inserted": 1, "duplicate": 2}
    assert acme.deal()["dealname"] == "page 3"


def test_b06_of_two_records_of_one_version_on_one_page_the_last_wins(acme: Tenant, job: Job) -> None:
    for count in (2, 3, 40):
        deals = [a_row(deal_id, dealname=f"{deal_id} {n}") for n in range(count) for deal_id in (count, count + 1)]
        acme.store(job, *deals)
        assert [acme.deal(each)["dealname"] for each in (count, count + 1)] == [
            f"{each} {count - 1}" for each in (count, count + 1)
        ]


def test_an_archived_deal_says_since_when_and_counts_as_deleted_once(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1))
    assert counts(acme, job, a_row(1, archived=True)) == {"updated": 1, "deleted": 1}
    row = acme.deal()
    assert (row["archived"], row["_deleted_reason"], row["_deleted_at"].isoformat()) == (
        True,
        "archived",
        "2026-04-01T00:00:00+00:00",
    )
    assert counts(acme, job, a_row(1, archived=True)) == {"unchanged": 1}


def test_an_archived_deal_without_a_time_keeps_the_one_at_which_we_noticed(acme: Tenant, job: Job) -> None:
    def archived(**properties: Any) -> Any:
        record = {name: value for name, value in a_record(archived=True, **properties).items() if name != "archivedAt"}
        return DealParser([], allow_negative_amounts=True).parse_page([record], 1).rows[0]

    acme.store(job, archived())
    noticed = acme.deal()["_deleted_at"]
    assert noticed is not None

    assert counts(acme, job, archived(hs_forecast_amount="1")) == {"updated": 1}

    assert acme.deal()["_deleted_at"] == noticed


def test_a_deal_first_seen_archived_is_inserted_and_not_counted_as_deleted(acme: Tenant, job: Job) -> None:
    assert counts(acme, job, a_row(1, archived=True)) == {"inserted": 1}
    assert acme.living() == []


def test_b11_a_restored_deal_is_live_again_though_its_version_is_the_same(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1, archived=True))
    assert counts(acme, job, a_row(1)) == {"updated": 1}
    row = acme.deal()
    assert (row["archived"], row["_deleted_at"], row["_deleted_reason"]) == (False, None, None)


def test_b10_merged_deals_are_marked_with_their_survivor(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1), a_row(2), a_row(3))
    assert counts(acme, job, a_row(9, hs_merged_object_ids="1;2;77")) == {"inserted": 1, "deleted": 2}
    assert acme.living() == [3, 9]
    row = acme.deal(1)
    assert (row["_deleted_reason"], row["_merged_into"], row["_deleted_at"] is None) == ("merged", 9, False)


def test_b10_merged_deals_are_marked_once(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1), a_row(9, hs_merged_object_ids="1"))
    before = acme.deals()
    assert counts(acme, job, a_row(9, hs_merged_object_ids="1")) == {"unchanged": 1}
    assert acme.deals() == before


def test_b10_a_chain_of_merges_ends_at_its_last_survivor(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1), a_row(2, hs_merged_object_ids="1"))
    assert acme.deal(1)["_merged_into"] == 2
    acme.store(job, a_row(3, hs_merged_object_ids="1;2"))
    assert {deal_id: row["_merged_into"] for deal_id, row in acme.deals().items()} == {1: 3, 2: 3, 3: None}


def test_b10_a_loser_listed_before_the_merge_in_the_same_batch_is_marked(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1), a_row(9, hs_merged_object_ids="1"))
    assert acme.living() == [9]


def test_b10_a_survivor_that_keeps_its_id_stays_live(acme: Tenant, job: Job) -> None:
    assert counts(acme, job, a_row(1, hs_merged_object_ids="1;2"), a_row(2)) == {"inserted": 2, "deleted": 1}
    assert acme.living() == [1]


def test_a_merged_deal_that_comes_back_is_live_again(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1), a_row(9, hs_merged_object_ids="1"))
    assert counts(acme, job, a_row(1)) == {"updated": 1}
    row = acme.deal(1)
    assert (row["archived"], row["_deleted_reason"], row["_merged_into"]) == (False, None, None)


def test_i13_organizations_and_types_never_mix(acme: Tenant, job: Job) -> None:
    others = [Tenant(acme.url, type="sandbox"), Tenant(acme.url, "other")]
    acme.store(job, a_row(1, dealname="ours"))
    for other in others:
        other_job = other.claim(allow_negative_amounts=True)
        assert counts(other, other_job, a_row(1, dealname="theirs"), a_row(2, hs_merged_object_ids="1")) == {
            "inserted": 2,
            "deleted": 1,
        }
    assert {deal_id: row["dealname"] for deal_id, row in acme.deals().items()} == {1: "ours"}
    assert acme.living() == [1]
    assert all(other.living() == [2] for other in others)


def test_a_leaf_has_its_key_its_indexes_and_its_checks(acme: Tenant) -> None:
    job = acme.claim(allow_negative_amounts=False)
    indexed = acme.query("SELECT indexdef FROM pg_indexes WHERE tablename = %s ORDER BY 1", job.leaf)
    columns = sorted(row["indexdef"].partition(" USING btree ")[2] for row in indexed)
    whole = ["closedate", "createdate", "hs_lastmodifieddate", "dealstage", "pipeline", "_scan_id", "hubspot_deal_id"]
    deleted = "(_deleted_at) WHERE (_deleted_reason IS NOT NULL)"
    assert columns == sorted([*(f"({column})" for column in whole), deleted])
    checks = acme.query("SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass", f"hubspot.{job.leaf}")
    assert {row["conname"] for row in checks} >= {
        "chk_tenant_eq_org",
        "chk_deleted_says_why",
        "chk_numbers_are_finite",
        "chk_amount_not_negative",
    }


@pytest.mark.parametrize(
    ("assignment", "constraint"),
    [
        ("amount = 'NaN'", "chk_numbers_are_finite"),
        ("hs_forecast_amount = 'NaN'", "chk_numbers_are_finite"),
        ("hs_forecast_probability = 'Infinity'", "chk_numbers_are_finite"),
        ("hs_deal_stage_probability = '-Infinity'", "chk_numbers_are_finite"),
        ("amount = -0.01", "chk_amount_not_negative"),
        ("archived = true", "chk_deleted_says_why"),
        ("_deleted_reason = 'archived'", "chk_deleted_says_why"),
        ("_deleted_reason = 'lost', archived = true", "_deleted_reason_check"),
        ("_tenant_id = gen_random_uuid()", "chk_tenant_eq_org"),
    ],
)
def test_i21_rows_that_make_no_sense_are_refused(acme: Tenant, assignment: str, constraint: str) -> None:
    acme.store(acme.claim(), a_row(1))
    with pytest.raises(psycopg.errors.CheckViolation, match=constraint):
        acme.execute(f"UPDATE hubspot.hubspot_deals SET {assignment}")  # noqa: S608 - from the list above
