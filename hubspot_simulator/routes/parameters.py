"""Query parameters and bodies, read as HubSpot reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubspot_simulator import errors
from hubspot_simulator.deal import ALWAYS_PROPERTIES, DEFAULT_PROPERTIES
from hubspot_simulator.store import ID_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubspot_simulator.encoding import Selection
    from hubspot_simulator.exchange import Answer, Caller, Request

SENSITIVE_SCOPES = {
    "non_sensitive": (),
    "sensitive": ("crm.objects.deals.sensitive.read", "crm.objects.deals.sensitive.read.v2"),
    "highly_sensitive": ("crm.objects.deals.highly_sensitive.read", "crm.objects.deals.highly_sensitive.read.v2"),
}


class RefusedError(Exception):
    """The request is answered with an error; `answer` is that answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Wanted:
    """What each record shall carry."""

    selection: Selection
    history: tuple[str, ...] = ()
    associations: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        return not (self.history or self.associations)


def integer(query: Mapping[str, str], name: str, default: int) -> int:
    """Raises RefusedError with HubSpot's Jackson-style message for anything but an integer of 64 bits."""
    text = query.get(name, "")
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        value = ID_MAX + 1
    if abs(value) > ID_MAX:
        raise RefusedError(errors.not_deserializable("long", text))
    return value


def boolean(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "false").lower()
    if text not in ("true", "false"):
        raise RefusedError(errors.not_deserializable("boolean", text))
    return text == "true"


def names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def json_object(request: Request) -> dict[str, object]:
    """The body as an object; raises RefusedError."""
    try:
        body = request.json
    except ValueError:
        raise RefusedError(errors.bad_json()) from None
    if not isinstance(body, dict):
        raise RefusedError(errors.not_deserializable("object", type(body).__name__))
    return body


def selection(caller: Caller, wanted: tuple[str, ...] | None) -> Selection:
    """The defined and permitted ones of the properties, and those that always come, by name.

    Unknown names are dropped without a word (reference §1.1).
    """
    known, key = caller.account.portal.selections, (wanted, caller.app.scopes)
    if key not in known:
        chosen = {*(wanted or DEFAULT_PROPERTIES), *ALWAYS_PROPERTIES}
        known[key] = tuple(sorted(name for name in chosen if _may_see(name, caller)))
    return known[key]


def _may_see(name: str, caller: Caller) -> bool:
    definition = caller.account.portal.definitions.get(name)
    if definition is None:
        return False
    scopes = SENSITIVE_SCOPES[definition.sensitivity]
    return not scopes or not caller.app.scopes.isdisjoint(scopes)
