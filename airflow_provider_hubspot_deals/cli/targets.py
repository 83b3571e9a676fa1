"""The organizations file, and what the command line names in it."""

from __future__ import annotations

import os
import shlex
from argparse import Namespace
from difflib import get_close_matches
from pathlib import Path

from airflow_provider_hubspot_deals.cli.exit_codes import WrongCallError
from airflow_provider_hubspot_deals.cli.printing import complain
from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.organizations import (
    FILE_NAME,
    PATH_VARIABLE,
    Organization,
    OrganizationsFile,
    Store,
    check_settings,
    load_organizations,
    stores_of,
)
from airflow_provider_hubspot_deals.organizations.organization import STANDARD_TYPE

_SHOWN_MAX = 10


def organizations_path(arguments: Namespace) -> Path:
    """The organizations file that was named, else the one that the DAGs are made from.

    Raises:
        ConfigurationError: none was named, and there is none among the DAGs.
    """
    given = arguments.file or os.environ.get(PATH_VARIABLE)
    if given:
        return Path(given)
    from airflow.configuration import conf

    path = Path(conf.get_mandatory_value("core", "dags_folder")) / FILE_NAME
    if not path.exists():
        raise ConfigurationError(
            f"There is no file {path}; name the organizations file with --file or {PATH_VARIABLE}."
        )
    return path


def organizations_file(arguments: Namespace) -> OrganizationsFile:
    """What the organizations file says; entries that cannot be used are counted aloud.

    Raises:
        ConfigurationError: it cannot be used as a whole.
    """
    path = organizations_path(arguments)
    file = load_organizations(path)
    if file.problems:
        entries = len({each.index for each in file.problems})
        check = shlex.join(
            ["airflow", "hubspot-deals", "check", *(["--file", arguments.file] if arguments.file else [])]
        )
        complain(f"{path}: {entries} of its entries cannot be used; `{check}` says why.")
    return file


def organization_named(arguments: Namespace) -> Organization:
    """The organization that the command line names.

    Raises:
        ConfigurationError: the file has none of this name, or several types of it and none was chosen.
    """
    file = organizations_file(arguments)
    namesakes = {each.type: each for each in file.organizations if each.slug == arguments.organization}
    if not namesakes:
        slugs = sorted({each.slug for each in file.organizations})
        raise ConfigurationError(
            f"{file.path} has no organization of this name{nearest(arguments.organization, slugs)}."
        )
    if arguments.type is None:
        return next(iter(namesakes.values())) if len(namesakes) == 1 else _standard(namesakes)
    if arguments.type not in namesakes:
        raise ConfigurationError(
            f"Organization {arguments.organization!r} has no portal of this type; it has {', '.join(namesakes)}."
        )
    return namesakes[arguments.type]


def stores(arguments: Namespace) -> list[Store]:
    """Where to look: the connection and schema that were named, else all that the organizations file names.

    Raises:
        WrongCallError: what was named cannot be one.
        ConfigurationError: the file cannot be used.
    """
    named = {name: getattr(arguments, name) for name in ("postgres_conn_id", "schema")}
    settings, complaints = check_settings({name: value for name, value in named.items() if value is not None})
    if complaints:
        what = "; ".join(f"--{name.replace('_', '-')} {why}" for name, why in complaints)
        raise WrongCallError(f"{what}.")
    return [Store(**settings)] if settings else stores_of(organizations_file(arguments).organizations)


def _standard(namesakes: dict[str, Organization]) -> Organization:
    if STANDARD_TYPE not in namesakes:
        raise ConfigurationError(
            f"There are several portals of this name; choose one with --type: {', '.join(namesakes)}."
        )
    return namesakes[STANDARD_TYPE]


def nearest(name: str, known: list[str]) -> str:
    """``; did you mean acme``, or what there is. The name itself is not repeated: it may be a token."""
    if close := get_close_matches(name, known, n=3, cutoff=0.5):
        return f"; did you mean {' or '.join(close)}"
    more = f" and {len(known) - _SHOWN_MAX} more" if len(known) > _SHOWN_MAX else ""
    return f"; it has {', '.join(known[:_SHOWN_MAX])}{more}" if known else ""
