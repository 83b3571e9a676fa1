"""Answers larger than is read of one: asked for again, fewer deals at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from airflow_provider_hubspot_deals.deals.records import ListedDeals, Record
from airflow_provider_hubspot_deals.exceptions import ResponseTooLargeError

log = logging.getLogger(__name__)


class ListLimit:
    """How many deals to ask for in a page: half as many after one too large, one more after any other.

    Threads share it, and whichever of their values stays is as good a guess.
    """

    def __init__(self, limit_max: int) -> None:
        self._limit = self._limit_max = limit_max

    def read(self, read_page: Callable[[int], ListedDeals], *, limit: int, after: str | None) -> ListedDeals:
        """The page of at most ``limit`` deals from ``after`` on; shorter where their answer would be too large.

        Raises:
            ResponseTooLargeError: a single deal is.
        """
        limit = min(limit, self._limit)
        while True:
            try:
                page = read_page(limit)
            except ResponseTooLargeError as error:
                if limit == 1:
                    raise _of_one_deal(error, f"the first one from id {after or 0} on") from None
                log.warning("A page of %d deals is too large; asking for %d at a time", limit, limit // 2)
                limit = self._limit = limit // 2
            else:
                self._limit = min(self._limit + 1, self._limit_max)
                return replace(page, limit=limit)


def read_in_halves(read: Callable[[Sequence[int]], list[Record]], ids: Sequence[int]) -> list[Record]:
    """The records of ``ids``, in as many answers as their size takes.

    Raises:
        ResponseTooLargeError: a single deal is.
    """
    try:
        return read(ids)
    except ResponseTooLargeError as error:
        if len(ids) == 1:
            raise _of_one_deal(error, f"id {ids[0]}") from None
        middle = len(ids) // 2
    return read_in_halves(read, ids[:middle]) + read_in_halves(read, ids[middle:])


def _of_one_deal(error: ResponseTooLargeError, which: str) -> ResponseTooLargeError:
    return ResponseTooLargeError(f"{error}. It holds a single deal: {which}.", status_code=error.status_code)
