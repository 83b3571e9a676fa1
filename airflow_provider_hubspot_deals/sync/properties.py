"""Which properties a run reads: all that the portal defines, or those that were chosen by name or pattern."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from airflow_provider_hubspot_deals.deals.columns import REQUIRED_PROPERTIES
from airflow_provider_hubspot_deals.exceptions import BadResponseError

STANDARD_PROPERTIES = frozenset({"dealname", "hs_lastmodifieddate"})  # every portal has them

Definition = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a list of names and patterns means in a portal."""

    names: tuple[str, ...]  # sorted
    unmatched: tuple[str, ...]  # entries that no property of the portal answers to


def defined_names(definitions: Iterable[Definition]) -> set[str]:
    """Names of the defined properties that HubSpot can be asked for.

    Raises:
        BadResponseError: the definitions lack what every portal has; believed, they would thin every row.
    """
    names = {name for each in definitions if isinstance(name := each.get("name"), str) and name}
    if not names >= STANDARD_PROPERTIES:
        raise BadResponseError("HubSpot's list of deal properties lacks its own standard properties.")
    return {name for name in names if _can_be_sent(name)}


def custom_properties(definitions: Iterable[Definition]) -> list[str]:
    """Names of the properties that the portal defined itself."""
    custom = (each.get("name") for each in definitions if not each.get("hubspotDefined"))
    return [name for name in custom if isinstance(name, str)]


def properties_to_read(asked: Sequence[str] | None, defined: Collection[str], added: Sequence[str] = ()) -> Choice:
    """The chosen properties, those that one run adds to them, and those that we always need.

    Each list is understood alone, so that ``added`` excludes nothing that ``asked`` chose: a run that read less than
    others would take values away from the rows that it writes.
    """
    own = Choice(names=tuple(defined), unmatched=()) if asked is None else chosen(asked, defined)
    more = chosen(added, defined)
    return Choice(
        names=tuple(sorted({*own.names, *more.names, *REQUIRED_PROPERTIES})),
        unmatched=tuple(dict.fromkeys((*own.unmatched, *more.unmatched))),
    )


def misspelt(added: Sequence[str], defined: Collection[str]) -> list[str]:
    """Names and patterns among ``added`` that choose nothing in the portal."""
    known = {*defined, *REQUIRED_PROPERTIES}
    return [entry for entry in added if not entry.startswith("!") and not _matching(entry, known)]


def chosen(asked: Sequence[str], defined: Collection[str]) -> Choice:
    """The defined properties that ``asked`` means.

    An entry is a name, a pattern (``*`` any characters, ``?`` one), or either after ``!``, which takes away what the
    others chose. With nothing but exclusions, all others are chosen.
    """
    wanted = [entry for entry in asked if not entry.startswith("!")]
    excluded = [entry[1:] for entry in asked if entry.startswith("!")]
    found = {entry: _matching(entry, defined) for entry in wanted}
    kept = set(defined) if excluded and not wanted else {name for names in found.values() for name in names}
    for entry in excluded:
        kept -= _matching(entry, defined)
    return Choice(names=tuple(sorted(kept)), unmatched=tuple(entry for entry, names in found.items() if not names))


def _is_pattern(entry: str) -> bool:
    return "*" in entry or "?" in entry


def _matching(entry: str, defined: Collection[str]) -> set[str]:
    if not _is_pattern(entry):
        return {entry} & set(defined)
    pattern = entry.replace("[", "[[]")  # no sets of characters
    return {name for name in defined if fnmatchcase(name, pattern)}


def _can_be_sent(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # half a surrogate pair: no request can carry it
        return False
    return True
