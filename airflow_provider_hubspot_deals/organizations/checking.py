"""Every mistake of an organizations file at once, each with its line.

The loader stops at what keeps a file from being used, as it must; a person who mends a file wants to see the rest too.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_hubspot_deals.organizations.file import (
    OWN_TO_ONE_ENTRY,
    FileProblem,
    OrganizationsFile,
    Problem,
    organizations_of,
)
from airflow_provider_hubspot_deals.organizations.organization import STANDARD_TYPE, Organization
from airflow_provider_hubspot_deals.organizations.settings import SETTINGS, check_settings, organization_from
from airflow_provider_hubspot_deals.organizations.toml_lines import (
    Statement,
    joined,
    read_statements,
    without_conflicts,
)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Mistake:
    """One thing to mend."""

    line: int | None  # counted from 1; None when it is in no line
    organization: str  # its slug; empty where that is not known, or where it is nobody's
    setting: str  # empty when it is none
    what: str  # what is wrong and what would be right; never the value


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusableEntry:
    """What is right of an entry that cannot be used: it may be wrong in what only shows beyond the file."""

    organization: Organization  # with a default in place of each setting that is wrong, and a slug if it has none
    unknown: frozenset[str]  # settings whose value the entry does not tell
    lines: Mapping[str, int]  # by setting; an empty one is the entry itself

    def mistake(self, setting: str, what: str) -> Mistake:
        """A mistake that only shows beyond the file, at the line to look at."""
        slug = "" if "slug" in self.unknown else self.organization.slug
        return Mistake(
            line=self.lines.get(setting) or self.lines.get(""), organization=slug, setting=setting, what=what
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFile:
    """What can be used of a file, and what must be mended."""

    file: OrganizationsFile
    unusable: tuple[UnusableEntry, ...]
    mistakes: tuple[Mistake, ...]  # by line
    lines: Mapping[tuple[str, str, str], int]  # slug, type, setting; an empty one is the entry itself

    def mistake(self, organization: Organization, setting: str, what: str) -> Mistake:
        """A mistake that only shows beyond the file, at the line to look at."""
        where = organization.slug, organization.type
        line = self.lines.get((*where, setting)) or self.lines.get(("", "", setting)) or self.lines.get((*where, ""))
        return Mistake(line=line, organization=organization.slug, setting=setting, what=what)


def check_text(text: str, path: Path) -> CheckedFile:
    """Return all mistakes, and what can be used in spite of them; ``path`` is only named in messages."""
    statements, bad_lines = read_statements(text)
    kept, conflicts = without_conflicts(statements)
    document = tomllib.loads(joined(kept))
    file, file_problems = organizations_of(document, path)
    places = _Places(kept)
    mistakes = [Mistake(line=bad.line, organization="", setting="", what=bad.what) for bad in (*bad_lines, *conflicts)]
    mistakes += [_of_file(each, places) for each in file_problems]
    mistakes += [_of_entry(each, places) for each in file.problems]
    return CheckedFile(
        file=file,
        unusable=tuple(_unusable(document, file, places)),
        mistakes=tuple(sorted(mistakes, key=lambda each: each.line or 0)),
        lines=places.by_organization(document),
    )


def _unusable(document: Mapping[str, Any], file: OrganizationsFile, places: _Places) -> Iterator[UnusableEntry]:
    defaults, entries = _right(document.get("defaults")), document["organizations"] if file.problems else []
    usual = {key: value for key, value in defaults.items() if key not in OWN_TO_ONE_ENTRY}
    wrong_in = defaultdict[int, set[str]](set)
    for each in file.problems:
        if each.key:
            wrong_in[each.index].add(each.key)
    for index, wrong in sorted(wrong_in.items()):
        settings = {**usual, **_right(entries[index - 1])}
        yield UnusableEntry(
            organization=organization_from({"slug": f"entry-{index}", **settings}),
            unknown=frozenset(wrong | _undecided(wrong) - settings.keys()),
            lines={**places.of_entry(0, "defaults"), **places.of_entry(index, "organizations")},
        )


def _undecided(wrong: Collection[str]) -> set[str]:
    """Settings whose default may not be what is meant."""
    if any(key not in SETTINGS for key in wrong):  # a misspelt name
        return {"hubspot_conn_id", "postgres_conn_id", "schema"}
    return {"hubspot_conn_id"} if {"slug", "type"} & {*wrong} else set()  # made from the two


def _right(table: object) -> dict[str, Any]:
    return check_settings(table)[0] if isinstance(table, dict) else {}


def _of_file(problem: FileProblem, places: _Places) -> Mistake:
    line = places.line(problem.table, 0, problem.key or "")
    setting = f"[{problem.table}] {problem.key}" if problem.key else problem.table
    return Mistake(line=line, organization="", setting=setting, what=problem.what)


def _of_entry(problem: Problem, places: _Places) -> Mistake:
    return Mistake(
        line=places.line("organizations", problem.index, problem.key or ""),
        organization=problem.slug or "",
        setting=problem.key or "[[organizations]]",
        what=problem.what,
    )


class _Places:
    """In which line what stands, by table, entry of ``organizations`` (counted from 1, else 0) and setting."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        self._lines: dict[tuple[str, int, str], int] = {}
        self._lines_of_entry = defaultdict[tuple[str, int], dict[str, int]](dict)
        above: tuple[str, ...] = ()
        entry = 0
        for each in statements:
            if each.is_header:
                above = each.path
                entry += each.is_list and above == ("organizations",)
            path = above if each.is_header else above + each.path
            is_in_entry = above[:1] == ("organizations",)
            of_entry, setting = (path[0], entry if is_in_entry else 0), "".join(path[1:2])
            self._lines.setdefault((*of_entry, setting), each.line)
            self._lines_of_entry[of_entry].setdefault(setting, each.line)

    def line(self, table: str, entry: int, setting: str) -> int | None:
        """The line of a setting, else that of its entry, else that of its table."""
        places = ((table, entry, setting), (table, entry, ""), (table, 0, ""))
        return next((self._lines[place] for place in places if place in self._lines), None)

    def of_entry(self, entry: int, table: str) -> dict[str, int]:
        """By setting."""
        return self._lines_of_entry[table, entry]

    def by_organization(self, document: Mapping[str, Any]) -> dict[tuple[str, str, str], int]:
        """By slug, type and setting; defaults belong to an empty slug and type. Of two equal entries, the first."""
        owners = {0: ("", "")}
        entries = document.get("organizations")
        for index, entry in enumerate(entries if isinstance(entries, list) else [], start=1):
            if isinstance(entry, dict):
                owners[index] = (str(entry.get("slug")), str(entry.get("type", STANDARD_TYPE)))
        found: dict[tuple[str, str, str], int] = {}
        for (table, index, setting), line in self._lines.items():
            if index in owners and (index or table == "defaults"):
                found.setdefault((*owners[index], setting), line)
        return found
