"""Users of a portal who change something at every request, and remember what they did."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from local_stack.simulation.bad_deals import BadDeals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hubspot_simulator.portal import Portal
    from local_stack.simulation.bad_deals import Bad

CROWDED_RATE = 0.05  # of changes
AT_ONCE_RATE = 0.5  # of restored deals
IMPORT_RATE, IMPORTED = 0.3, 45  # more than a page of search


class People:
    """The users of one portal.

    Attributes:
        recalculated: deals whose values changed without a trace in hs_lastmodifieddate.

    They restore no deal before it was read as archived, unless that takes until the archived list has been read: what a
    run can never see is not promised (docs/reliability.md).
    """

    def __init__(
        self,
        portal: Portal,
        chance: Random,
        *,
        rate: float,
        crowd: int,
        bad: Sequence[Bad] = (),
        associations: Sequence[str] = (),
    ) -> None:
        self.portal, self._chance, self._rate, self._crowd = portal, chance, rate, crowd
        self._bad = BadDeals(portal, Random(f"{portal.spec.seed}/bad"), bad)  # noqa: S311 - a scenario, not a secret
        self._associations = associations
        self._known = {*portal.store.ids(archived=False), *portal.store.ids(archived=True)}
        self.recalculated: set[int] = set()
        self.changes = 0
        self.are_at_work = True
        self._was_read: set[int] = set()  # archived, and read as that
        self._is_being_read: set[int] = set(portal.store.ids(archived=True))
        self._was_searched = True
        self._last_archived = 0

    def a_run_begins(self) -> None:
        """It reads the archived list to its end before it searches."""
        self._was_read = self._restorable()
        self._is_being_read = set(self.portal.store.ids(archived=True))
        self._was_searched = False

    def work_alone(self, changes: int) -> None:
        """While nothing runs; also an import, which takes ids in a row in one millisecond."""
        with self.portal.lock:
            self.edit_crowd(self._crowd or 3)
            for _ in range(changes):
                self._change_something()
            if self._chance.random() < IMPORT_RATE:
                self._import(IMPORTED)
            self._bad.write_each()

    def all_known(self) -> set[int]:
        """Every deal that the portal ever had."""
        with self.portal.lock:
            return {*self._known, *self._bad.created}

    def see_request(self, endpoint: str) -> None:
        """Just before an answer of ``endpoint``, a name of ``READING``."""
        self._was_searched = self._was_searched or endpoint == "search"
        if self.are_at_work and self._chance.random() < self._rate:
            with self.portal.lock:
                self._change_something()

    def edit_crowd(self, count: int) -> None:
        """As many deals in one millisecond, as workflows and imports change them."""
        live = self.portal.store.ids(archived=False)
        crowd = self._chance.sample(list(live), min(count, len(live)))
        if crowd:
            self.portal.edit_deals(crowd, {"dealname": f"Crowd {self.changes}"})
            self.changes += 1

    def _change_something(self) -> None:
        live = list(self.portal.store.ids(archived=False))
        archived = sorted(self._restorable())
        verbs: list[Callable[[], object]] = [self._create]
        if len(live) > 5:  # noqa: PLR2004 - enough to choose from
            verbs += [
                lambda: self.portal.edit_deals(self._chance.sample(live, 5), {"dealname": f"Edited {self.changes}"}),
                lambda: self.portal.edit_deal(self._chance.choice(live), {"dealstage": f"stage{self.changes}"}),
                lambda: self._archive(self._chance.choice(live)),
                lambda: self._merge(*self._chance.sample(live, 2)),
                lambda: self._purge(self._chance.choice(live)),
                lambda: self._recalculate(self._chance.choice(live)),
            ]
            verbs += [lambda: self._associate(self._chance.choice(live)) for _ in self._associations]
        if archived:
            verbs.append(lambda: self._restore(self._chosen_to_restore(archived)))
        verb = self._chance.choice(verbs)
        if self._crowd and self._chance.random() < CROWDED_RATE:
            self.edit_crowd(self._crowd)
        verb()
        self._bad.write_now_and_then()
        self.changes += 1

    def _create(self) -> None:
        self._known.add(self.portal.create_deal({"dealname": f"New {self.changes}", "amount": "10"}))

    def _import(self, count: int) -> None:
        first = max(self.all_known()) + 1
        for number in range(count):
            self._known.add(self.portal.create_deal({"dealname": f"Imported {number}"}, deal_id=first + number))
        self.changes += 1

    def _restorable(self) -> set[int]:
        read = self._was_read | self._is_being_read if self._was_searched else self._was_read
        return read.intersection(self.portal.store.ids(archived=True))

    def _archive(self, deal_id: int) -> None:
        self._last_archived = deal_id
        self.portal.archive_deal(deal_id)

    def _chosen_to_restore(self, archived: list[int]) -> int:
        """A mistake is often noticed at once."""
        is_at_once = self._last_archived in archived and self._chance.random() < AT_ONCE_RATE
        return self._last_archived if is_at_once else self._chance.choice(archived)

    def _restore(self, deal_id: int) -> None:
        for known in (self._was_read, self._is_being_read):
            known.discard(deal_id)
        self.portal.restore_deal(deal_id)

    def _merge(self, primary: int, other: int) -> None:
        self._bad.correct((primary, other))
        self._known.add(self.portal.merge_deals(primary, other))

    def _purge(self, deal_id: int) -> None:
        """Not one that others were merged into: who never read it since cannot know of them (docs/reliability.md)."""
        if deal_id not in self.portal.merged_deals().values():
            self.portal.purge_deal(deal_id)

    def _associate(self, deal_id: int) -> None:
        """With others than before, of which the deal itself shows nothing."""
        for kind in self._associations:
            found = self.portal.associations.associated(deal_id, kind)
            self.portal.associate_deal(deal_id, kind, (*found[1:], 10**10 + self.changes))

    def _recalculate(self, deal_id: int) -> None:
        self.recalculated.add(deal_id)
        self.portal.recalculate_deal(deal_id, {"hs_forecast_amount": str(self.changes)})
