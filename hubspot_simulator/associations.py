"""Which contacts, companies, line items, quotes and tickets a deal has: derived from its id, or set by a test."""

from __future__ import annotations

from dataclasses import dataclass

_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class AssociationKind:
    """Type ids as HubSpot documents them for deal → x (reference §1.4)."""

    singular: str
    object_type_id: str
    type_id: int
    primary_type_id: int | None
    count_max: int
    scope: str  # that a token needs to read them


@dataclass(frozen=True, slots=True)
class Label:
    """A label that the portal's people or an app defined."""

    type_id: int
    text: str
    category: str = "USER_DEFINED"


KINDS = {
    "contacts": AssociationKind("contact", "0-1", 3, None, 3, "crm.objects.contacts.read"),
    "companies": AssociationKind("company", "0-2", 341, 5, 2, "crm.objects.companies.read"),
    "line_items": AssociationKind("line_item", "0-8", 19, None, 4, "crm.objects.line_items.read"),
    "quotes": AssociationKind("quote", "0-14", 63, None, 1, "crm.objects.quotes.read"),
    "tickets": AssociationKind("ticket", "0-5", 27, None, 1, "tickets"),
}
_ALIASES = {
    alias: plural
    for plural, kind in KINDS.items()
    for alias in (plural, kind.singular, kind.object_type_id, plural.replace("_", " "))
}


def kind_name(object_type: str) -> str | None:
    """``contacts`` for any spelling of it, None for a type this simulator does not know."""
    return _ALIASES.get(object_type.lower())


def _mix(number: int) -> int:
    """SplitMix64: a cheap, well spread, reproducible number."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


class AssociationBook:
    """Associations of one portal's deals."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._set: dict[tuple[int, str], tuple[int, ...]] = {}
        self._labels: dict[tuple[int, str, int], tuple[Label, ...]] = {}

    def associated(self, deal_id: int, kind: str) -> tuple[int, ...]:
        """Ids of the deal's associated objects; for companies the first one is the primary."""
        if self._set and (deal_id, kind) in self._set:
            return self._set[deal_id, kind]
        number = self._number(deal_id, kind)
        count = number % (KINDS[kind].count_max + 1)
        return tuple(20_000_000_000 + _mix(number + i) % 500_000_000 for i in range(count))

    def count(self, deal_id: int, kind: str) -> int:
        if self._set and (deal_id, kind) in self._set:
            return len(self._set[deal_id, kind])
        return self._number(deal_id, kind) % (KINDS[kind].count_max + 1)

    def _number(self, deal_id: int, kind: str) -> int:
        return _mix(deal_id * 31 + self._seed + KINDS[kind].type_id)

    def associate(self, deal_id: int, kind: str, object_ids: tuple[int, ...]) -> None:
        self._set[deal_id, kind] = object_ids

    def label(self, deal_id: int, kind: str, object_id: int, labels: tuple[Label, ...]) -> None:
        self._labels[deal_id, kind, object_id] = labels

    def labels(self, deal_id: int, kind: str, object_id: int) -> tuple[Label, ...]:
        return self._labels.get((deal_id, kind, object_id), ())

    def union(self, deal_ids: tuple[int, ...], kind: str) -> tuple[int, ...]:
        """What a merge of ``deal_ids`` is associated with."""
        return tuple(dict.fromkeys(each for deal_id in deal_ids for each in self.associated(deal_id, kind)))
