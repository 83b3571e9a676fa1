"""The folder of the DAG files, and which organizations none of them builds a DAG for."""

from __future__ import annotations

import ast
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.organizations import Organization

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.dag_factory.parts import Share

_FUNCTION = "build_dags"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Enabled organizations that have no DAG.

    Attributes:
        organizations: at least one.
        what: why, and what to do about it.
    """

    organizations: Sequence[Organization]
    what: str


def dag_folder(arguments: Namespace, *, may_be_missing: bool = False) -> Path:
    """The folder that was named, else Airflow's.

    Args:
        may_be_missing: if it is Airflow's; one that was named must be there.

    Raises:
        ConfigurationError: there is none.
    """
    if arguments.folder:
        folder = Path(arguments.folder)
    else:
        from airflow.configuration import conf

        folder = Path(conf.get_mandatory_value("core", "dags_folder"))
    if not folder.is_dir() and not (may_be_missing and not arguments.folder):
        raise ConfigurationError(f"There is no folder {folder}; name that of the DAG files with --folder.")
    return folder


def gaps_in(folder: Path, path: Path, organizations: Sequence[Organization]) -> list[Gap]:
    """What the DAG files in the folder leave out; nothing is imported.

    Without any that reads the organizations file, it is as if there were one that builds all it can.

    Args:
        path: the organizations file.
    """
    from airflow_provider_hubspot_deals.dag_factory.parts import files_for

    shares = _shares(folder, path, organizations)
    if shares is None:
        return []
    gaps = [Gap(organizations=share.left_out, what=f"{_capital(share.advice)}.") for share in shares if share.left_out]
    seen = {each.dag_id for share in shares for each in (*share.built, *share.left_out)}
    enabled = [each for each in organizations if each.enabled]
    if unseen := [each for each in enabled if each.dag_id not in seen]:
        files = max(files_for(len(enabled)), *(share.part.of for share in shares), 1)
        gaps.append(Gap(organizations=unseen, what=_in_no_part(folder, unseen, files)))
    return gaps


def warnings_in(folder: Path, path: Path, organizations: Sequence[Organization]) -> list[str]:
    """Of each DAG file that is all but full, what to do; as ``gaps_in`` reads them."""
    return [share.warning for share in _shares(folder, path, organizations) or () if share.warning]


def _shares(folder: Path, path: Path, organizations: Sequence[Organization]) -> list[Share] | None:
    """What each DAG file builds; None where one reckons its part: who knows which."""
    from airflow_provider_hubspot_deals.dag_factory.parts import Part

    parts = [_numbers(call) for call in _calls(folder, path)] or [(1, 1)]
    if None in parts:
        return None
    known = dict.fromkeys(Part(*each) for each in parts if each)
    return [part.share(organizations) for part in known if part.exists]


def _in_no_part(folder: Path, unseen: Sequence[Organization], files: int) -> str:
    others = f" and {len(unseen) - 1:,} more" if len(unseen) > 1 else ""
    return (
        f"{unseen[0].slug!r}{others} have no DAG: of the parts that share the organizations, theirs is in no DAG file "
        f"in {folder}. `airflow hubspot-deals dag-files {files}` writes all of them."
    )


def _calls(folder: Path, path: Path) -> Iterator[ast.Call]:
    """Each ``build_dags(…)`` in the folder, but for those that name another organizations file."""
    for dag_file in sorted(folder.rglob("*.py")):
        try:
            text = dag_file.read_bytes()
            module = ast.parse(text if _FUNCTION.encode() in text else "")
        except (OSError, SyntaxError, ValueError):  # Airflow says so itself
            continue
        called = (node for node in ast.walk(module) if isinstance(node, ast.Call))
        yield from (call for call in called if _is_ours(call) and _may_read(call, path))


def _is_ours(call: ast.Call) -> bool:
    """Under its own name; ``airflow hubspot-deals dag-files`` and the documents use no other."""
    return (call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", None)) == _FUNCTION


def _may_read(call: ast.Call, path: Path) -> bool:
    named = next(iter([*call.args, *(each.value for each in call.keywords if each.arg == "path")]), None)
    if not (isinstance(named, ast.Constant) and isinstance(named.value, str)):
        return True  # none is named, or one that only its running tells
    given = Path(named.value)
    return given.resolve() == path.resolve() if given.is_absolute() else given.name == path.name


def _numbers(call: ast.Call) -> tuple[int, int] | None:
    """``part`` and ``of``; None where they are not written out."""
    given = {"part": 1, "of": 1}
    for each in call.keywords:
        if each.arg == "path":
            continue
        if each.arg not in given or not isinstance(each.value, ast.Constant) or not isinstance(each.value.value, int):
            return None
        given[each.arg] = each.value.value
    return given["part"], given["of"]


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
