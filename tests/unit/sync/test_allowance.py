"""What is read and not committed is one batch, whatever of it is written, waits, or was asked for."""

from __future__ import annotations

import pytest

from airflow_provider_hubspot_deals.deals.parsing import DealRow
from airflow_provider_hubspot_deals.extraction.pages import Page
from airflow_provider_hubspot_deals.sync.allowance import Allowance
from airflow_provider_hubspot_deals.sync.batches import BATCH_SIZE_MAX, Batch, ParsedPage

BATCH_ROWS = 5_000


def page(received: int, *, size: int = 0, listed: int = 0) -> ParsedPage:
    rows: list[DealRow] = []
    return ParsedPage(Page(records=[], cursor=None, listed=tuple(range(listed))), received, rows, [], size)


def written_at_once(allowance: Allowance, each: ParsedPage) -> int:
    """Pages of the first batch that is large enough."""
    batch = Batch("live")
    while not allowance.is_due(batch):
        batch.add(each)
    return batch.pages


@pytest.mark.parametrize("under_way", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("deals", [30, 100, 200])
def test_all_that_may_be_in_vain_is_no_more_than_a_batch(deals: int, under_way: int) -> None:
    allowance = Allowance(BATCH_ROWS, lambda: under_way)
    share = allowance.weigh(page(deals))

    pages = written_at_once(allowance, page(deals)) + max(int(allowance.room() / share), 0)
    asked_ahead, in_hand = 1, 1

    assert (pages + under_way + asked_ahead + in_hand) * deals <= BATCH_ROWS


@pytest.mark.parametrize("under_way", [1, 2, 4])
def test_one_half_is_written_while_the_other_is_read(under_way: int) -> None:
    allowance = Allowance(BATCH_ROWS, lambda: under_way)
    allowance.weigh(page(100))

    assert written_at_once(allowance, page(100)) == 25
    assert 0.5 - 8 * 0.02 < allowance.room() < 0.5


def test_wide_deals_count_by_their_bytes() -> None:
    allowance = Allowance(BATCH_ROWS, lambda: 1)
    wide = page(100, size=BATCH_SIZE_MAX // 8)

    assert allowance.weigh(wide) == pytest.approx(0.125)
    assert written_at_once(allowance, wide) == 4


def test_a_page_that_only_names_deals_takes_room_as_if_it_brought_them() -> None:
    assert Allowance(BATCH_ROWS, lambda: 1).weigh(page(0, listed=100)) == pytest.approx(0.02)


def test_a_batch_smaller_than_what_is_under_way_is_written_page_by_page_and_nothing_waits() -> None:
    allowance = Allowance(100, lambda: 1)
    allowance.weigh(page(100))

    assert not allowance.is_due(Batch("live"))
    assert written_at_once(allowance, page(100)) == 1
    assert allowance.room() < 0
