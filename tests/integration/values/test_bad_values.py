"""One bad value in a batch of a hundred deals: 99 are loaded as ever, and one is accounted for."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import cycle, product
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from airflow_provider_hubspot_deals.deals.parsing import DealParser
from airflow_provider_hubspot_deals.extraction.pages import Page
from airflow_provider_hubspot_deals.jobs import Job
from airflow_provider_hubspot_deals.sync.batches import Batch, parsed, write
from tests.builders import a_record
from tests.integration.tenant import NO_USAGE, Tenant
from tests.integration.values.bad_values import AMOUNT, BAD_VALUES, COLUMNS, INTEGER, NUMBER, TIME, BadValue

ROWS = 100
POSITIONS = (0, ROWS // 2, ROWS - 1)
BAD_ID = 10**15  # of the bad record, wherever it stands
PROGRESS = {"checkpoint": {"phase": "live"}, "window_start": None, "window_end": None, **NO_USAGE}
GOOD: dict[str, Any] = {
    "dealname": "Good",
    "dealstage": "won",
    "amount": "12.50",
    "hs_forecast_amount": "0.125",
    "num_associated_contacts": "3",
    "closedate": "2026-01-31T12:00:00.123Z",
    "color": "red",
}
IDS = {"17 digits", "one more than integer", "milliseconds", "milliseconds of the year 5138"}  # that would do as one
Cases = list[tuple[BadValue, int]]


@dataclass(frozen=True)
class Stored:
    """What a batch left behind."""

    good: int  # deals with every value that they were sent with
    deal: dict[str, Any] | None  # the bad one
    quarantined: list[dict[str, Any]]
    counted: dict[str, int]


class Batches:
    """Batches of 99 good records and a bad one, each as if it were the first."""

    def __init__(self, connection: psycopg.Connection[Any], job: Job) -> None:
        self._connection, self._job = connection, job
        self._parser = DealParser(["color"], allow_negative_amounts=False)
        self._good = [a_record(number, **GOOD) for number in range(1, ROWS)]

    def store(self, record: Any, position: int) -> Stored:
        """What PostgreSQL holds after the batch; then all of it is undone."""
        records = [*self._good[:position], record, *self._good[position:]]
        batch = Batch("live")
        batch.add(parsed(Page(records=records, cursor=None), self._parser, 1))
        with self._connection.transaction(force_rollback=True):
            write(self._connection, self._job, batch, progress=PROGRESS, watermark=None)
            return self._stored()

    def _stored(self) -> Stored:
        good = self._rows(
            "SELECT count(*) FROM hubspot.hubspot_deals WHERE hubspot_deal_id < %s AND _value_issues IS NULL"
            " AND (dealname, dealstage, amount, hs_forecast_amount, num_associated_contacts, closedate) ="
            " ('Good', 'won', 12.50, 0.125, 3, '2026-01-31 12:00:00.123+00') AND raw_properties @> %s",
            ROWS,
            json.dumps(GOOD),
        )
        deals = self._rows("SELECT * FROM hubspot.hubspot_deals WHERE hubspot_deal_id >= %s", ROWS)
        quarantined = self._rows("SELECT deal_id_text, reason_code, raw FROM hubspot.deals_quarantine")
        counted = self._rows(
            "SELECT records_inserted AS inserted, records_quarantined AS quarantined, value_issues AS issues"
            " FROM hubspot.jobs WHERE id = %s",
            self._job.id,
        )
        return Stored(good[0]["count"], deals[0] if deals else None, quarantined, counted[0])

    def _rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, parameters or None).fetchall()


@pytest.fixture(scope="module")
def batches(postgres_server: Any, migrated_template: str) -> Iterator[Batches]:
    """One database for all: nothing that is stored stays."""
    name = f"{migrated_template}_bad_values"
    tenant = Tenant(postgres_server.create_database(name, template=migrated_template))
    job = tenant.claim()
    with tenant.connect() as connection:
        connection.prepare_threshold = None
        yield Batches(connection, job)
    postgres_server.drop_database(name)


@pytest.fixture(scope="module")
def every_value(pytestconfig: pytest.Config) -> Cases:
    """Each value at each position with ``--thorough``; else each at one of them, in turn."""
    if pytestconfig.getoption("thorough"):
        return list(product(BAD_VALUES, POSITIONS))
    return list(zip(BAD_VALUES, cycle(POSITIONS)))


@pytest.fixture(scope="module")
def kinds_at_once(pytestconfig: pytest.Config) -> list[list[str]]:
    """Columns that one deal has a value in: one after the other with ``--thorough``; else all together."""
    return [[kind] for kind in COLUMNS] if pytestconfig.getoption("thorough") else [list(COLUMNS)]


@pytest.fixture(scope="module")
def cases(pytestconfig: pytest.Config, every_value: Cases) -> Cases:
    """The same for what is no property: a quarter of them unless ``--thorough``."""
    return every_value if pytestconfig.getoption("thorough") else every_value[::4]


def text_of(value: Any) -> str:
    """What stands in ``raw_properties`` for it."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def recovered(kept: Any) -> Any:
    """A value of ``raw_properties`` as HubSpot sent it."""
    return json.loads(kept["_json"]) if isinstance(kept, dict) else kept


