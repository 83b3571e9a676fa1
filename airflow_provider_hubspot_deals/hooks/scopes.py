"""Which scopes of a HubSpot app each part of a run needs.

HubSpot's list: https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/scopes
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

USUAL_ASSOCIATIONS = ("contacts", "companies", "line_items")

_CUSTOM_OBJECT = re.compile(r"2-\d+|p\d*_\w+|p_\w+")
_ACTIVITIES = ("calls", "communications", "meetings", "notes", "postal_mail", "tasks")
_SCOPES_OF_OBJECTS = {
    **dict.fromkeys(_ACTIVITIES, ("crm.objects.contacts.read",)),
    "emails": ("sales-email-read",),
    "products": ("crm.objects.products.read", "e-commerce"),
    "tickets": ("crm.objects.tickets.read", "tickets"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that a run reads, and the scopes of which one is enough for it."""

    purpose: str
    any_of: tuple[str, ...]
    is_essential: bool = False  # without it there is nothing to load

    def is_met_by(self, granted: Collection[str]) -> bool:
        return any(scope in granted for scope in self.any_of)

    def __str__(self) -> str:
        return f"{self.any_of[0]} ({self.purpose})"


def needs(associations: Iterable[str] = USUAL_ASSOCIATIONS, *, has_exchange_rates: bool = False) -> list[Need]:
    """What an organization's settings ask for, the essential first.

    Args:
        associations: its object types; those that most organizations choose when not known.
        has_exchange_rates: the account has deals in several currencies.
    """
    found = [
        Need(purpose="deals", any_of=("crm.objects.deals.read",), is_essential=True),
        Need(
            purpose="properties, pipelines and stages",
            any_of=("crm.schemas.deals.read", "crm.objects.deals.read"),
            is_essential=True,
        ),
        Need(purpose="names of owners", any_of=("crm.objects.owners.read",)),
    ]
    found += [Need(purpose=f"associations with {each}", any_of=_scopes_of(each)) for each in associations]
    if has_exchange_rates:
        found.append(Need(purpose="exchange rates", any_of=("settings.currencies.read", "multi-currency-read")))
    return found


def _scopes_of(object_type: str) -> tuple[str, ...]:
    if _CUSTOM_OBJECT.fullmatch(object_type):
        return ("crm.objects.custom.read",)
    return _SCOPES_OF_OBJECTS.get(object_type, (f"crm.objects.{object_type}.read",))
