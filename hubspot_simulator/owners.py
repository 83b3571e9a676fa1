"""The portal's owners, some of them archived; deals keep pointing at archived ones."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from hubspot_simulator.clock import iso_from_ms
from hubspot_simulator.vocabulary import FIRST_NAMES, LAST_NAMES

_FIRST_OWNER_ID = 88_842_095
_CREATED_MS = 1_641_200_000_345
_ACTIVE, _ARCHIVED = 9, 3


@dataclass(frozen=True, slots=True)
class Owner:
    owner_id: int
    first_name: str
    last_name: str
    user_id: int
    archived: bool

    @property
    def email(self) -> str:
        return f"{self.first_name}.{self.last_name}@example.com".lower()

    def as_json(self) -> dict[str, Any]:
        """An archived owner has no ``userId`` any more, only ``userIdIncludingInactive`` (reference §1.6)."""
        teams = [{"id": "4820", "name": "Sales", "primary": True}] if self.owner_id % 2 else []
        return {
            "id": str(self.owner_id),
            "email": self.email,
            "type": "PERSON",
            "firstName": self.first_name,
            "lastName": self.last_name,
            **({} if self.archived else {"userId": self.user_id}),
            "userIdIncludingInactive": self.user_id,
            "createdAt": iso_from_ms(_CREATED_MS + self.owner_id % 1000),
            "updatedAt": iso_from_ms(_CREATED_MS + self.owner_id % 1000 + 86_400_000),
            "archived": self.archived,
            **({"teams": teams} if teams else {}),
        }


def make_owners(seed: str) -> tuple[Owner, ...]:
    """Owners by ascending id."""
    random = Random(f"{seed}/owners")
    first_names = random.sample(FIRST_NAMES, _ACTIVE + _ARCHIVED)
    last_names = random.sample(LAST_NAMES, _ACTIVE + _ARCHIVED)
    owners, owner_id = [], _FIRST_OWNER_ID
    for number, names in enumerate(zip(first_names, last_names, strict=True)):
        owner_id += random.randint(1, 90_000)
        archived = number % 4 == 3  # noqa: PLR2004 - every fourth has left
        owners.append(Owner(owner_id, *names, user_id=5_000_000 + number * 37, archived=archived))
    return tuple(owners)