def is_kept(stored: Stored, bad: BadValue, name: str) -> bool:
    if stored.deal is None:
        return False
    raw = stored.deal["raw_properties"]
    return name not in raw if bad.value is None else recovered(raw[name]) == text_of(bad.value)


def holds(kind: str, bad: BadValue, column: Any) -> bool:
    """Whether the column says what was sent."""
    if kind in {AMOUNT, NUMBER, INTEGER}:
        return Decimal(column) == Decimal(text_of(bad.value))
    if kind == TIME:
        return bool(column == datetime.fromisoformat(bad.moment or ""))
    return bool(column == text_of(bad.value))


def test_there_are_at_least_sixty_of_them() -> None:
    assert len({bad.name for bad in BAD_VALUES}) == len(BAD_VALUES) >= 60


def test_c01_c02_c05_to_c11_c13_to_c17_a_bad_value_is_null_an_issue_and_exact_in_raw(
    batches: Batches, every_value: Cases, kinds_at_once: list[list[str]]
) -> None:
    for (bad, position), kinds in product(every_value, kinds_at_once):
        stored = batches.store(a_record(BAD_ID, **{COLUMNS[kind]: bad.value for kind in kinds}), position)
        about = (bad.name, kinds, stored.deal and stored.deal["_value_issues"])
        assert stored.good == ROWS - 1, about
        if bad.quarantine:
            assert [row["reason_code"] for row in stored.quarantined] == [bad.quarantine], about
            assert stored.counted == {"inserted": ROWS - 1, "quarantined": 1, "issues": 0}, about
            continue
        assert stored.deal is not None
        wrong = [kind for kind in kinds if not bad.is_unset and kind not in bad.held_by]
        issues = stored.deal["_value_issues"] or []
        assert sorted(issue["field"] for issue in issues) == sorted(COLUMNS[kind] for kind in wrong), about
        for kind in kinds:
            name = COLUMNS[kind]
            assert is_kept(stored, bad, name), (about, name)
            is_null = bad.is_unset or kind in wrong
            assert stored.deal[name] is None if is_null else holds(kind, bad, stored.deal[name]), (about, name)
        assert stored.counted == {"inserted": ROWS, "quarantined": 0, "issues": len(issues)}, about


def test_a_bad_value_of_a_property_without_column_is_exact_in_raw_and_among_the_custom_ones(
    batches: Batches, cases: Cases
) -> None:
    for bad, position in cases:
        stored = batches.store(a_record(BAD_ID, color=bad.value), position)
        assert stored.good == ROWS - 1, bad.name
        if bad.quarantine:
            assert [row["reason_code"] for row in stored.quarantined] == [bad.quarantine], bad.name
            continue
        assert is_kept(stored, bad, "color"), bad.name
        assert stored.deal is not None
        assert (stored.deal["custom_properties"] or {}).get("color") == stored.deal["raw_properties"].get("color")
        assert stored.counted == {"inserted": ROWS, "quarantined": 0, "issues": 0}, bad.name


