"""The wheel, built from the tree and installed elsewhere, has everything it needs and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from airflow_provider_hubspot_deals import migrations

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "airflow_provider_hubspot_deals"
DISTRIBUTION = "airflow-provider-hubspot-deals"


def run(*command: object, **environment: str) -> str:
    """Run a program away from the repository; gives its output.

    -I and an empty environment: neither the current folder nor PYTHONPATH may lend it our sources.
    """
    done = subprocess.run(  # noqa: S603 - our own arguments
        [str(word) for word in command],
        cwd="/",
        env={"PATH": os.defpath, **environment},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as a release is."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-I", "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a clean environment with the wheel in it; its dependencies are those of the tests' environment."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    (packages,) = environment.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:  # what an installer does with a pure wheel
        archive.extractall(packages)
    lend_dependencies(packages, [Path(path) for path in sys.path if path.endswith("site-packages")])
    return environment / "bin" / "python"


def lend_dependencies(packages: Path, lenders: Sequence[Path]) -> None:
    """Link everything but ourselves: a .pth naming those folders would bring in their editable install of us."""
    for lender in lenders:
        for entry in lender.iterdir():
            ours = "airflow_provider_hubspot_deals" in entry.name or entry.suffix == ".pth"
            if not ours and not (packages / entry.name).exists():
                (packages / entry.name).symlink_to(entry)


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    tree = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }

    assert {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name} == tree
    assert {Path(name).suffix for name in tree} >= {".py", ".sql", ".mako"}


def test_the_wheel_carries_its_licence_and_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        information = {name.partition(".dist-info/")[2]: name for name in archive.namelist() if ".dist-info/" in name}
        licence = archive.read(information["licenses/LICENSE"]).decode()
        metadata = archive.read(information["METADATA"]).decode()

    assert licence == (ROOT / "LICENSE").read_text()
    assert "Classifier: Framework :: Apache Airflow :: Provider" in metadata
    assert "License-Expression: Apache-2.0" in metadata


def test_airflow_finds_the_provider_through_its_entry_point(python: Path) -> None:
    found = run(
        python,
        "-I",
        "-c",
        "from importlib.metadata import entry_points\n"
        "(point,) = [point for point in entry_points(group='apache_airflow_provider')"
        f" if point.dist.name == {DISTRIBUTION!r}]\n"
        "print(point.load()()['package-name'])",
    )

    assert found.strip() == DISTRIBUTION


def test_the_installed_package_is_the_one_from_the_wheel(python: Path) -> None:
    where = run(python, "-I", "-c", "import airflow_provider_hubspot_deals as package; print(package.__file__)")

    assert Path(where.strip()).is_relative_to(python.parents[1])


def test_every_module_can_be_imported_from_the_wheel(python: Path, tmp_path: Path) -> None:
    run(
        python,
        "-I",
        "-c",
        "import pkgutil, importlib, airflow_provider_hubspot_deals as package\n"
        "for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "    if not module.name.endswith(('migrations.env', '__main__')) and '.versions.' not in module.name:\n"
        "        importlib.import_module(module.name)",
        AIRFLOW_HOME=str(tmp_path),
    )


def test_the_installed_package_migrates_a_database(python: Path, empty_database_url: str) -> None:
    command = [python, "-I", "-m", "airflow_provider_hubspot_deals.migrations"]

    run(*command, "upgrade", "--database-url", empty_database_url)
    said = run(*command, "check", "--database-url", empty_database_url)

    assert migrations.HEAD in said
    with psycopg.connect(empty_database_url) as connection:
        migrations.check(connection)
