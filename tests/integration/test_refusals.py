"""Deals that somebody else's rule refuses are found by halves; the rest of their batch is stored."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from psycopg import errors

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.deals.parsing import DealRow
from airflow_provider_hubspot_deals.jobs import Job
from airflow_provider_hubspot_deals.sync import refusals
from airflow_provider_hubspot_deals.sync.refusals import Stored
from tests.builders import MODIFIED, a_row
from tests.integration.tenant import Tenant, tables_of

TOO_LONG = "".join(sha256(bytes([number])).hexdigest() for number in range(200))  # for an index, however compressed
NO_UNWANTED = "ADD CONSTRAINT house_rule CHECK (dealname <> 'Unwanted')"


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


@pytest.fixture
def job(acme: Tenant) -> Job:
    return acme.claim()


def alter(acme: Tenant, job: Job, change: str) -> None:
    acme.execute(f"ALTER TABLE hubspot.{job.leaf} {change}")


def raising(acme: Tenant, job: Job, sqlstate: str) -> None:
    """A trigger that refuses deals named Unwanted in its own way."""
    raised = f"RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'"
    trigger(acme, job, f"IF NEW.dealname = 'Unwanted' THEN {raised}; END IF")


def trigger(acme: Tenant, job: Job, statement: str) -> None:
    acme.execute(
        f"""
        CREATE FUNCTION hubspot.rule() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            {statement};
            RETURN NEW;
        END $$;
        CREATE TRIGGER rule BEFORE INSERT ON hubspot.{job.leaf} FOR EACH ROW EXECUTE FUNCTION hubspot.rule()
        """
    )


def store(acme: Tenant, job: Job, *rows: DealRow) -> Stored:
    with acme.connect() as connection, sql.transaction(connection):
        return refusals.store(connection, tables_of(job), job.keys, rows)


def some_unwanted(unwanted: set[int], name: str = "Unwanted") -> list[DealRow]:
    return [a_row(number, page_number=number, dealname=name if number in unwanted else "x") for number in range(1, 10)]


@pytest.mark.parametrize("unwanted", [set(), {1}, {9}, {3, 7}, {4, 5, 6}, set(range(1, 10))], ids=str)
def test_all_are_stored_but_those_that_are_refused(acme: Tenant, job: Job, unwanted: set[int]) -> None:
    alter(acme, job, NO_UNWANTED)

    stored = store(acme, job, *some_unwanted(unwanted))

    wanted = set(range(1, 10)) - unwanted
    assert set(acme.deals()) == {row.deal_id for row in stored.taken} == wanted
    assert stored.written.inserted == len(wanted)
    assert [record.deal_id_text for record in stored.refused] == [str(number) for number in sorted(unwanted)]


def test_a_refused_deal_is_kept_as_it_came_with_the_rule_and_its_page(acme: Tenant, job: Job) -> None:
    alter(acme, job, NO_UNWANTED)
    (record,) = store(acme, job, *some_unwanted({7})).refused
    assert (record.reason_code, record.field_name, record.page_number) == ("REFUSED_BY_DATABASE", "house_rule", 7)
    assert (record.deal_id, record.modified_at) == (7, MODIFIED)
    kept = json.loads(record.raw)
    assert (str(kept["id"]), kept["properties"]["dealname"]) == ("7", "Unwanted")


def test_a_value_that_somebody_requires_is_named(acme: Tenant, job: Job) -> None:
    alter(acme, job, "ALTER COLUMN dealname SET NOT NULL")
    (record,) = store(acme, job, *some_unwanted({7}, name="")).refused
    assert (record.deal_id_text, record.field_name) == ("7", "dealname")


@pytest.mark.parametrize(
    "sqlstate",
    [
        *("P0001", "P0002", "P0003", "P0004", "22023", "23514", "54000"),
        *("0A000", "2F002", "38000", "42501", "42P01", "45000", "55000", "AB123"),
    ],
)
def test_d23_whatever_a_trigger_calls_it_a_refusal_is_about_one_deal(acme: Tenant, job: Job, sqlstate: str) -> None:
    raising(acme, job, sqlstate)
    assert [record.deal_id_text for record in store(acme, job, *some_unwanted({2, 9})).refused] == ["2", "9"]


@pytest.mark.parametrize(
    "statement",
    [
        "PERFORM 1 / (NEW.dealname <> 'Unwanted')::int",
        "ASSERT NEW.dealname <> 'Unwanted'",
        "CASE NEW.dealname WHEN 'x' THEN NULL; END CASE",
    ],
    ids=["division by zero", "assertion", "no case"],
)
def test_d23_a_trigger_that_fails_for_one_deal_refuses_that_one(acme: Tenant, job: Job, statement: str) -> None:
    trigger(acme, job, statement)
    assert [record.deal_id_text for record in store(acme, job, *some_unwanted({2, 9})).refused] == ["2", "9"]


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("INSERT INTO hubspot.no_such_table VALUES (1)", errors.UndefinedTable),
        ("PERFORM hubspot.no_such_function()", errors.UndefinedFunction),
        ("PERFORM 1 FROM no_such_schema.no_such_table", errors.UndefinedTable),
    ],
    ids=["table", "function", "schema"],
)
def test_d23_a_trigger_that_is_broken_is_no_refusal(
    acme: Tenant, job: Job, statement: str, error: type[errors.Error]
) -> None:
    trigger(acme, job, statement)
    with pytest.raises(error):
        store(acme, job, *some_unwanted({5}))
    assert acme.deals() == {}


def test_a_text_too_long_for_somebodys_index_is_refused_alone(acme: Tenant, job: Job) -> None:
    acme.execute(f"CREATE INDEX ON hubspot.{job.leaf} (dealname)")
    assert [record.deal_id_text for record in store(acme, job, *some_unwanted({5}, TOO_LONG)).refused] == ["5"]


@pytest.mark.parametrize("sqlstate", ["08006", "40001", "40P01", "53100", "55P03", "57014", "58030", "XX000"])
def test_what_passes_or_what_the_server_lacks_is_no_refusal(acme: Tenant, job: Job, sqlstate: str) -> None:
    raising(acme, job, sqlstate)
    with pytest.raises(errors.lookup(sqlstate)):
        store(acme, job, *some_unwanted({5}))
    assert acme.deals() == {}


def test_of_two_deals_that_a_unique_index_keeps_apart_the_first_is_stored(acme: Tenant, job: Job) -> None:
    acme.execute(f"CREATE UNIQUE INDEX house_rule ON hubspot.{job.leaf} (dealname) WHERE dealname = 'Unwanted'")
    (record,) = store(acme, job, *some_unwanted({3, 7})).refused
    assert (record.deal_id_text, record.field_name) == ("7", "house_rule")


def test_a_column_of_somebody_elses_that_wants_a_value_refuses_every_deal(acme: Tenant, job: Job) -> None:
    acme.execute("ALTER TABLE hubspot.hubspot_deals ADD COLUMN theirs integer")
    alter(acme, job, "ALTER COLUMN theirs SET NOT NULL")
    with pytest.raises(errors.NotNullViolation, match="theirs"):
        store(acme, job, a_row(1))
    assert acme.deals() == {}


def test_as_many_are_looked_for_as_there_is_time_and_no_more(
    acme: Tenant, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "REFUSED_MAX", 2)
    alter(acme, job, NO_UNWANTED)
    with pytest.raises(errors.CheckViolation):
        store(acme, job, *some_unwanted({3, 5, 7}))
    assert acme.deals() == {}
    assert len(store(acme, job, *some_unwanted({3, 7})).refused) == 2
