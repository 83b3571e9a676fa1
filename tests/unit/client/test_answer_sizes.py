"""How many deals to ask for, after an answer that was larger than is read of one."""

from __future__ import annotations

from airflow_provider_hubspot_deals.client.answer_sizes import ListLimit
from airflow_provider_hubspot_deals.deals.records import ListedDeals
from airflow_provider_hubspot_deals.exceptions import ResponseTooLargeError


def test_c20_the_pages_after_one_too_large_begin_with_fewer_deals() -> None:
    """Else each of them would be read in vain first, up to 32 MiB of it."""
    asked = []

    def read_page(limit: int) -> ListedDeals:
        asked.append(limit)
        if limit > 26:
            raise ResponseTooLargeError("larger than is read")
        return ListedDeals(records=[], next_after="1")

    limits = ListLimit(100)
    for _ in range(4):
        limits.read(read_page, limit=100, after=None)

    assert asked == [100, 50, 25, 26, 27, 13, 14]
