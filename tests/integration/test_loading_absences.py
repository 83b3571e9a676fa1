"""Deals that HubSpot no longer lists: noted, confirmed, marked; and records that could not be stored."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import loading, sql
from airflow_provider_hubspot_deals.deals.parsing import BadRecord, DealParser
from airflow_provider_hubspot_deals.extraction.pages import ID_MAX
from airflow_provider_hubspot_deals.jobs import Job
from tests.builders import MODIFIED, a_record, a_row
from tests.integration.tenant import Tenant, a_run, tables_of

LATER = "2026-06-01T00:00:00Z"
ALL = (0, ID_MAX)  # ids: low excluded, high included


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


@pytest.fixture
def job(acme: Tenant) -> Job:
    """Of an organization with live deals 10, 20, 30, archived ones 40, 50, a merged one 60 and a missing one 70."""
    job = acme.claim(allow_negative_amounts=True)
    acme.store(job, *(a_row(deal_id) for deal_id in (10, 20, 30, 60, 70)))
    acme.store(job, a_row(40, archived=True), a_row(50, archived=True), a_row(30, hs_merged_object_ids="60"))
    mark_missing(acme, job, 70)
    return job


def in_transaction(tenant: Tenant, call: Callable[..., Any], job: Job, *arguments: Any, **named: Any) -> Any:
    with tenant.connect() as connection, sql.transaction(connection):
        return call(connection, tables_of(job), job.keys, *arguments, **named)


def mark_missing(tenant: Tenant, job: Job, *deal_ids: int) -> int:
    marked: int = in_transaction(tenant, loading.mark_missing, job, deal_ids)
    return marked


def absent(tenant: Tenant, job: Job, *, after_id: int = 0, limit: int = 100) -> list[int]:
    ids: list[int] = in_transaction(tenant, loading.absent_ids, job, after_id, limit)
    return ids


def note(
    tenant: Tenant, job: Job, listed: Sequence[int], span: tuple[int, int] = ALL, *, reason: str | None = None
) -> list[int]:
    """Note what is absent from a list of these ids in that span; gives all that has been noted so far."""
    low, high = span
    in_transaction(tenant, loading.note_absent, job, low=low, high=high, listed=listed, deleted_reason=reason)
    return absent(tenant, job)


@pytest.mark.parametrize(
    ("listed", "span", "noted"),
    [
        ([10, 20, 30], ALL, []),
        ([10, 30, 99], ALL, [20]),
        ([], ALL, [10, 20, 30]),
        ([], (10, 20), [20]),
        ([], (9, 29), [10, 20]),
        ([], (30, ID_MAX), []),
        ([10, 20, 10**60], ALL, [30]),
    ],
)
def test_live_deals_in_span_that_the_live_list_did_not_hold_are_noted(
    acme: Tenant, job: Job, listed: list[int], span: tuple[int, int], noted: list[int]
) -> None:
    assert note(acme, job, listed, span) == noted


def test_of_the_archived_list_only_archived_deals_are_noted(acme: Tenant, job: Job) -> None:
    assert note(acme, job, [50], reason="archived") == [40]


def test_absences_are_noted_once_read_in_order_and_forgotten_one_by_one(acme: Tenant, job: Job) -> None:
    note(acme, job, [])
    assert note(acme, job, []) == [10, 20, 30]
    assert absent(acme, job, limit=2) == [10, 20]
    assert absent(acme, job, after_id=10, limit=1) == [20]
    in_transaction(acme, loading.forget_absent, job, [10, 30])
    assert absent(acme, job) == [20]


def test_absences_of_another_organization_or_type_are_not_ours(acme: Tenant, job: Job) -> None:
    note(acme, job, [])
    for other in (Tenant(acme.url, "other"), Tenant(acme.url, type="sandbox")):
        other_job = other.claim(a_run(dag_id="other"))
        assert absent(other, other_job) == []
        in_transaction(other, loading.forget_absent, other_job, [10, 20, 30])
    assert absent(acme, job) == [10, 20, 30]


def test_vanished_deals_are_noted_unless_we_know_that_they_are_deleted(acme: Tenant, job: Job) -> None:
    in_transaction(acme, loading.note_vanished, job, [20, 40, 60, 70, 99])
    assert absent(acme, job) == [20, 99]  # 99 may be too new for whoever answered


def test_deals_that_are_gone_are_marked_missing_and_keep_their_content(acme: Tenant, job: Job) -> None:
    before = acme.deal(10)
    assert mark_missing(acme, job, 10, 40, 99) == 2
    row = acme.deal(10)
    assert (row["archived"], row["_deleted_reason"], row["_deleted_at"] is None) == (True, "missing", False)
    assert (row["dealname"], row["raw_properties"]) == (before["dealname"], before["raw_properties"])
    assert acme.deal(40)["_deleted_reason"] == "missing"


def test_an_archived_deal_that_hubspot_forgets_was_still_deleted_when_it_was_archived(acme: Tenant, job: Job) -> None:
    archived_at = acme.deal(40)["_deleted_at"]
    mark_missing(acme, job, 40)
    acme.store(job, a_row(90, hs_merged_object_ids="40"))
    row = acme.deal(40)
    assert (row["_deleted_reason"], row["_deleted_at"]) == ("merged", archived_at)


def test_a_merged_or_missing_deal_keeps_its_reason(acme: Tenant, job: Job) -> None:
    before = acme.deals()
    assert mark_missing(acme, job, 60, 70) == 0
    assert acme.deals() == before


def test_a_missing_deal_that_comes_back_is_live_again(acme: Tenant, job: Job) -> None:
    assert acme.store(job, a_row(70)).updated == 1
    assert acme.deal(70)["_deleted_reason"] is None


@pytest.mark.parametrize("how", ["missing", "merged"])
def test_a_deal_whose_negative_amount_was_allowed_once_can_still_be_marked(acme: Tenant, how: str) -> None:
    acme.store(acme.claim(allow_negative_amounts=True), a_row(1, amount="-5"), a_row(2, amount="5"))
    strict = acme.claim(allow_negative_amounts=False)
    row = acme.deal(1)
    assert (row["amount"], row["raw_properties"]["amount"]) == (None, "-5")
    assert row["_value_issues"] == [{"field": "amount", "code": "AMOUNT_NEGATIVE"}]
    assert acme.deal(2)["amount"] == 5
    if how == "missing":
        assert mark_missing(acme, strict, 1) == 1
    else:
        assert acme.store(strict, a_row(9, hs_merged_object_ids="1")).deleted == 1
    assert acme.deal(1)["_deleted_reason"] == how


def test_allowing_negative_amounts_brings_them_back(acme: Tenant) -> None:
    acme.store(acme.claim(allow_negative_amounts=True), a_row(1, amount="-5"))
    acme.claim(allow_negative_amounts=False)
    acme.store(acme.claim(allow_negative_amounts=True), a_row(1, amount="-5"))
    assert (acme.deal()["amount"], acme.deal()["_value_issues"]) == (-5, None)


@pytest.mark.parametrize(
    ("version", "is_outdated"),
    [("2026-03-09T20:29:45.980Z", False), (MODIFIED, False), ("2026-03-09T20:29:45.982Z", True), (None, True)],
)
def test_a_found_deal_is_outdated_if_its_version_is_newer_than_ours(
    acme: Tenant, job: Job, version: str | None, *, is_outdated: bool
) -> None:
    with acme.connect() as connection:
        assert loading.outdated(connection, tables_of(job), {10: version}) == ([10] if is_outdated else [])


def test_a_deal_that_others_were_merged_into_is_always_outdated(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(90, hs_merged_object_ids="77"), a_row(91, hs_merged_object_ids=""))
    with acme.connect() as connection:
        assert loading.outdated(connection, tables_of(job), {90: MODIFIED, 91: MODIFIED}) == [90]


def test_unknown_and_deleted_deals_are_outdated_in_the_order_they_were_found(acme: Tenant, job: Job) -> None:
    acme.execute("UPDATE hubspot.hubspot_deals SET hs_lastmodifieddate = NULL WHERE hubspot_deal_id = 20")
    with acme.connect() as connection:
        found = dict.fromkeys((99, 70, 60, 40, 20, 10), MODIFIED)
        assert loading.outdated(connection, tables_of(job), found) == [99, 70, 60, 40, 20]
        assert loading.outdated(connection, tables_of(job), {}) == []


def bad(
    deal_id_text: str | None = "5",
    *,
    raw: bytes = b'{"id":"5"}',
    reason: str = "BAD_VERSION",
    modified_at: str | None = None,
) -> BadRecord:
    return BadRecord(
        deal_id_text=deal_id_text,
        reason_code=reason,
        field_name=None,
        raw=raw,
        page_number=1,
        modified_at=modified_at,
    )


def quarantined(tenant: Tenant) -> list[dict[str, Any]]:
    return tenant.query("SELECT * FROM hubspot.deals_quarantine ORDER BY id")


def test_i04_a_bad_record_is_kept_as_hubspot_sent_it(acme: Tenant, job: Job) -> None:
    raw = json.dumps({"id": "x", "properties": {"dealname": "a\x00\ud800"}}).encode()
    in_transaction(acme, loading.quarantine, job, [bad(None, raw=raw, reason="BAD_ID")])
    (row,) = quarantined(acme)
    assert zlib.decompress(row["raw"]) == raw
    assert (row["raw_sha256"], row["raw_is_cut"]) == (hashlib.sha256(raw).digest(), False)
    assert (row["organization_id"], row["type"], row["job_id"]) == (acme.id, "standard", job.id)


def test_a_bad_record_that_comes_again_is_counted_not_repeated(acme: Tenant, job: Job) -> None:
    for _ in range(3):
        in_transaction(acme, loading.quarantine, job, [bad(), bad(reason="TOO_LARGE")])
    assert [(row["reason_code"], row["times_seen"]) for row in quarantined(acme)] == [
        ("BAD_VERSION", 3),
        ("TOO_LARGE", 3),
    ]
    assert quarantined(acme)[0]["last_seen"] > quarantined(acme)[0]["first_seen"]


def test_c20_a_giant_record_is_cut_and_says_so(acme: Tenant, job: Job) -> None:
    raw = b"".join(hashlib.sha256(bytes([number % 256, number // 256])).digest() for number in range(2**16))
    in_transaction(acme, loading.quarantine, job, [bad(raw=raw)])
    (row,) = quarantined(acme)
    assert (len(row["raw"]), row["raw_is_cut"], row["raw_sha256"]) == (2**20, True, hashlib.sha256(raw).digest())


def test_c20_a_record_that_just_fits_is_kept_whole(acme: Tenant, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = b"just as long as may be"
    monkeypatch.setattr(loading, "RAW_BYTES_MAX", len(zlib.compress(raw)))
    in_transaction(acme, loading.quarantine, job, [bad(raw=raw)])
    (row,) = quarantined(acme)
    assert (zlib.decompress(row["raw"]), row["raw_is_cut"]) == (raw, False)


def test_a_good_version_resolves_the_quarantine_of_its_deal_and_of_no_other(acme: Tenant, job: Job) -> None:
    other = Tenant(acme.url, "other")
    in_transaction(acme, loading.quarantine, job, [bad("5"), bad("6", raw=b"{}")])
    in_transaction(other, loading.quarantine, other.claim(), [bad("5")])
    acme.store(job, a_row(5))
    assert [row["resolved_by_job"] for row in quarantined(acme)] == [job.id, None, None]


def test_a_resolved_record_that_turns_bad_again_is_open_again(acme: Tenant, job: Job) -> None:
    in_transaction(acme, loading.quarantine, job, [bad("5")])
    acme.store(job, a_row(5))
    in_transaction(acme, loading.quarantine, job, [bad("5")])
    (row,) = quarantined(acme)
    assert (row["resolved_at"], row["resolved_by_job"], row["times_seen"]) == (None, None, 2)


@pytest.mark.parametrize("comes_again", [False, True])
def test_a_bad_record_from_before_the_stored_version_is_settled_when_it_comes(
    acme: Tenant, job: Job, *, comes_again: bool
) -> None:
    if comes_again:
        in_transaction(acme, loading.quarantine, job, [bad("5", modified_at=MODIFIED)])
    acme.store(job, a_row(5, hs_lastmodifieddate=LATER))
    next_job = acme.claim()
    in_transaction(acme, loading.quarantine, next_job, [bad("5", modified_at=MODIFIED)])
    (row,) = quarantined(acme)
    assert (row["resolved_at"], row["resolved_by_job"]) == (row["last_seen"], next_job.id)


@pytest.mark.parametrize("modified_at", [MODIFIED, LATER, None])
def test_a_bad_record_that_may_be_of_now_is_open(acme: Tenant, job: Job, modified_at: str | None) -> None:
    acme.store(job, a_row(5))
    in_transaction(acme, loading.quarantine, job, [bad("5", modified_at=modified_at)])
    assert [row["resolved_at"] for row in quarantined(acme)] == [None]


def test_an_older_good_version_settles_nothing(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(5))
    in_transaction(acme, loading.quarantine, job, [bad("5", modified_at=LATER)])
    acme.store(job, a_row(5))
    assert [row["resolved_at"] for row in quarantined(acme)] == [None]


@pytest.mark.parametrize("modified_at", [MODIFIED, None, "2199-01-01T00:00:00Z"])
def test_a_good_version_settles_what_is_not_known_to_be_newer(acme: Tenant, job: Job, modified_at: str | None) -> None:
    in_transaction(acme, loading.quarantine, job, [bad("5", modified_at=modified_at)])
    acme.store(job, a_row(5))
    assert [row["resolved_by_job"] for row in quarantined(acme)] == [job.id]


def test_a_version_that_nobody_believes_settles_as_well(acme: Tenant, job: Job) -> None:
    parser = DealParser([], allow_negative_amounts=True, latest_version=lambda: "2020-01-01T00:00:00Z")
    in_transaction(acme, loading.quarantine, job, [bad("5", modified_at=LATER)])
    acme.store(job, parser.parse_page([a_record(5)], 1).rows[0])
    assert [row["resolved_by_job"] for row in quarantined(acme)] == [job.id]


def test_a_batch_that_fails_leaves_nothing_behind(acme: Tenant, job: Job) -> None:
    def fail_at_the_end(connection: psycopg.Connection[Any], tables: loading.Tables, keys: loading.Keys) -> None:
        loading.store(connection, tables, keys, [a_row(1), a_row(10, hs_lastmodifieddate=LATER)])
        loading.quarantine(connection, tables, keys, [bad()])
        connection.execute("SELECT 1 / 0")

    before = acme.deals()
    with pytest.raises(psycopg.errors.DivisionByZero):
        in_transaction(acme, fail_at_the_end, job)
    assert acme.deals() == before
    assert quarantined(acme) == []


def test_two_batches_of_one_connection_do_not_meet(acme: Tenant, job: Job) -> None:
    with acme.connect() as connection:
        for deal_id in (1, 2):
            with sql.transaction(connection):
                assert loading.store(connection, tables_of(job), job.keys, [a_row(deal_id)]).inserted == 1


@pytest.mark.parametrize(
    ("horizon", "expected"), [(MODIFIED, (3, 0, 4)), ("2026-03-01T00:00:00Z", (3, 3, 4)), ("2200-01-01", (3, 0, 0))]
)
def test_deals_are_counted_with_what_hubspot_may_see_otherwise(
    acme: Tenant, job: Job, horizon: str, expected: tuple[int, int, int]
) -> None:
    counted = in_transaction(acme, loading.count_live, job, horizon)
    assert (counted["live"], counted["maybe_unseen"], counted["maybe_still_seen"]) == expected


def test_an_organization_without_deals_has_none_live(acme: Tenant) -> None:
    counted = in_transaction(acme, loading.count_live, acme.claim(), MODIFIED)
    assert set(counted.values()) == {0}
