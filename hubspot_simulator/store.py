"""Which deals a portal has now: the generated ones, and those that changed since."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from hubspot_simulator.generator import FIRST_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hubspot_simulator.deal import Deal
    from hubspot_simulator.generator import DealGenerator

ID_MAX = 2**63 - 1


class DealStore:
    """Current versions by id, with the live and the archived ids in ascending order."""

    def __init__(self, base: DealGenerator) -> None:
        self.base = base
        self.merged_into: dict[int, int] = {}
        self.highest_id_ever = base.ids[-1] if base.ids else FIRST_ID
        self._changed: dict[int, Deal] = {}
        self._removed: set[int] = set()
        self._ids = {
            False: array("q", (each for i, each in enumerate(base.ids) if i not in base.archived_ms)),
            True: array("q", (base.ids[position] for position in base.archived_ms)),
        }

    def count(self, *, archived: bool) -> int:
        return len(self._ids[archived])

    def ids(self, *, archived: bool) -> Sequence[int]:
        """Ascending ids; not a copy."""
        return self._ids[archived]

    def get(self, deal_id: int) -> Deal | None:
        """The current version, live or archived; None for an id that is nowhere (any more)."""
        if deal_id in self._changed:
            return self._changed[deal_id]
        position = None if deal_id in self._removed else self.base.position(deal_id)
        return None if position is None else self.base.deal(position)

    def is_taken(self, deal_id: int) -> bool:
        """Whether the id belongs, or ever belonged, to a deal."""
        return self.has_changed(deal_id) or self.base.position(deal_id) is not None

    def has_changed(self, deal_id: int) -> bool:
        """Whether the deal is not as generated."""
        return deal_id in self._changed or deal_id in self._removed

    def version(self, deal_id: int) -> int:
        """The version of an existing deal, without making its values."""
        changed = self._changed.get(deal_id)
        return 0 if changed is None else changed.version

    def survivor(self, deal_id: int) -> int:
        """The id that ``deal_id`` lives on as, through chains of merges; itself when it was never merged."""
        while deal_id in self.merged_into:
            deal_id = self.merged_into[deal_id]
        return deal_id

    def contains(self, deal_id: int, *, archived: bool) -> bool:
        ids = self._ids[archived]
        position = bisect_left(ids, deal_id)
        return position < len(ids) and ids[position] == deal_id

    def page(self, after: int, limit: int, *, archived: bool) -> tuple[Sequence[int], int | None]:
        """Up to ``limit`` ids from ``after`` on (inclusive), and the id that comes next."""
        ids = self._ids[archived]
        start = bisect_left(ids, min(max(after, 0), ID_MAX))
        end = start + limit
        return ids[start:end], ids[end] if end < len(ids) else None

    def deals(self, *, archived: bool) -> Iterator[Deal]:
        for deal_id in self._ids[archived]:
            deal = self.get(deal_id)
            if deal is not None:
                yield deal

    def put(self, deal: Deal) -> None:
        """Make ``deal`` the current version of its id."""
        for is_archived, ids in self._ids.items():
            _set_membership(ids, deal.deal_id, wanted=is_archived == (deal.archived_ms is not None))
        self._changed[deal.deal_id] = deal
        self._removed.discard(deal.deal_id)
        self.highest_id_ever = max(self.highest_id_ever, deal.deal_id)

    def remove(self, deal_id: int, merged_into: int | None = None) -> None:
        """Take the deal out of every list; with ``merged_into`` its id leads to the survivor."""
        for ids in self._ids.values():
            _set_membership(ids, deal_id, wanted=False)
        self._changed.pop(deal_id, None)
        self._removed.add(deal_id)
        if merged_into is not None:
            self.merged_into[deal_id] = merged_into


def _set_membership(ids: array[int], deal_id: int, *, wanted: bool) -> None:
    position = bisect_left(ids, deal_id)
    is_there = position < len(ids) and ids[position] == deal_id
    if wanted and not is_there:
        insort(ids, deal_id)
    elif is_there and not wanted:
        del ids[position]
