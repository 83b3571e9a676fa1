"""Which Airflow, Python and PostgreSQL belong together in one trial, and what pyproject.toml declares."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# When the lowest Airflow was released, from its release notes, and three days for its providers.
RELEASED = {"3.1.2": "2025-11-08"}
_AIRFLOW = re.compile(r"^apache-airflow>=([\d.]+)$")
_PIN = re.compile(r"^apache-airflow==([\d.]+)$", re.MULTILINE)
_PYTHON = "Programming Language :: Python :: "


@dataclass(frozen=True, order=True, kw_only=True)
class Combination:
    """One environment.

    Attributes:
        airflow: its whole version.
        python: major and minor version.
        lowest: whether our other direct dependencies have the lowest version that pyproject.toml allows.
    """

    airflow: str
    python: str
    lowest: bool = False

    @property
    def name(self) -> str:
        """For folders and messages."""
        return f"Airflow {self.airflow}, Python {self.python}, {'lowest' if self.lowest else 'newest'} dependencies"


def declared(root: Path = ROOT) -> tuple[Combination, ...]:
    """The ends of what we declare: lowest Airflow with the lowest of the rest, newest with the newest Python."""
    project: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    pythons = sorted(
        (each.removeprefix(_PYTHON) for each in project["classifiers"] if each.startswith(f"{_PYTHON}3.")),
        key=lambda version: [int(part) for part in version.split(".")],
    )
    (lowest,) = (found[1] for each in project["dependencies"] if (found := _AIRFLOW.match(each)))
    newest = _PIN.search((root / "constraints.txt").read_text())
    if newest is None:
        msg = "constraints.txt pins no apache-airflow"
        raise ValueError(msg)
    return (
        Combination(airflow=whole(lowest), python=pythons[0], lowest=True),
        Combination(airflow=newest[1], python=pythons[-1]),
    )


def whole(version: str) -> str:
    """``3.1`` as Airflow's releases write it: ``3.1.0``."""
    return ".".join([*version.split("."), "0", "0"][:3])