def test_c03_a_bad_id_goes_to_quarantine_with_its_bytes(batches: Batches, cases: Cases) -> None:
    for bad, position in cases:
        if bad.name == "number":  # 5 is another deal of this page
            continue
        record = {**a_record(BAD_ID, color="blue"), "id": bad.value}
        stored = batches.store(record, position)
        assert stored.good == ROWS - 1, bad.name
        if bad.name in IDS:
            assert stored.deal is not None, bad.name
            assert stored.deal["hubspot_deal_id"] == int(bad.value)
            continue
        assert stored.deal is None, bad.name
        (row,) = stored.quarantined
        assert row["reason_code"] == "BAD_ID", bad.name
        assert stored.counted == {"inserted": ROWS - 1, "quarantined": 1, "issues": 0}, bad.name
        raw = zlib.decompress(row["raw"]).decode()
        if bad.quarantine:
            assert raw.count("[") == 5_000, bad.name
        else:
            assert json.loads(raw) == record, bad.name


def test_b20_a_bad_version_goes_to_quarantine_and_a_missing_one_is_told_by_updated_at(
    batches: Batches, cases: Cases
) -> None:
    for bad, position in cases:
        record = a_record(BAD_ID, hs_lastmodifieddate=bad.value)
        stored = batches.store(record, position)
        assert stored.good == ROWS - 1, bad.name
        if bad.is_unset or TIME in bad.held_by:
            assert stored.deal is not None, bad.name
            moment = record["updatedAt"] if bad.is_unset else bad.moment or ""
            assert stored.deal["hs_lastmodifieddate"] == datetime.fromisoformat(moment), bad.name
            continue
        assert stored.deal is None, bad.name
        assert [row["reason_code"] for row in stored.quarantined] == [bad.quarantine or "BAD_VERSION"], bad.name


def test_whatever_stands_for_the_flag_of_archived_deals_only_true_means_it(batches: Batches, cases: Cases) -> None:
    for bad, position in cases:
        stored = batches.store({**a_record(BAD_ID), "archived": bad.value, "archivedAt": bad.value}, position)
        assert stored.good == ROWS - 1, bad.name
        assert stored.deal is not None, bad.name
        assert stored.deal["archived"] is (bad.value is True), bad.name
        assert (stored.deal["_deleted_at"] is not None) is stored.deal["archived"], bad.name


def test_a_bad_moment_of_archiving_is_an_issue_of_an_archived_deal(batches: Batches, cases: Cases) -> None:
    for bad, position in cases:
        if bad.quarantine:
            continue
        stored = batches.store({**a_record(BAD_ID), "archived": True, "archivedAt": bad.value}, position)
        assert stored.good == ROWS - 1, bad.name
        assert stored.deal is not None, bad.name
        assert (stored.deal["archived"], stored.deal["_deleted_reason"]) == (True, "archived"), bad.name
        assert stored.deal["_deleted_at"] is not None, bad.name  # this moment, where HubSpot's is of no use
        issues = [issue["field"] for issue in stored.deal["_value_issues"] or []]
        assert issues == ([] if bad.is_unset or TIME in bad.held_by else ["archivedAt"]), bad.name


def test_whatever_stands_for_associations_can_be_read_back(batches: Batches, cases: Cases) -> None:
    for bad, position in cases:
        stored = batches.store({**a_record(BAD_ID), "associations": {"companies": bad.value}}, position)
        assert stored.good == ROWS - 1, bad.name
        if bad.quarantine:
            assert [row["reason_code"] for row in stored.quarantined] == [bad.quarantine], bad.name
            continue
        assert stored.deal is not None, bad.name
        kept = stored.deal["associations"]
        assert (json.loads(kept["_json"]) if "_json" in kept else kept) == {"companies": bad.value}, bad.name


def test_what_is_no_record_at_all_goes_to_quarantine(batches: Batches, cases: Cases) -> None:
    for bad, position in cases:
        if isinstance(bad.value, dict):
            continue
        stored = batches.store(bad.value, position)
        assert (stored.good, stored.deal) == (ROWS - 1, None), bad.name
        assert [row["reason_code"] for row in stored.quarantined] == ["BAD_RECORD"], bad.name
