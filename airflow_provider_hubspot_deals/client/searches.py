"""The endpoint that finds deals: by time, or the newest ones, and counts them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from airflow_provider_hubspot_deals.client import calls, payloads
from airflow_provider_hubspot_deals.client.bodies import parse_json
from airflow_provider_hubspot_deals.exceptions import BadResponseError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow_provider_hubspot_deals.client.answer_sizes import RequestLimit
    from airflow_provider_hubspot_deals.client.calls import Call
    from airflow_provider_hubspot_deals.client.paths import Paths
    from airflow_provider_hubspot_deals.client.requester import Requester
    from airflow_provider_hubspot_deals.deals.records import FoundDeals

SEARCH_LIMIT_MAX = 200


class SearchEndpoints:
    """The part of the client that searches."""

    _paths: Paths
    _requester: Requester
    _searches: RequestLimit

    def search_deals(
        self,
        *,
        modified_from: datetime,
        modified_to: datetime,
        after_id: int = 0,
        properties: Sequence[str] = ("hs_lastmodifieddate",),
        limit: int = SEARCH_LIMIT_MAX,
    ) -> FoundDeals:
        """Live deals last modified in the closed window, with ids above ``after_id``, in ascending order of id.

        Walk on with the last id as ``after_id``: HubSpot's own ``after`` is an offset, shifts while deals change and
        ends at 10,000. The search index lags behind writes and may return a deal slightly outside the window. An answer
        that counts deals and names none, or whose ids do not rise, is asked for again as any unusable one, and returned
        if nothing else comes: a ``total`` without records is no end of the walk, and what is not sorted no step of it.

        Raises:
            ValueError: a time without zone, or a window that ends before it starts.
        """
        window = (modified_from, modified_to)
        search = partial(calls.search_deals, self._paths, window, after_id=after_id, properties=properties)
        return self._searches.ask(
            lambda most: replace(self._sound(search(limit=most), after_id), limit=most), wanted=limit
        )

    def highest_deal(self) -> FoundDeals:
        """The live deal with the highest id, and how many live deals there are, as far as the search index knows."""
        call = calls.search_newest(self._paths, sort="hs_object_id", limit=1)
        return self._requester.send(call, payloads.read_found)

    def latest_deals(self, limit: int = SEARCH_LIMIT_MAX) -> FoundDeals:
        """The live deals modified last, and how many live deals there are, as far as the search index knows.

        HubSpot sorts by time only roughly.
        """
        search = partial(calls.search_newest, self._paths, sort="hs_lastmodifieddate")

        def read(most: int) -> FoundDeals:
            return replace(self._requester.send(search(limit=most), payloads.read_found), limit=most)

        return self._searches.ask(read, wanted=limit)

    def _sound(self, search: Call, after_id: int) -> FoundDeals:
        reader = _ReaderOfSound(after_id)
        try:
            return self._requester.send(search, reader, parse=reader.parse)
        except BadResponseError as error:
            # A body that could not even be decompressed never came to the reader: what is kept is older than that.
            if reader.unsound is None or reader.wrong not in str(error):
                raise
            return reader.unsound


class _ReaderOfSound:
    """Refuses what counts deals and names none, as happens while the index changes, or is not sorted; and keeps it."""

    def __init__(self, after_id: int) -> None:
        self._after_id = after_id
        self.unsound: FoundDeals | None = None
        self.wrong = ""

    def parse(self, body: bytes) -> object:
        self.unsound = None  # what came before counts no more, even if this is no JSON
        return parse_json(body)

    def __call__(self, payload: object) -> FoundDeals:
        found = payloads.read_found(payload)
        if wrong := self._wrong_with(found):
            self.unsound, self.wrong = found, wrong
            raise ValueError(wrong)
        return found

    def _wrong_with(self, found: FoundDeals) -> str | None:
        if found.total and not found.records:
            return f"it counts {found.total} more deals and names none"
        ids = [self._after_id, *(record.get("id") for record in found.records)]
        return None if _rise(ids) else "its ids do not rise"


def _rise(ids: Sequence[object]) -> bool:
    """Whether each is greater than the one before, as a number; True where one is none, which is no matter of order."""
    try:
        return all(int(before) < int(behind) for before, behind in pairwise(ids))  # type: ignore[call-overload]  # caught below
    except (TypeError, ValueError):
        return True
