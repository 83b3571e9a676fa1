"""The search index: what search knows, which may lag behind what is true."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from hubspot_simulator.store import ID_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hubspot_simulator.clock import Clock
    from hubspot_simulator.deal import Deal
    from hubspot_simulator.search_query import Group, SearchQuery, Sort
    from hubspot_simulator.store import DealStore

RESULTS_KEPT = 16
NEIGHBOURHOOD = 40  # how far an unsorted result strays
TIME_PROPERTIES = ("createdate", "hs_lastmodifieddate")


@dataclass(frozen=True, slots=True)
class Found:
    """A stretch of a sequence of ids; not copied, for it may be a million long."""

    ids: Sequence[int]
    first: int
    last: int
    descending: bool = False

    @property
    def total(self) -> int:
        return self.last - self.first

    def all(self) -> Sequence[int]:
        return self.ids[self.first : self.last]

    def page(self, offset: int, limit: int) -> Sequence[int]:
        if self.descending:
            end = max(self.first, self.last - offset)
            return self.ids[max(self.first, end - limit) : end][::-1]
        start = min(self.last, self.first + offset)
        return self.ids[start : min(self.last, start + limit)]


class SearchIndex:
    """Versions of deals as search sees them: the generated ones, overridden by changes that became visible."""

    def __init__(self, store: DealStore, clock: Clock, *, unsorted: bool) -> None:
        self.lag_s = 0.0
        self.jitter_s = 0.0
        self._store = store
        self._base = store.base
        self._clock = clock
        self._unsorted = unsorted
        self._visible: dict[int, tuple[int, Deal | None]] = {
            self._base.ids[position]: (0, None) for position in self._base.archived_ms
        }
        self._pending: list[tuple[int, int, int, int, Deal | None]] = []
        self._scheduled = 0
        self._positions_by_time: list[int] | None = None
        self._times: list[int] = []
        self._results: OrderedDict[object, Sequence[int]] = OrderedDict()

    def schedule(self, deal_id: int, deal: Deal | None, version: int = 0) -> None:
        """A change becomes visible after the lag; None or an archived deal leaves the index."""
        version = version if deal is None else deal.version
        jitter_ms = Random(self._scheduled).random() * self.jitter_s * 1000
        visible_ms = self._clock.now_ms() + int(self.lag_s * 1000 + jitter_ms)
        self._scheduled += 1
        is_gone = deal is None or deal.archived_ms is not None
        heapq.heappush(self._pending, (visible_ms, self._scheduled, deal_id, version, None if is_gone else deal))

    def find(self, query: SearchQuery) -> Found:
        """Ids that match, in the order asked for."""
        self._settle()
        if len(query.groups) == 1 and query.sort.name == "hs_object_id":
            return self._within_ids(query.groups[0], descending=query.sort.descending)
        ids = self._cached(("sorted", query.key), lambda: self._sorted(query))
        return Found(ids, 0, len(ids))

    def stale(self, deal_id: int) -> Deal | None:
        """The indexed version of a found deal where it differs from the current one."""
        if deal_id not in self._visible and not self._store.has_changed(deal_id):
            return None
        version = self._visible.get(deal_id, (0, None))[0]
        is_current = version == self._store.version(deal_id) and self._store.contains(deal_id, archived=False)
        return None if is_current else self._known(deal_id)

    def late(self, deal_id: int) -> Deal | None:
        """The live version that a replica as late as this index gives; None where it has the current one, or none."""
        self._settle()
        version, deal = self._visible.get(deal_id, (0, None))
        if version == self._store.version(deal_id):
            return None
        return self._known(deal_id) if deal is not None or deal_id not in self._visible else None

    def _settle(self) -> None:
        now_ms = self._clock.now_ms()
        while self._pending and self._pending[0][0] <= now_ms:
            _, _, deal_id, version, deal = heapq.heappop(self._pending)
            if deal_id not in self._visible or self._visible[deal_id][0] <= version:
                self._visible[deal_id] = (version, deal)
                self._results.clear()

    def _known(self, deal_id: int) -> Deal | None:
        deal = self._visible.get(deal_id, (0, None))[1]
        position = self._base.position(deal_id) if deal is None else None
        return deal if position is None else self._base.deal(position)

    def _within_ids(self, group: Group, *, descending: bool = False) -> Found:
        ids = self._ascending(group)
        first, last = bisect_left(ids, group.id_from), bisect_right(ids, group.id_to)
        return Found(ids, first, max(first, last), descending=descending)

    def _ascending(self, group: Group) -> Sequence[int]:
        """Ids that match all of the group but its bounds on the id itself: the same for each page of a walk."""
        return self._cached(("group", group.key), lambda: sorted(self._matching(group)))

    def _cached(self, key: object, make: Callable[[], Sequence[int]]) -> Sequence[int]:
        if key not in self._results:
            self._results[key] = make()
            if len(self._results) > RESULTS_KEPT:
                self._results.popitem(last=False)
        return self._results[key]

    def _matching(self, group: Group) -> Iterable[int]:
        in_window = [each for each in self._base_window(group) if each not in self._visible]
        in_window += [
            each
            for each, (_, deal) in self._visible.items()
            if deal is not None and group.modified_from_ms <= deal.modified_ms <= group.modified_to_ms
        ]
        if not group.predicates:
            return in_window
        return [each for each in in_window if self._satisfies(each, group)]

    def _satisfies(self, deal_id: int, group: Group) -> bool:
        deal = self._known(deal_id)
        return deal is not None and all(predicate(deal) for predicate in group.predicates)

    def _base_window(self, group: Group) -> Iterable[int]:
        if group.modified_from_ms <= 0 and group.modified_to_ms >= ID_MAX:
            return self._base.ids
        if self._positions_by_time is None:
            modified_ms = self._base.modified_ms
            self._positions_by_time = sorted(range(len(modified_ms)), key=modified_ms.__getitem__)
            self._times = [modified_ms[position] for position in self._positions_by_time]
        first = bisect_left(self._times, group.modified_from_ms)
        last = bisect_right(self._times, group.modified_to_ms)
        return [self._base.ids[position] for position in self._positions_by_time[first:last]]

    def _sorted(self, query: SearchQuery) -> list[int]:
        sort = query.sort
        found = {each for group in query.groups for each in self._within_ids(group).all()}
        result = sorted(found, key=self._sort_key(sort), reverse=sort.descending)
        return _strayed(result) if self._unsorted and sort.name in TIME_PROPERTIES else result

    def _sort_key(self, sort: Sort) -> Callable[[int], tuple[object, int]]:
        if sort.name in TIME_PROPERTIES:
            column = TIME_PROPERTIES.index(sort.name)
            return lambda deal_id: (self._times_of(deal_id)[column], deal_id)
        return lambda deal_id: (sort.comparable(self._known(deal_id)), deal_id)

    def _times_of(self, deal_id: int) -> tuple[int, int]:
        """(created, modified) without making the deal's values."""
        deal = self._visible.get(deal_id, (0, None))[1]
        if deal is not None:
            return deal.created_ms, deal.modified_ms
        position = bisect_left(self._base.ids, deal_id)
        return self._base.created_ms[position], self._base.modified_ms[position]


def _strayed(ids: list[int]) -> list[int]:
    """The ids, each a little off its place: HubSpot does not honour time sorts (reference §1.2)."""
    random = Random(len(ids))
    place = {each: position + random.random() * NEIGHBOURHOOD for position, each in enumerate(ids)}
    return sorted(ids, key=place.__getitem__)
