"""All DAGs of one organizations file.

Nothing here may raise: Airflow marks every DAG of a file that raises as stale within seconds. Nothing contacts a
network or a database: a DAG file is parsed every half minute, and once more for each task that starts.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import DAG, get_parsing_context

from airflow_provider_hubspot_deals.dag_factory.maintenance_dag import (
    build_maintenance_dag,
    maintenance_dag_id,
)
from airflow_provider_hubspot_deals.dag_factory.organization_dag import build_dag
from airflow_provider_hubspot_deals.dag_factory.parts import Part
from airflow_provider_hubspot_deals.dag_factory.problem_dag import CONFIGURATION_DAG_ID, build_problem_dag
from airflow_provider_hubspot_deals.dag_factory.readable_copy import read_organizations
from airflow_provider_hubspot_deals.organizations import FILE_NAME, PATH_VARIABLE, stores_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_hubspot_deals.organizations import Organization, OrganizationsFile

    Builder = Callable[[], DAG]

log = logging.getLogger(__name__)


def build_dags(path: str | Path | None = None, *, part: int = 1, of: int = 1) -> dict[str, DAG]:
    """Return the DAGs of all enabled organizations and of the maintenance of their tables, by DAG id.

    In a starting task, only the DAG that it belongs to.

    An entry that cannot be used becomes a DAG that says why. When the file as a whole cannot be read, the
    organizations are those of the last readable copy, and one DAG more says what is wrong with the file.

    Beyond 500 organizations one DAG file takes longer than Airflow grants it; then several share them, with
    ``build_dags(part=1, of=3)`` in one, ``part=2`` in the next. An organization's part never changes while ``of`` does
    not. Without that, the first 500 have their DAGs, and the DAG of the configuration says what to do.

    Args:
        path: the organizations file; else the one that the environment variable ``HUBSPOT_DEALS_ORGANIZATIONS``
            names; else ``organizations.toml`` beside the DAG file that calls this.
        part: which share of the organizations this DAG file has, from 1 on.
        of: how many DAG files share them.

    Raises:
        ValueError: there is no such part.
    """
    shared = Part(part, of)
    if not shared.exists:
        raise ValueError(f"build_dags(part={part}, of={of}): part must be a number from 1 to {of}")
    source = Path(path or os.environ.get(PATH_VARIABLE) or _beside_the_caller())
    wanted = get_parsing_context().dag_id
    builders = _builders(source, shared)
    return {dag_id: build() for dag_id, build in builders.items() if wanted in (None, dag_id)}


def _builders(source: Path, part: Part) -> dict[str, Builder]:
    file, file_problem = read_organizations(source)
    # What belongs to the file as a whole has its DAGs once.
    builders = _builders_of_the_file(source, file, file_problem) if part.is_first else {}
    share = part.share(file.organizations if file else ())
    if share.left_out:
        dag_id = f"{_configuration_dag_id(source)}.part_{part.number}"  # no slug holds a dot
        builders[dag_id] = partial(build_problem_dag, dag_id, [f"{source}: {share.advice}"])
    for organization in share.built:
        builders[organization.dag_id] = partial(_build_safely, organization, source)
    return dict(sorted(builders.items()))


def _builders_of_the_file(source: Path, file: OrganizationsFile | None, file_problem: str | None) -> dict[str, Builder]:
    """What is wrong with it or with entries of it, and the maintenance of where its organizations are stored."""
    problems: dict[str, list[str]] = defaultdict(list)
    if file_problem:
        problems[_configuration_dag_id(source)].append(file_problem)
    for problem in file.problems if file else ():
        problems[problem.dag_id or _configuration_dag_id(source)].append(problem.message)
    builders: dict[str, Builder] = {
        dag_id: partial(build_problem_dag, dag_id, tuple(messages)) for dag_id, messages in problems.items()
    }
    for store in stores_of(file.organizations if file else ()):
        dag_id = maintenance_dag_id(store, _file_suffix(source))
        builders[dag_id] = partial(build_maintenance_dag, store, dag_id)
    return builders


def _build_safely(organization: Organization, source: Path) -> DAG:
    try:
        return build_dag(organization)
    except Exception as error:  # whatever is wrong with one organization must not hide the others
        log.warning("%s: the DAG of organization %s cannot be built", source, organization.slug, exc_info=True)
        return build_problem_dag(organization.dag_id, [f"{source}: organization {organization.slug!r}: {error}"])


def _configuration_dag_id(source: Path) -> str:
    """``hubspot_deals_configuration``, with the file's name behind it if there may be several files."""
    suffix = _file_suffix(source)
    return f"{CONFIGURATION_DAG_ID}_{suffix}" if suffix else CONFIGURATION_DAG_ID


def _file_suffix(source: Path) -> str:
    return "" if source.name == FILE_NAME else re.sub(r"\W+", "_", source.stem, flags=re.ASCII)


def _beside_the_caller() -> Path:
    dag_file = sys._getframe(2).f_code.co_filename  # noqa: SLF001 - as Airflow itself finds a DAG's file
    return Path(dag_file).with_name(FILE_NAME)
