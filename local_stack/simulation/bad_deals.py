"""What people write that no row or no column takes: how, and by what it is known again in HubSpot's own state."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from hubspot_simulator.clock import ms_from_iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from hubspot_simulator.portal import Portal

VERSION = "hs_lastmodifieddate"
UNWANTED = "Unwanted"  # as a deal's name: a rule of the database's owner refuses it
HOUSE_RULE = "ALTER TABLE hubspot.hubspot_deals ADD CONSTRAINT house_rule CHECK (dealname !~ '^Unwanted')"
VALUES = (
    *(("amount", "NaN"), ("amount", "1,000.00"), ("amount", "-5.00"), ("amount", "1e30")),
    *(("closedate", "infinity"), ("closedate", "10000-01-01"), ("closedate", "0000-12-31T23:59:60Z")),
    *(("hs_forecast_probability", "-Infinity"), ("num_associated_contacts", "1e400")),
)
RATE = 0.1  # of changes
# At the same time, so that no batch holds enough of them to be taken for a broken portal.
BAD_MAX, UNWANTED_MAX = 6, 2


class Bad(StrEnum):
    """The reasons of quarantine that a scenario plans; and values that are an issue."""

    VERSION = "BAD_VERSION"  # hs_lastmodifieddate is no time
    UNWANTED = "REFUSED_BY_DATABASE"
    KEY = "BAD_ID"  # a record of the list has no id: a fault of HubSpot's, not written by anybody
    VALUE = "VALUE_ISSUE"  # a row, with NULL in that column


def reason_of(values: Mapping[str, str]) -> str | None:
    """Why no row can be made of a deal with these values, as the copy should call it."""
    if not _is_time(values[VERSION]):
        return Bad.VERSION
    return Bad.UNWANTED if values.get("dealname", "").startswith(UNWANTED) else None


class BadDeals:
    """Writes them in one portal, and corrects them.

    Attributes:
        number: how many were written.
        created: deals that did not exist before.
    """

    def __init__(self, portal: Portal, chance: Random, kinds: Sequence[Bad]) -> None:
        self._portal, self._chance = portal, chance
        self._kinds = [kind for kind in kinds if kind != Bad.KEY]
        self._written: list[int] = []
        self.number = 0
        self.created: set[int] = set()

    def write_now_and_then(self) -> None:
        """Beside another change."""
        if self._kinds and self._chance.random() < RATE:
            self._write(self._chance.choice(self._kinds))

    def write_each(self) -> None:
        """One of each kind: a run begins with them."""
        for kind in self._kinds:
            self._write(kind)

    def correct(self, deal_ids: Sequence[int]) -> None:
        """Those of the live deals that are bad become good ones."""
        for deal_id in deal_ids:
            if self._reason(deal_id):
                self._portal.edit_deal(deal_id, {"dealname": f"Corrected {self.number}"})

    def _write(self, kind: Bad) -> None:
        # A survivor that was never read as a good deal tells nobody what was merged into it.
        live = sorted({*self._portal.store.ids(archived=False)} - {*self._portal.merged_deals().values()})
        if not live:
            return
        self.number += 1
        if kind == Bad.VALUE:
            name, value = self._chance.choice(VALUES)
            self._portal.edit_deal(self._chance.choice(live), {name: value})
            return
        bad = [each for each in self._written if self._reason(each)]
        if len(bad) >= BAD_MAX or sum(self._reason(each) == Bad.UNWANTED for each in bad) >= UNWANTED_MAX:
            self.correct([each for each in bad if each in live][:1])
            return
        chosen = self._new() if self._chance.random() < 0.3 else self._chance.choice(live)  # noqa: PLR2004 - of them
        self._spoil(chosen, kind)
        self._written = [*(each for each in bad if each != chosen), chosen]

    def _new(self) -> int:
        deal_id = self._portal.create_deal({"dealname": "Not yet bad"})
        self.created.add(deal_id)
        return deal_id

    def _spoil(self, deal_id: int, kind: Bad) -> None:
        name = f"{UNWANTED} {self.number}" if kind == Bad.UNWANTED else f"Spoiled {self.number}"
        self._portal.edit_deal(deal_id, {"dealname": name})
        if kind == Bad.VERSION:
            self._portal.recalculate_deal(deal_id, {VERSION: f"soon {self.number}"})

    def _reason(self, deal_id: int) -> str | None:
        deal = self._portal.store.get(deal_id)
        return reason_of(deal.values) if deal else None


@lru_cache(maxsize=8192)  # the same few hundred deals behind each batch
def _is_time(text: str) -> bool:
    try:
        ms_from_iso(text)
    except ValueError:
        return False
    return True
