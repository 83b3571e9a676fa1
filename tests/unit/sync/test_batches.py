"""A batch holds all that its pages brought, knows which ids it covers and how full it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_hubspot_deals.deals.parsing import DealParser
from airflow_provider_hubspot_deals.exceptions import SystemicDataError
from airflow_provider_hubspot_deals.extraction.pages import Event, IdRange, Page
from airflow_provider_hubspot_deals.sync.batches import BATCH_SIZE_MAX, Batch, ParsedPage, parsed
from tests.builders import a_record

PARSER = DealParser([], allow_negative_amounts=True)
NEXT = {"after": "2"}


def a_page(*records: Any, **told: Any) -> ParsedPage:
    return parsed(Page(records=list(records), cursor=NEXT, **told), PARSER, 1)


def covering(low: int, high: int) -> ParsedPage:
    return a_page(covers=IdRange(low=low, high=high))


def test_a_parsed_page_keeps_what_it_says_beside_its_records() -> None:
    page = a_page(a_record(1), a_record(2), {"id": "none"}, vanished=(3,), total=9)

    assert page.page == Page(records=[], cursor=NEXT, vanished=(3,), total=9)
    assert ([row.deal_id for row in page.rows], len(page.bad), page.received) == ([1, 2], 1, 3)
    assert page.size == sum(len(row.line) for row in page.rows) > 0


def test_a_batch_holds_all_that_its_pages_brought() -> None:
    batch = Batch("archived", expected=10)
    event = Event(kind="search_incomplete", details={"named": 1})
    pages = [
        a_page(a_record(1), {"id": "none"}, listed=(11,), vanished=(21,), gone=(31,), confirmed=(41,), events=(event,)),
        a_page(a_record(2), listed=(12,), vanished=(22,), gone=(32,), confirmed=(42,), events=(event,)),
    ]

    for page in pages:
        batch.add(page)

    assert [row.deal_id for row in batch.rows] == [1, 2]
    assert [record.reason_code for record in batch.bad] == ["BAD_ID"]
    assert (batch.pages, batch.received, batch.expected) == (2, 3, 13)
    assert batch.size == pages[0].size + pages[1].size
    assert (batch.listed, batch.vanished, batch.gone) == ([11, 12], [21, 22], [31, 32])
    assert (batch.confirmed, batch.events) == ([41, 42], [event, event])


def test_of_the_live_list_nothing_more_is_expected_than_at_its_beginning() -> None:
    batch = Batch("live", expected=10)
    batch.add(a_page(a_record(1)))
    assert batch.expected == 10


def test_pages_of_several_readers_cover_one_range_each() -> None:
    batch = Batch("live")
    for page in (covering(0, 10), covering(100, 110), covering(10, 20), a_page(), covering(110, 120), covering(20, 30)):
        batch.add(page)
    assert batch.covers == [IdRange(low=0, high=30), IdRange(low=100, high=120)]


@pytest.mark.parametrize(
    ("deals", "size", "share"),
    [(30, 0, 0.3), (30, BATCH_SIZE_MAX // 2, 0.5), (100, BATCH_SIZE_MAX // 2, 1.0), (0, 2 * BATCH_SIZE_MAX, 2.0)],
)
def test_deals_or_their_bytes_fill_a_batch(deals: int, size: int, share: float) -> None:
    page = replace(a_page(), received=deals, size=size)
    batch = Batch("live")
    batch.add(page)
    assert (page.share(100), batch.share(100)) == (share, share)


@pytest.mark.parametrize("told", ["listed", "confirmed"])
def test_a_page_that_names_more_deals_than_it_brings_counts_by_those(told: str) -> None:
    assert a_page(a_record(1), **{told: tuple(range(50))}).share(100) == 0.5


def test_a_batch_of_wide_deals_takes_32_megabytes() -> None:
    assert BATCH_SIZE_MAX == 33_554_432


def test_a_batch_grows_old_from_its_first_moment() -> None:
    batch = Batch("live")
    batch.opened_at -= 60
    assert 60 <= batch.age_s < 90


def test_a_portal_that_breaks_is_named_with_what_is_wrong_and_that_nothing_was_written() -> None:
    batch = Batch("live")
    nameless, undated = {"id": "none"}, {**a_record(7), "updatedAt": None, "properties": {}}
    batch.add(a_page(*[nameless] * 15, *[undated] * 5, *[a_record(number) for number in range(1, 41)]))
    reasons = ", ".join(sorted({record.reason_code for record in batch.bad}))
    with pytest.raises(SystemicDataError) as raised:
        batch.refuse_systemic_damage("acme")
    assert "," in reasons
    assert str(raised.value) == (
        f"20 of 60 deals of organization 'acme' cannot be stored ({reasons}); nothing of this batch was written."
    )
