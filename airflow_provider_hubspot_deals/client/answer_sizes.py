"""How many deals one request asks for: fewer where their answer is too large, or where HubSpot takes no more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from airflow_provider_hubspot_deals.deals.records import ListedDeals, Record
from airflow_provider_hubspot_deals.exceptions import HubSpotRefusedError, ResponseTooLargeError

log = logging.getLogger(__name__)

T = TypeVar("T")


class RequestLimit:
    """HubSpot's maximum of deals, or owners, in one kind of request: the known one, until it names a lower one.

    Threads share it, and whichever of their values stays is one that HubSpot takes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def ask(self, question: Callable[[int], T], *, wanted: int) -> T:
        """``question`` with as many of the ``wanted`` records as HubSpot takes.

        Raises:
            HubSpotRefusedError: the refusal names no lower maximum.
        """
        asked = min(wanted, self._limit)
        while True:
            try:
                answer = question(asked)
            except HubSpotRefusedError as error:
                lower = max((limit for limit in error.limits if 0 < limit < asked), default=0)
                if not lower:
                    raise
                log.warning("HubSpot refuses to be asked for %d records at once, and is asked for %d", asked, lower)
                asked = lower
            else:
                if asked < wanted:
                    self._limit = asked
                return answer

    def read(self, read_some: Callable[[Sequence[int]], list[T]], ids: Sequence[int]) -> list[T]:
        """What there is about ``ids``, in as many requests as it takes."""
        found: list[T] = []
        left = ids

        def read_first(count: int) -> int:
            found.extend(read_some(left[:count]))
            return count

        while left:
            left = left[self.ask(read_first, wanted=len(left)) :]
        return found


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
