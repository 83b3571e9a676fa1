"""The endpoints that read deals: a page of all of them, or some by id, with their history and associations."""

from __future__ import annotations

import logging
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider_hubspot_deals.client import associations, batch_reads, calls, payloads
from airflow_provider_hubspot_deals.client.answer_sizes import ListLimit, RequestLimit, read_in_halves
from airflow_provider_hubspot_deals.client.deal_answers import DealAnswers
from airflow_provider_hubspot_deals.client.silence import patient
from airflow_provider_hubspot_deals.client.wide_records import in_chunks, read_wide
from airflow_provider_hubspot_deals.deals.records import ListedDeals, Record
from airflow_provider_hubspot_deals.deals.related import FoundAssociations
from airflow_provider_hubspot_deals.exceptions import HubSpotRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_hubspot_deals.client.paths import Paths
    from airflow_provider_hubspot_deals.client.requester import Requester

log = logging.getLogger(__name__)

LIST_LIMIT_MAX = 100
BATCH_READ_MAX = 100  # inputs; HubSpot refuses more with a 400
HISTORY_BATCH_MAX = 50  # the same, with propertiesWithHistory
ASSOCIATIONS_BATCH_MAX = 1_000  # since February 2025
# 414 is documented, its threshold is not; others met it at 15,000 to 16,000 characters. POST has no such limit.
URL_LENGTH_MAX = 8_000
URL_LENGTH_SAFE = 2_000  # whatever stands between, it takes as much: it refuses a shorter one for another reason


class DealEndpoints:
    """The part of the client that reads deals, no more at once than HubSpot has let it so far."""

    _base_url: str
    _paths: Paths
    _requester: Requester

    def __init__(self) -> None:
        self._answers: dict[tuple[str, ...], DealAnswers] = {}
        self._url_length_max = URL_LENGTH_MAX
        self._list_limit, self._lists = ListLimit(LIST_LIMIT_MAX), RequestLimit(LIST_LIMIT_MAX)
        self._reads, self._histories = RequestLimit(BATCH_READ_MAX), RequestLimit(HISTORY_BATCH_MAX)
        self._associations = RequestLimit(ASSOCIATIONS_BATCH_MAX)

    def list_deals(
        self,
        *,
        properties: Sequence[str],
        archived: bool = False,
        after: str | None = None,
        limit: int = LIST_LIMIT_MAX,
    ) -> ListedDeals:
        """One page of live, or only of archived, deals in ascending order of id; strongly consistent.

        ``after`` acts as "id ≥ after". A short or empty page may still have a ``next_after``. When the properties do
        not fit into a URL, the ids are listed and the records read by batch/read; deals that vanish in between are
        left out. The page's ``limit`` is what was asked for in the end: fewer where deals are large.
        """
        read_page = partial(self._listed, properties, archived=archived, after=after)
        return self._lists.ask(lambda most: self._list_limit.read(read_page, limit=most, after=after), wanted=limit)

    def read_deals(self, ids: Sequence[int], *, properties: Sequence[str], archived: bool = False) -> list[Record]:
        """At most 100 deals by id, in no particular order.

        Deals that are gone, or on the other side of ``archived``, are absent; a merged one appears as its survivor,
        under the survivor's id. An answer that says nothing of a deal is not believed: see ``batch_reads``.

        Raises:
            ValueError: more than 100 ids.
        """
        read = partial(self._read_batch, properties=properties, archived=archived)
        return self._reads.read(partial(read_in_halves, read), _at_most(BATCH_READ_MAX, ids))

    def read_history(self, ids: Sequence[int], properties: Sequence[str]) -> list[Record]:
        """At most 50 live deals by id, each with the changes of ``properties`` in ``propertiesWithHistory``.

        Raises:
            ValueError: more than 50 ids.
        """

        def ask(some: Sequence[int]) -> batch_reads.BatchAnswer:
            return self._requester.send(calls.batch_read_history(self._paths, some, properties), _reader_of_batch(some))

        return self._histories.read(partial(batch_reads.read_all, ask), _at_most(HISTORY_BATCH_MAX, ids))

    def read_associations(self, to_object_type: str, ids: Sequence[int]) -> FoundAssociations:
        """Every association of at most 1,000 deals with records of one type (``contacts``, ``2-1234``, …).

        Of an ``unfinished`` deal the first ones.

        Raises:
            ValueError: more than 1,000 ids.
        """

        def read_page(cursors: Mapping[int, str | None]) -> associations.AssociationsPage:
            call = calls.batch_read_associations(self._paths, to_object_type, cursors)
            read_patiently = patient(associations.read_associations, lambda page: page.is_silent(cursors))
            return self._requester.send(call, read_patiently)

        def read_some(some: Sequence[int]) -> list[FoundAssociations]:
            return [associations.read_all(read_page, some)]

        parts = self._associations.read(read_some, _at_most(ASSOCIATIONS_BATCH_MAX, ids))
        return FoundAssociations(
            [each for part in parts for each in part.associations], [each for part in parts for each in part.unfinished]
        )

    def _parser_of(self, properties: Sequence[str]) -> Callable[[bytes], Any]:
        return self._answers.setdefault(tuple(properties), DealAnswers()).parse

    def _listed(self, properties: Sequence[str], limit: int, *, archived: bool, after: str | None) -> ListedDeals:
        if calls.fit_into_url(properties):
            call = calls.list_deals(self._paths, properties, archived=archived, after=after, limit=limit)
            length = len(self._base_url) + len(call.target)
            if length <= self._url_length_max:
                try:
                    return self._requester.send(call, payloads.read_listed, parse=self._parser_of(properties))
                except HubSpotRefusedError as error:
                    if error.status_code != HTTPStatus.REQUEST_URI_TOO_LONG or length <= URL_LENGTH_SAFE:
                        raise
                    log.warning("HubSpot refuses a URL of %d characters: deals are listed by id, then read", length)
                    self._url_length_max = URL_LENGTH_SAFE
        call = calls.list_deals(self._paths, ("hs_object_id",), archived=archived, after=after, limit=limit)
        ids, unusable, next_after = self._requester.send(call, payloads.read_listed_ids)
        found = {str(record.get("id")): record for record in self._read_batch(ids, properties, archived=archived)}
        records = [found[deal_id] for deal_id in map(str, ids) if deal_id in found]
        return ListedDeals(records=unusable + records, next_after=next_after)

    def _read_batch(self, ids: Sequence[int], properties: Sequence[str], *, archived: bool) -> list[Record]:
        def ask(names: Sequence[str], some: Sequence[int]) -> batch_reads.BatchAnswer:
            call = calls.batch_read(self._paths, some, names, archived=archived)
            return self._requester.send(call, _reader_of_batch(some), parse=self._parser_of(names))

        def read_part(some: Sequence[int], names: Sequence[str]) -> list[Record]:
            return batch_reads.read_all(partial(ask, names), some)

        if not ids:
            return []
        chunks = in_chunks(properties)
        return read_part(ids, chunks[0]) if len(chunks) == 1 else read_wide(read_part, ids, chunks)


def _reader_of_batch(ids: Sequence[int]) -> Callable[[object], batch_reads.BatchAnswer]:
    """Silence about several deals is asked about in halves; about one, there is nothing to do but to ask again."""
    if len(ids) > 1:
        return payloads.read_batch
    return patient(payloads.read_batch, lambda answer: not answer.records and str(ids[0]) not in answer.gone)


def _at_most(count: int, ids: Sequence[int]) -> list[int]:
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > count:
        raise ValueError(f"HubSpot reads at most {count} deals at once, not {len(wanted)}")
    return wanted
