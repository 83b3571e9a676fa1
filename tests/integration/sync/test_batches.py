"""What a batch changes in the database: the deals, the job, the trail, and what is to be confirmed or was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_hubspot_deals import jobs
from airflow_provider_hubspot_deals.deals.parsing import DealParser
from airflow_provider_hubspot_deals.extraction.pages import Event, IdRange, Page
from airflow_provider_hubspot_deals.sync.batches import Batch, parsed, write
from tests.builders import a_record
from tests.integration.tenant import NO_USAGE, Tenant

PROGRESS = {"checkpoint": {"phase": "live"}, "window_start": None, "window_end": None, **NO_USAGE}
LATER = "2026-03-10T00:00:00Z"


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def write_page(
    acme: Tenant, job: jobs.Job, *records: Any, phase: str = "live", watermark: datetime | None = None, **told: Any
) -> dict[str, Any]:
    """One page as one batch of a job, whose row it gives."""
    batch = Batch(phase)
    page = Page(records=list(records), cursor=None, **told)
    batch.add(parsed(page, DealParser([], allow_negative_amounts=False), 1))
    with acme.connect() as connection:
        write(connection, job, batch, progress=PROGRESS, watermark=watermark)
    return acme.job(job)


def absent(acme: Tenant) -> list[int]:
    rows = acme.query("SELECT hubspot_deal_id FROM hubspot.absent_deals ORDER BY 1")
    return [row["hubspot_deal_id"] for row in rows]


def test_every_fate_of_a_record_is_counted_in_the_job_and_in_the_ledger(acme: Tenant) -> None:
    job = acme.claim()
    write_page(acme, job, *map(a_record, range(1, 6)))

    row = write_page(
        acme,
        job,
        a_record(1),  # as it is stored
        a_record(2, hs_lastmodifieddate="2020-01-01T00:00:00Z"),  # older
        a_record(3, hs_lastmodifieddate=LATER, amount="not a number", closedate="never"),
        a_record(4, archived=True),
        *[a_record(10), a_record(10), a_record(11), {"id": "none"}],
        phase="changed",
        gone=(5,),
    )

    assert {name: row[f"records_{name}"] for name in ("extracted", "inserted", "updated", "unchanged")} == {
        "extracted": 5 + 8,
        "inserted": 5 + 2,
        "updated": 2,
        "unchanged": 1,
    }
    assert (row["records_stale"], row["records_duplicate"], row["records_quarantined"]) == (1, 1, 1)
    assert (row["records_deleted"], row["value_issues"]) == (2, 2)  # one archived, one in no list any more
    assert (row["phase"], row["pages_read"], row["records_expected"]) == ("changed", 2, 8)
    ledger = acme.query("SELECT * FROM hubspot.job_batches ORDER BY batch_number")
    assert [line["received"] for line in ledger] == [5, 8]
    assert (ledger[1]["phase"], ledger[1]["pages"], ledger[1]["deleted"]) == ("changed", 1, 2)
    assert acme.deal(5)["_deleted_reason"] == "missing"


@pytest.mark.parametrize(("phase", "missed"), [("live", 2), ("archived", 4), ("archived_again", 4)])
def test_a_stored_deal_that_its_own_list_does_not_hold_is_to_be_confirmed(
    acme: Tenant, phase: str, missed: int
) -> None:
    job = acme.claim()
    write_page(
        acme, job, a_record(1), a_record(2), a_record(3, archived=True), a_record(4, archived=True), phase="changed"
    )
    held = a_record(1) if phase == "live" else a_record(3, archived=True)
    write_page(acme, job, held, phase=phase, covers=IdRange(low=0, high=10))
    assert absent(acme) == [missed]


def test_what_was_listed_and_not_read_and_what_cannot_be_stored_is_not_absent(acme: Tenant) -> None:
    job = acme.claim()
    write_page(acme, job, *map(a_record, range(1, 8)), phase="changed")
    unstorable = {**a_record(2), "updatedAt": None, "properties": {"hs_lastmodifieddate": "never"}}
    nameless = {**a_record(3), "id": "three"}

    write_page(acme, job, a_record(4), unstorable, nameless, covers=IdRange(low=1, high=6), listed=(6,))

    assert absent(acme) == [3, 5]


def test_parts_of_a_list_that_were_read_side_by_side_in_any_order_miss_what_they_did_not_hold(acme: Tenant) -> None:
    job = acme.claim()
    write_page(acme, job, *map(a_record, range(1, 8)), phase="changed")
    batch, parser = Batch("live"), DealParser([], allow_negative_amounts=False)
    for ids, covers in (((6, 5), IdRange(low=4, high=7)), ((2, 3), IdRange(low=1, high=3))):
        batch.add(parsed(Page(records=list(map(a_record, ids)), cursor=None, covers=covers), parser, 1))

    with acme.connect() as connection:
        write(connection, job, batch, progress=PROGRESS, watermark=None)

    assert absent(acme) == [7]


def test_search_and_confirmation_leave_nothing_absent(acme: Tenant) -> None:
    job = acme.claim()
    write_page(acme, job, *map(a_record, range(1, 4)), phase="changed")
    for phase in ("changed", "fresh", "absent"):
        write_page(acme, job, a_record(1), phase=phase, covers=IdRange(low=0, high=10))
    assert absent(acme) == []


def test_a_deal_that_vanished_is_to_be_confirmed_until_it_is(acme: Tenant) -> None:
    job = acme.claim()
    write_page(acme, job, a_record(1), a_record(2), phase="changed")

    write_page(acme, job, phase="fresh", vanished=(1, 2, 3))
    assert absent(acme) == [1, 2, 3]

    write_page(acme, job, phase="absent", confirmed=(1,))
    assert absent(acme) == [2, 3]


def test_a_watermark_moves_with_the_batch_that_ends_its_window_and_with_no_other(acme: Tenant) -> None:
    job, end = acme.claim(), datetime(2026, 1, 2, tzinfo=UTC)
    write_page(acme, job, phase="changed")
    assert acme.sync_state()["watermark"] is None
    write_page(acme, job, phase="changed", watermark=end)
    assert acme.sync_state()["watermark"] == end


def test_what_reading_noticed_and_what_went_to_quarantine_is_told_once(acme: Tenant) -> None:
    job = acme.claim()
    bad = [{"id": "none"}, {"id": "nothing"}, {**a_record(7), "updatedAt": None, "properties": {}}]

    write_page(acme, job, a_record(1), *bad, events=(Event(kind="search_incomplete", details={"named": 1}),))

    told = acme.query("SELECT kind, details FROM hubspot.job_events WHERE kind IN ('search_incomplete', 'quarantined')")
    held = acme.query("SELECT reason_code FROM hubspot.deals_quarantine")
    reasons = [row["reason_code"] for row in held]
    assert sorted(told, key=lambda event: event["kind"]) == [
        {"kind": "quarantined", "details": {"records": 3, "reasons": {r: reasons.count(r) for r in set(reasons)}}},
        {"kind": "search_incomplete", "details": {"named": 1}},
    ]
    assert reasons.count("BAD_ID") == 2


def test_a_batch_without_bad_records_tells_of_none(acme: Tenant) -> None:
    write_page(acme, acme.claim(), a_record(1))
    assert acme.query("SELECT FROM hubspot.job_events WHERE kind = 'quarantined'") == []


def test_a_deal_that_the_database_refuses_is_quarantined_counted_and_told_with_the_others(acme: Tenant) -> None:
    job = acme.claim()
    acme.execute(f"ALTER TABLE hubspot.{job.leaf} ADD CONSTRAINT house_rule CHECK (dealname <> 'Unwanted')")

    row = write_page(acme, job, a_record(1), a_record(2, dealname="Unwanted"), {"id": "none"})

    assert (row["records_inserted"], row["records_quarantined"], row["records_extracted"]) == (1, 2, 3)
    held = acme.query("SELECT deal_id_text, reason_code, field_name FROM hubspot.deals_quarantine ORDER BY reason_code")
    assert [tuple(each.values()) for each in held] == [
        ("none", "BAD_ID", held[0]["field_name"]),
        ("2", "REFUSED_BY_DATABASE", "house_rule"),
    ]
    (event,) = acme.query("SELECT details FROM hubspot.job_events WHERE kind = 'quarantined'")
    assert event["details"] == {"records": 2, "reasons": {"BAD_ID": 1, "REFUSED_BY_DATABASE": 1}}


def test_the_transaction_of_a_batch_is_named_before_it_is_committed(acme: Tenant) -> None:
    job, named = acme.claim(), list[tuple[str, int]]()
    with acme.connect() as connection:
        write(
            connection,
            job,
            Batch("live"),
            progress=PROGRESS,
            watermark=None,
            begun=lambda transaction_id: named.append((transaction_id, len(acme.query("TABLE hubspot.job_batches")))),
        )
    (line,) = acme.query("SELECT xid::text AS xid FROM hubspot.job_batches")
    assert named == [(line["xid"], 0)]


def test_what_is_written_beside_a_batch_is_committed_or_undone_with_it(acme: Tenant) -> None:
    job, batch = acme.claim(), Batch("live")
    batch.add(parsed(Page(records=[a_record(1)], cursor=None), DealParser([], allow_negative_amounts=False), 1))
    with acme.connect() as connection:

        def name_and_fail() -> None:
            connection.execute("UPDATE hubspot.organizations SET name = 'beside'")
            raise KeyError

        with pytest.raises(KeyError):
            write(connection, job, batch, progress=PROGRESS, watermark=None, beside=name_and_fail)
    assert (acme.deals(), acme.job(job)["batches"]) == ({}, 0)
    assert acme.query("SELECT name FROM hubspot.organizations") == [{"name": None}]
