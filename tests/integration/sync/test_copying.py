"""When a batch is written: by its rows, by its age, at the end of its phase; and what is counted on the way."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.sync.conftest import Organization, SimulatorOf

LIVE, ARCHIVED = 450, 30
ONE_BY_ONE: dict[str, Any] = {"mode": "full", "requests_in_flight": 1}


@pytest.fixture
def acme(simulator_of: SimulatorOf, database_url: str) -> Organization:
    return simulator_of(database_url, deals=LIVE, archived=ARCHIVED)


def batches(acme: Organization, phase: str = "live") -> list[tuple[int, int]]:
    """Pages and deals of each batch."""
    ledger = "SELECT pages, received FROM hubspot.job_batches WHERE phase = %s ORDER BY batch_number"
    return [(batch["pages"], batch["received"]) for batch in acme.query(ledger, phase)]


def test_a_batch_is_written_once_it_has_its_rows(acme: Organization) -> None:
    acme.sync(**ONE_BY_ONE, batch_rows=200)
    assert batches(acme) == [(2, 200), (2, 200), (1, 50)]


def test_a_batch_is_written_once_it_is_old_enough_however_small_it_is(acme: Organization) -> None:
    acme.sync(**ONE_BY_ONE, batch_rows=10_000, batch_seconds=0.0)
    assert batches(acme) == [(1, 100)] * 4 + [(1, 50)]


def test_a_batch_that_is_neither_ends_with_its_phase(acme: Organization) -> None:
    acme.sync(**ONE_BY_ONE, batch_rows=10_000, batch_seconds=3_600.0)
    assert batches(acme) == [(5, LIVE)]


def test_pages_are_counted_over_all_phases_and_each_deal_names_its_own(acme: Organization) -> None:
    acme.sync(**ONE_BY_ONE, batch_rows=200)
    by_page = "SELECT _page_number AS number, count(*) AS deals FROM hubspot.hubspot_deals GROUP BY 1 ORDER BY 1"
    pages = acme.query(by_page)
    (job,) = acme.jobs()
    assert sorted(page["deals"] for page in pages) == [ARCHIVED, 50, 100, 100, 100, 100]
    numbers = [page["number"] for page in pages]
    assert numbers == list(range(numbers[0], numbers[0] + 6))
    assert job["pages_read"] >= numbers[-1]
