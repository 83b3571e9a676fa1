"""A portal's deals from a seed: ids and times at once, everything else when somebody asks for it.

Twenty-four bytes a deal stay in memory; the values are made in blocks and kept for the blocks last used,
so that a portal of a million deals starts in seconds.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING

from hubspot_simulator.calculated import calculated_values, without_calculated
from hubspot_simulator.clock import DAY_MS, iso_day, iso_from_ms, ms_from_iso
from hubspot_simulator.deal import Deal
from hubspot_simulator.oddities import apply_oddity
from hubspot_simulator.profiles import POOL_SIZE, profiles_of

if TYPE_CHECKING:
    from hubspot_simulator.associations import AssociationBook
    from hubspot_simulator.specification import PortalSpec

FIRST_ID, ID_SPAN = 98_500_000_000, 4_000_000_000  # crosses from 11 to 12 digits on the way
FIRST_MS, LAST_MS = ms_from_iso("2022-01-03"), ms_from_iso("2026-10-31")
BULK_EDIT_MS = ms_from_iso("2026-06-30T21:00:00")  # a workflow touched many deals within one millisecond
BULK_EDIT_SHARE = 0.015
FAR_OFF_SHARE = 0.05  # ids are handed out in blocks: these deals are weeks away from their neighbours
BLOCK_SIZE, BLOCKS_KEPT = 128, 128
_POOL_BITS = POOL_SIZE.bit_length() - 1


class DealGenerator:
    """Version 0 of every deal of a portal, by position in ascending id order."""

    def __init__(self, spec: PortalSpec, associations: AssociationBook) -> None:
        self._spec = spec
        self._associations = associations
        self._seed = f"{spec.portal_id}/{spec.seed}"
        self._profiles = profiles_of(self._seed, (spec.currency, *spec.additional_currencies))
        self.owners = self._profiles.owners
        count = spec.deals + spec.archived_deals
        random = Random(self._seed)
        self.ids = _sparse_ids(random, count)
        self.created_ms = _creation_times(random, count)
        self.modified_ms = _modification_times(random, self.created_ms)
        self.archived_ms = {
            position: min(LAST_MS, self.modified_ms[position] + random.randint(1, 20) * DAY_MS)
            for position in sorted(random.sample(range(count), spec.archived_deals))
        }
        self._block = lru_cache(maxsize=BLOCKS_KEPT)(self._make_block)

    def position(self, deal_id: int) -> int | None:
        position = bisect_left(self.ids, deal_id)
        return position if position < len(self.ids) and self.ids[position] == deal_id else None

    def deal(self, position: int) -> Deal:
        number, offset = divmod(position, BLOCK_SIZE)
        return self._block(number)[offset]

    def _make_block(self, number: int) -> list[Deal]:
        random = Random(f"{self._seed}/{number}")
        first = number * BLOCK_SIZE
        return [self._make(position, random) for position in range(first, min(first + BLOCK_SIZE, len(self.ids)))]

    def _make(self, position: int, random: Random) -> Deal:
        deal_id, created_ms = self.ids[position], self.created_ms[position]
        values = self._combined(random, created_ms)
        values["hs_object_id"] = str(deal_id)
        values["hs_lastmodifieddate"] = iso_from_ms(self.modified_ms[position])
        values["num_associated_contacts"] = str(self._associations.count(deal_id, "contacts"))
        if random.random() < self._spec.oddity_rate:
            apply_oddity(values, random, unstorable_text=self._spec.unstorable_text)
            values = {**without_calculated(values), **calculated_values(values, created_ms)}
        return Deal(deal_id, values, created_ms, self.modified_ms[position], self.archived_ms.get(position))

    def _combined(self, random: Random, created_ms: int) -> dict[str, str]:
        bits, profiles = random.getrandbits, self._profiles
        contract = profiles.contracts[bits(_POOL_BITS)]
        values = {**profiles.companies[bits(_POOL_BITS)], **profiles.money[bits(_POOL_BITS)], **contract}
        created = iso_from_ms(created_ms)
        first_day, time_of_day = created_ms // DAY_MS, created[10:]
        days_open, days_to_start = bits(8), bits(8)
        values["createdate"] = created
        values["hs_open_deal_create_date"] = str(created_ms)
        values["closedate"] = iso_day(first_day + days_open) + time_of_day
        values["days_to_close"] = str(days_open)
        values[f"hs_v2_date_entered_{values['dealstage']}"] = iso_day(first_day + days_open // 2) + time_of_day
        if contract["contract_signed"] == "true":
            values["contract_start_date"] = iso_day(first_day + days_to_start)
            values["renewal_at"] = iso_day(first_day + days_to_start + 365) + time_of_day
        return values


def _sparse_ids(random: Random, count: int) -> array[int]:
    gap = 2 * ID_SPAN / max(count, 200)
    return array("q", accumulate((int(random.random() * gap) + 1 for _ in range(count)), initial=FIRST_ID))[1:]


def _creation_times(random: Random, count: int) -> array[int]:
    step = (LAST_MS - FIRST_MS - 40 * DAY_MS) / max(count, 1)
    uniform = random.random
    times = array("q")
    for position in range(count):
        jitter = 40 * DAY_MS if uniform() < FAR_OFF_SHARE else DAY_MS // 4
        times.append(FIRST_MS + int(step * position + jitter * uniform()))
    return times


def _modification_times(random: Random, created_ms: array[int]) -> array[int]:
    uniform = random.random
    times = array("q")
    for created in created_ms:
        in_bulk = uniform() < BULK_EDIT_SHARE and created < BULK_EDIT_MS
        times.append(BULK_EDIT_MS if in_bulk else created + int((LAST_MS - created) * uniform() ** 3))
    return times
