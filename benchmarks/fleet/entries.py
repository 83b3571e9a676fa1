"""The organizations of a fleet: their file, the DAG files that share it, and an account of HubSpot for each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DAG_FILE = """\
from airflow_provider_hubspot_deals.dag_factory import build_dags

globals().update(build_dags(part={part}, of={of}))
"""
PORTAL_IDS_FROM = 7_000_000


@dataclass(frozen=True, kw_only=True)
class FleetFiles:
    """Where Airflow and the simulator find what describes the fleet."""

    organizations: Path
    portals: Path
    dags: Path
    dag_files: int


def write(folder: Path, organizations: int, *, per_file: int, deals: int, schedule: str) -> FleetFiles:
    """Describe so many organizations, each with a portal of so many deals.

    Args:
        per_file: organizations of one DAG file, about: which file has one is decided by its name.
        schedule: as in the organizations file.
    """
    numbers = range(1, organizations + 1)
    files = FleetFiles(
        organizations=folder / "organizations.toml",
        portals=folder / "portals.toml",
        dags=folder / "dags",
        dag_files=-(-organizations // per_file),
    )
    head = f'[defaults]\nschedule = "{schedule}"\n'
    files.organizations.write_text(head + "".join(map(_organization, numbers)))
    files.portals.write_text("".join(_portal(number, deals) for number in numbers))
    files.dags.mkdir()
    for part in range(1, files.dag_files + 1):
        (files.dags / f"fleet_{part}.py").write_text(DAG_FILE.format(part=part, of=files.dag_files))
    return files


def _organization(number: int) -> str:
    return f'\n[[organizations]]\nslug = "org-{number:05}"\nportal_id = {PORTAL_IDS_FROM + number}\n'


def _portal(number: int, deals: int) -> str:
    portal_id = PORTAL_IDS_FROM + number
    return f"[[portals]]\nportal_id = {portal_id}\ndeals = {deals}\nseed = {number}\nkept_records = {deals + 1}\n\n"
