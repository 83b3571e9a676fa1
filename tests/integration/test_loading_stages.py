"""Batches larger than a stage, rows that are left out of one, and deals that are compared with the archived list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import loading, sql
from airflow_provider_hubspot_deals.deals import values
from airflow_provider_hubspot_deals.deals.columns import PROPERTY_PARSERS
from airflow_provider_hubspot_deals.deals.parsing import BadRecord, DealParser, DealRow
from airflow_provider_hubspot_deals.jobs import Job
from tests.builders import MODIFIED, a_record, a_row
from tests.integration.tenant import Tenant, a_run, tables_of

LATER = "2026-06-01T00:00:00Z"
ARCHIVED_AT = "2026-04-01T00:00:00Z"  # as builders' archived deals


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


@pytest.fixture
def job(acme: Tenant) -> Job:
    return acme.claim()


def in_transaction(tenant: Tenant, call: Callable[..., Any], job: Job, *arguments: Any) -> Any:
    with tenant.connect() as connection, sql.transaction(connection):
        return call(connection, tables_of(job), job.keys, *arguments)


def test_a_batch_larger_than_a_stage_is_written_whole(acme: Tenant, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "STAGE_ROWS", 4)
    monkeypatch.setattr(loading, "COPIED_ROWS", 3)
    assert acme.store(job, *map(a_row, range(1, 12))).inserted == 11
    assert acme.living() == list(range(1, 12))
    changed = [a_row(number, hs_lastmodifieddate=LATER, dealname=f"Changed {number}") for number in range(1, 15)]
    written = acme.store(job, *changed)
    assert (written.updated, written.inserted) == (11, 3)
    assert {number: deal["dealname"] for number, deal in acme.deals().items()} == {
        number: f"Changed {number}" for number in range(1, 15)
    }


def test_rows_that_a_trigger_leaves_out_without_a_word_are_missed(acme: Tenant, job: Job) -> None:
    acme.execute(
        f"""
        CREATE FUNCTION hubspot.rule() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RETURN CASE WHEN NEW.dealname = 'Unwanted' THEN NULL ELSE NEW END;
        END $$;
        CREATE TRIGGER rule BEFORE INSERT ON hubspot.{job.leaf} FOR EACH ROW EXECUTE FUNCTION hubspot.rule()
        """
    )
    with pytest.raises(psycopg.errors.IntegrityError, match=f"^1 rows of {job.leaf} were left out$"):
        acme.store(job, a_row(1), a_row(2, dealname="Unwanted"), a_row(3))
    assert acme.deals() == {}


def not_archived_so(acme: Tenant, job: Job, archived: dict[int, tuple[str | None, str | None]]) -> list[int]:
    with acme.connect() as connection:
        return loading.not_archived_so(connection, tables_of(job), archived)


@pytest.mark.parametrize(
    ("version", "archived_at", "is_known"),
    [
        (MODIFIED, ARCHIVED_AT, True),
        ("2026-03-09T20:29:45.980Z", ARCHIVED_AT, True),
        ("2026-03-09T20:29:45.982Z", ARCHIVED_AT, False),
        (None, ARCHIVED_AT, False),
        (MODIFIED, "2026-04-01T00:00:00.001Z", False),
        (MODIFIED, "2026-03-31T23:59:59.999Z", False),
        (MODIFIED, None, True),
    ],
)
def test_a_deal_stored_as_it_is_listed_as_archived_need_not_be_read(
    acme: Tenant, job: Job, version: str | None, archived_at: str | None, *, is_known: bool
) -> None:
    acme.store(job, a_row(7, archived=True))
    assert not_archived_so(acme, job, {7: (version, archived_at)}) == ([] if is_known else [7])


def test_a_deal_that_is_listed_as_archived_and_stored_otherwise_is_read_in_the_order_of_the_list(
    acme: Tenant, job: Job
) -> None:
    acme.store(job, *(a_row(number, archived=number > 4) for number in range(1, 8)))
    in_transaction(acme, loading.mark_missing, job, [2])
    acme.execute("UPDATE hubspot.hubspot_deals SET hs_lastmodifieddate = NULL WHERE hubspot_deal_id = 5")
    acme.execute("UPDATE hubspot.hubspot_deals SET _content_hash = NULL WHERE hubspot_deal_id = 6")
    listed: dict[int, tuple[str | None, str | None]] = dict.fromkeys((9, 7, 6, 5, 2, 1), (MODIFIED, ARCHIVED_AT))
    assert not_archived_so(acme, job, listed) == [9, 6, 5, 2, 1]


def test_of_a_deal_without_version_nobody_knows_whether_it_is_outdated(acme: Tenant, job: Job) -> None:
    acme.store(job, a_row(1))
    acme.execute("UPDATE hubspot.hubspot_deals SET hs_lastmodifieddate = NULL")
    with acme.connect() as connection:
        assert loading.outdated(connection, tables_of(job), {1: MODIFIED}) == [1]


def test_quarantined_deals_are_counted_once_until_they_are_settled_and_only_ours(acme: Tenant, job: Job) -> None:
    def bad(deal_id: str, reason: str = "BAD_VERSION") -> BadRecord:
        return BadRecord(deal_id_text=deal_id, reason_code=reason, field_name=None, raw=b"{}", page_number=1)

    def counted(tenant: Tenant, of: Job) -> int:
        number: int = in_transaction(tenant, loading.count_live, of, MODIFIED)["quarantined"]
        return number

    others = [Tenant(acme.url, "other"), Tenant(acme.url, type="sandbox")]
    theirs = [(tenant, tenant.claim(a_run(dag_id="theirs"))) for tenant in others]
    in_transaction(acme, loading.quarantine, job, [bad("5"), bad("5", "TOO_LARGE"), bad("6", "TOO_WIDE")])
    for tenant, their_job in theirs:
        in_transaction(tenant, loading.quarantine, their_job, [bad("5")])
    assert [counted(acme, job), *(counted(*each) for each in theirs)] == [2, 1, 1]

    acme.store(job, a_row(5))
    assert [counted(acme, job), *(counted(*each) for each in theirs)] == [1, 1, 1]
    in_transaction(acme, loading.mark_missing, job, [6])
    assert [counted(acme, job), *(counted(*each) for each in theirs)] == [0, 1, 1]


def test_a_settled_record_stays_settled_by_the_job_that_settled_it(acme: Tenant, job: Job) -> None:
    record = BadRecord(deal_id_text="5", reason_code="BAD_VERSION", field_name="x", raw=b"{}", page_number=3)
    in_transaction(acme, loading.quarantine, job, [record])
    acme.store(job, a_row(5))
    (settled,) = acme.query("SELECT * FROM hubspot.deals_quarantine")
    assert (settled["field_name"], settled["page_number"], settled["resolved_by_job"]) == ("x", 3, job.id)
    acme.execute("UPDATE hubspot.jobs SET status = 'failed'")
    acme.store(acme.claim(a_run("second")), a_row(5, hs_lastmodifieddate=LATER))
    (later,) = acme.query("SELECT * FROM hubspot.deals_quarantine")
    assert (later["resolved_at"], later["resolved_by_job"]) == (settled["resolved_at"], job.id)


OWN_OF_A_ROW = {"_organization_id", "_tenant_id", "_scan_id", "_dlt_load_id", "_dlt_id", "_extracted_at"}


def a_full_deal(of: str, *, version: str, archived: bool) -> DealRow:
    """A deal with a value of its own in every column."""
    texts = [name for name, parse in PROPERTY_PARSERS.items() if parse in (values.text, values.indexed_text)]
    numbers = [name for name, parse in PROPERTY_PARSERS.items() if parse in (values.numeric, values.integer)]
    properties = {name: f"{name} {of}" for name in texts} | {name: str(len(name + of)) for name in numbers}
    day = f"2026-01-{len(of):02}T00:00:00Z"
    record = a_record(1, archived=archived, **properties, amount=f"{len(of)}.5", closedate=day, createdate=day)
    record["properties"] |= {"hs_lastmodifieddate": version, "hs_object_id": "1", "color": of}
    record["associations"] = {"companies": {"results": [{"id": str(len(of)), "type": "deal_to_company"}]}}
    bad = {"hs_forecast_amount": "none"} if archived else {}
    record["properties"] |= bad
    (row,) = DealParser(["color"], allow_negative_amounts=True).parse_page([record], len(of)).rows
    return row


@pytest.mark.parametrize("archived", [False, True], ids=["live", "archived"])
def test_a_deal_that_changed_in_every_column_is_as_one_that_is_new(acme: Tenant, job: Job, *, archived: bool) -> None:
    other = Tenant(acme.url, "other")
    before = a_full_deal("before", version=MODIFIED, archived=not archived)
    after = a_full_deal("afterwards", version=LATER, archived=archived)
    acme.store(job, before)
    old = acme.deal()
    acme.execute("UPDATE hubspot.jobs SET status = 'failed'")
    second = acme.claim(a_run("second"))
    acme.store(second, after)
    other.store(other.claim(a_run(dag_id="other")), after)

    new, updated = other.deal(), acme.deal()
    compared = new.keys() - OWN_OF_A_ROW - {"row_version"}
    assert {name: updated[name] for name in compared} == {name: new[name] for name in compared}
    same = {name for name in compared if old[name] == new[name]}
    assert same <= {"hubspot_deal_id", "hs_object_id", "_type", "_source_service", "_merged_into"}
    assert (updated["_scan_id"], updated["_dlt_load_id"]) == (second.id, second.load_id)
    assert updated["_dlt_id"] == old["_dlt_id"]
    assert updated["_extracted_at"] > old["_extracted_at"]
