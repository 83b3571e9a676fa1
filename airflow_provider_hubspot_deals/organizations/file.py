"""Read the organizations file. One bad entry never hides the others."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.organizations.organization import STANDARD_TYPE, Organization, dag_id_of
from airflow_provider_hubspot_deals.organizations.settings import (
    Complaint,
    check_settings,
    did_you_mean,
    organization_from,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

PATH_VARIABLE = "HUBSPOT_DEALS_ORGANIZATIONS"  # environment variable with the path of the file
FILE_NAME = "organizations.toml"

_TABLES = ("defaults", "organizations")
OWN_TO_ONE_ENTRY = ("slug", "type", "id", "name", "portal_id", "hubspot_conn_id")
_RESERVED_DAG_IDS = (dag_id_of("configuration"), dag_id_of("maintenance"))  # DAGs of the package itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that keeps one entry of the file from being used."""

    index: int  # which [[organizations]] entry, counted from 1
    slug: str | None  # None when the entry has no usable one
    key: str | None  # the setting that is wrong; None when it is the entry as a whole
    what: str  # what would be right
    message: str  # file, entry, organization, key and what would be right
    dag_id: str | None  # the DAG this entry would have had; None when it can have none or another entry has it


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProblem:
    """One thing that keeps the file as a whole from being used."""

    table: str
    key: str | None  # None when it is the table as a whole
    what: str  # what would be right

    def __str__(self) -> str:
        return f"[{self.table}], {self.key} {self.what}" if self.key else f"{self.table!r} {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationsFile:
    """What the file says, in an order that does not depend on the order of its entries."""

    path: Path
    organizations: tuple[Organization, ...]  # by slug and type
    problems: tuple[Problem, ...]  # by entry


def load_organizations(path: str | Path) -> OrganizationsFile:
    """Read and check the organizations file; a bad entry becomes a problem beside the good organizations.

    Raises:
        ConfigurationError: the file as a whole cannot be used: it is not there, not TOML (the message names the
            line), lists no organization, or has a mistake in ``[defaults]``, which would be every organization's.
    """
    path = Path(path)
    return parse_organizations(read_text(path), path)


def parse_organizations(text: str, path: Path) -> OrganizationsFile:
    """As :func:`load_organizations`, from text that was read before; ``path`` is only named in messages."""
    file, problems = organizations_of(_document(text, path), path)
    if problems:
        raise ConfigurationError(f"{path}: " + "; ".join(map(str, problems)))
    return file


def organizations_of(document: Mapping[str, Any], path: Path) -> tuple[OrganizationsFile, list[FileProblem]]:
    """What a parsed file says, and what keeps it from being used as a whole: nothing, in a good one."""
    defaults, file_problems = _checked_defaults(document.get("defaults", {}))
    entries = document.get("organizations")
    if not isinstance(entries, list) or not entries:
        missing = "lists no organization; add [[organizations]] with a slug below it"
        file_problems.append(FileProblem(table="organizations", key=None, what=missing))
    claims = _Claims()
    problems: list[Problem] = []
    for index, entry in enumerate(entries if isinstance(entries, list) else [], start=1):
        problems += _add_entry(index, entry, defaults, claims, path)
    file = OrganizationsFile(
        path=path,
        organizations=tuple(sorted(claims.by_dag_id.values(), key=lambda each: (each.slug, each.type))),
        problems=tuple(replace(each, dag_id=None) if each.dag_id in claims.by_dag_id else each for each in problems),
    )
    return file, [*_unknown_tables(document), *file_problems]


def read_text(path: Path) -> str:
    """The file's content.

    Raises:
        ConfigurationError: it is not there, not readable or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}: line {line} is not UTF-8; save the file as UTF-8") from error


def _document(text: str, path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # Of an error at the very end tomllib names no line.
        end = f"at line {text.count(chr(10)) + 1}, the end of the file"
        raise ConfigurationError(f"{path}: is not valid TOML: {error}".replace("at end of document", end)) from error
    return document


def _unknown_tables(document: Mapping[str, Any]) -> list[FileProblem]:
    return [
        FileProblem(table=name, key=None, what=f"is not a table of this file{did_you_mean(name, _TABLES)}")
        for name in document
        if name not in _TABLES
    ]


def _checked_defaults(table: object) -> tuple[dict[str, Any], list[FileProblem]]:
    if not isinstance(table, dict):
        return {}, [FileProblem(table="defaults", key=None, what="must be a table: [defaults]")]
    settings, complaints = check_settings(table)
    misplaced = [key for key in OWN_TO_ONE_ENTRY if key in table]
    complaints += [(key, "cannot be a default, it belongs to one entry") for key in misplaced]
    usable = {key: value for key, value in settings.items() if key not in misplaced}
    return usable, [FileProblem(table="defaults", key=key, what=why) for key, why in complaints]


@dataclass(slots=True)
class _Claims:
    """What the entries so far have taken. Of two that claim the same, the earlier one keeps it."""

    by_dag_id: dict[str, Organization] = field(default_factory=dict)
    by_slug: dict[str, Organization] = field(default_factory=dict)
    by_id: dict[UUID, Organization] = field(default_factory=dict)

    def add(self, organization: Organization) -> None:
        self.by_dag_id[organization.dag_id] = organization
        self.by_slug.setdefault(organization.slug, organization)
        self.by_id.setdefault(organization.id, organization)

    def complaints_about(self, newcomer: Organization) -> list[Complaint]:
        if newcomer.dag_id in _RESERVED_DAG_IDS:
            return [("slug", f"makes the DAG id {newcomer.dag_id!r}, which the package uses itself; choose another")]
        if earlier := self.by_dag_id.get(newcomer.dag_id):
            taken_by = f"slug {earlier.slug!r} and type {earlier.type!r}"
            return [("slug", f"and type make the DAG id {newcomer.dag_id!r}, which an entry above has ({taken_by})")]
        if (sibling := self.by_slug.get(newcomer.slug)) and sibling.id != newcomer.id:
            return [("id", f"must be the same in every entry of one organization; an entry above has {sibling.id}")]
        if (other := self.by_id.get(newcomer.id)) and other.slug != newcomer.slug:
            return [("id", f"is the one of organization {other.slug!r}; two organizations never share an id")]
        return []


def _add_entry(index: int, entry: object, defaults: Mapping[str, Any], claims: _Claims, path: Path) -> list[Problem]:
    if not isinstance(entry, dict):
        return _problems([("", "must be a table: [[organizations]] with a slug below it")], index, {}, path)
    settings, complaints = check_settings(entry)
    if "slug" not in entry:
        complaints.append(("slug", "is missing"))
    if not complaints:
        organization = organization_from({**defaults, **settings})
        complaints = claims.complaints_about(organization)
    if not complaints:
        claims.add(organization)
    has_identity = "slug" in settings and ("type" in settings or "type" not in entry)
    return _problems(complaints, index, settings if has_identity else {}, path)


def _problems(complaints: list[Complaint], index: int, settings: Mapping[str, Any], path: Path) -> list[Problem]:
    slug: str | None = settings.get("slug")
    dag_id = dag_id_of(slug, settings.get("type", STANDARD_TYPE)) if slug else None
    where = f"{path}: [[organizations]] entry {index}" + (f" ({slug})" if slug else "")
    return [
        Problem(
            index=index,
            slug=slug,
            key=key or None,
            what=why,
            message=f"{where}, {key} {why}" if key else f"{where} {why}",
            dag_id=None if dag_id in _RESERVED_DAG_IDS else dag_id,
        )
        for key, why in complaints
    ]
