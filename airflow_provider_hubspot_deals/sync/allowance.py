"""How much may be read and not yet committed: what a worker that dies makes somebody read again."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_hubspot_deals.sync.batches import Batch, ParsedPage

_TOGETHER = 0.5  # while one half is written, the other is read
# Pages besides those that wait: the list page asked for ahead of the records under way, the one in the reading thread's
# hand, and the one with which a transaction became large enough.
_PAGES_BESIDES = 3


class Allowance:
    """One batch, whatever of it is written, waits, or was asked for. Shares of pages are parts of it. Thread-safe.

    Args:
        under_way: how many pages are asked for at once.
    """

    def __init__(self, batch_rows: int, under_way: Callable[[], int]) -> None:
        self._batch_rows, self._under_way = batch_rows, under_way
        self._largest_page = 0.0

    def weigh(self, page: ParsedPage) -> float:
        """The share of a page."""
        share = page.share(self._batch_rows)
        self._largest_page = max(self._largest_page, share)
        return share

    def is_due(self, batch: Batch) -> bool:
        """Whether a batch is large enough to be written, so that there is room for what is read meanwhile."""
        return batch.share(self._batch_rows) >= self._together()

    def room(self) -> float:
        """For pages that wait while a batch is written; none when it is 0 or less."""
        return self._left() - self._together()

    def _together(self) -> float:
        """Of what is written in one transaction: a page at least, however small a batch is."""
        return max(min(_TOGETHER, self._left()), self._largest_page)

    def _left(self) -> float:
        return 1.0 - (self._under_way() + _PAGES_BESIDES) * self._largest_page
