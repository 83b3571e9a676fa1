"""``airflow hubspot-deals dag-files``."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from airflow_provider_hubspot_deals.cli.calling import command
from airflow_provider_hubspot_deals.cli.dag_folder import dag_folder
from airflow_provider_hubspot_deals.cli.exit_codes import DONE
from airflow_provider_hubspot_deals.cli.printing import show_rows
from airflow_provider_hubspot_deals.exceptions import ConfigurationError

_STEM = "hubspot_deals"
_SOURCE = """\
\"\"\"One Airflow DAG per organization of organizations.toml, which lies beside this file.\"\"\"

from airflow_provider_hubspot_deals.dag_factory import build_dags

globals().update(build_dags({part}))
"""
# What a person, or this command, wrote with nothing of their own in it.
_OURS = re.compile(
    r'\A("""[^"]*"""\n+)?from airflow_provider_hubspot_deals\.dag_factory import build_dags\n+'
    r"globals\(\)\.update\(build_dags\((part=\d+, of=\d+)?\)\)\n*\Z"
)


@command
def write(arguments: Namespace) -> int:
    """Write so many DAG files that share the organizations file, and take away those of an earlier, larger number."""
    folder = dag_folder(arguments)
    try:
        rows = _written(folder, _sources(arguments.number))
    except OSError as error:  # a folder that only a deployment may change, for one
        raise ConfigurationError(
            f"The DAG files in {folder} cannot be written: {error.strerror}. Name a folder that you may write to with "
            "--folder, and take them from there to where Airflow finds its DAGs."
        ) from error
    show_rows(rows, {"file": "file", "done": "done"}, arguments.output)
    return DONE


def _written(folder: Path, wanted: Mapping[str, str]) -> list[dict[str, str]]:
    """What was done to each file.

    Raises:
        ConfigurationError: one of them is not ours; nothing was written.
        OSError: the folder cannot be read or written.
    """
    found = {path.name: path for path in folder.glob(f"{_STEM}*.py") if re.fullmatch(rf"{_STEM}(_\d+)?", path.stem)}
    if foreign := sorted(name for name, path in found.items() if not _OURS.match(_text(path))):
        raise ConfigurationError(
            f"In {folder}, {', '.join(foreign)} holds more than a call of build_dags(). Nothing was written; move what "
            "is yours into a file of another name."
        )
    rows = []
    for name, source in wanted.items():
        is_same = name in found and _text(found[name]) == source
        if not is_same:
            _replace(folder / name, source)
        rows.append({"file": name, "done": "unchanged" if is_same else "written"})
    for name in sorted(found.keys() - wanted.keys()):
        found[name].unlink()
        rows.append({"file": name, "done": "removed"})
    return rows


def _text(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")  # what is in another encoding is not ours


def _sources(number: int) -> dict[str, str]:
    """By the file's name; the first one is called as that of somebody who has one."""
    names = [f"{_STEM}.py", *(f"{_STEM}_{part}.py" for part in range(2, number + 1))]
    return {
        name: _SOURCE.format(part=f"part={part}, of={number}" if number > 1 else "")
        for part, name in enumerate(names, start=1)
    }


def _replace(path: Path, source: str) -> None:
    """At once: the DAG processor may read it at any moment."""
    temporary = path.with_suffix(".new")  # no .py: not a DAG file
    temporary.write_text(source, encoding="utf-8")
    temporary.replace(path)
