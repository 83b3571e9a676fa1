"""One trial: an environment with the built wheel, and the tests of all that meets Airflow in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from xml.etree import ElementTree as ET

from local_stack.checks import count_tests
from local_stack.compatibility.combination import RELEASED, ROOT, Combination
from local_stack.exceptions import StackError

CORE = (
    "tests/acceptance/test_dags_in_airflow.py",
    "tests/acceptance/test_examples.py",
    "tests/acceptance/test_maintenance_dag.py",
    "tests/acceptance/test_notifications.py",
    "tests/acceptance/test_organization_dags.py",
    "tests/acceptance/test_page.py",
    "tests/integration/cli",
    "tests/integration/plugin",
)
# What the tests need beside the wheel. Its package stays out: the one that is tried is the wheel's.
COPIED = ("tests", "local_stack", "hubspot_simulator", "dags", "docs", "pyproject.toml")
TOOLS = (
    "hypothesis>=6.100",
    "playwright>=1.50",
    "pytest>=8.3",
    "pytest-timeout>=2.3",
    "sqlparse>=0.5",
    "standardwebhooks>=1.0",
)
CONSTRAINTS = "https://raw.githubusercontent.com/apache/airflow/constraints-{airflow}/constraints-{python}.txt"
_ASK_S = 10.0
_VERSIONS = """
import platform, sys
from importlib.metadata import version
print(version("apache-airflow"), platform.python_version())
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a trial came to."""

    combination: Combination
    airflow: str
    python: str
    postgres: str
    constrained: bool
    passed: int
    failed: int
    skipped: int
    failures: tuple[str, ...]
    skips: tuple[str, ...]
    seconds: float


def build_wheel(folder: Path) -> Path:
    """The wheel as a release has it.

    Raises:
        StackError: it cannot be built.
    """
    call([sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(ROOT)], ROOT)
    (built,) = folder.glob("*.whl")
    return built


def make_environment(combination: Combination, wheel: Path, folder: Path, *, python: str | None) -> bool:
    """Make a virtual environment in `folder`; whether Airflow's own constraints could be had.

    As Airflow's documentation has it: Airflow at first, by its constraints where these can be reached, then the
    provider, which may move other packages but not Airflow.

    Args:
        python: interpreter; uv looks for one of the combination's version when not given.

    Raises:
        StackError: something cannot be installed.
    """
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    call([uv, "venv", "--quiet", "--clear", "--python", python or combination.python, str(folder)], ROOT)
    install = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), "--compile-bytecode"]
    airflow = f"apache-airflow=={combination.airflow}"
    constraints = airflow_constraints(combination, folder)
    call([*install, *of_its_time(combination, constraints), airflow], ROOT)
    resolution = ["--resolution", "lowest-direct"] if combination.lowest else []
    call([*install, *resolution, airflow, f"{wheel}[demo,openlineage]"], ROOT)
    call([*install, airflow, *TOOLS], ROOT)
    return constraints is not None


def of_its_time(combination: Combination, constraints: Path | None) -> list[str]:
    """Options for uv. An Airflow does not run with every later version of what it needs, so Airflow's own constraints
    hold, or, where these cannot be reached, what there was on the day of its release.
    """
    if constraints:
        return ["--constraint", str(constraints)]
    day = RELEASED.get(combination.airflow)
    return ["--exclude-newer", day] if day else []


def airflow_constraints(combination: Combination, folder: Path) -> Path | None:
    """The file that Airflow publishes for this version; None where it cannot be reached."""
    address = CONSTRAINTS.format(airflow=combination.airflow, python=combination.python)
    path = folder / "airflow-constraints.txt"
    try:
        with urllib.request.urlopen(address, timeout=_ASK_S) as answer:  # noqa: S310 - the https address above
            path.write_bytes(answer.read())
    except (urllib.error.URLError, TimeoutError):
        return None
    return path


def run_tests(environment: Path, tree: Path, report: Path, arguments: list[str]) -> None:
    """Run the core's tests in `environment`, from a copy of the tree without our package."""
    for name in COPIED:
        source, copy = ROOT / name, tree / name
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
    python = str(environment / "bin" / "python")
    # A missing Chromium is a failure: skipped is only what this Airflow lacks.
    variables = {**os.environ, "VIRTUAL_ENV": str(environment), "BROWSER_TESTS": "required"}
    variables["PATH"] = os.pathsep.join([str(environment / "bin"), os.environ.get("PATH", os.defpath)])
    command = [python, "-P", "-m", "pytest", "-p", "no:cacheprovider", f"--junit-xml={report}", *(arguments or CORE)]
    subprocess.call(command, cwd=tree, env=variables)  # noqa: S603 - the report says how it went


def try_out(combination: Combination, folder: Path, *, python: str | None, arguments: list[str]) -> Outcome:
    """Make the environment, run the tests, and say what came of it.

    Raises:
        StackError: the environment cannot be made, or the tests did not get as far as a report.
    """
    started = monotonic()
    environment, report = folder / "environment", folder / "report.xml"
    constrained = make_environment(combination, build_wheel(folder / "wheel"), environment, python=python)
    run_tests(environment, folder / "tree", report, arguments)
    counts = count_tests(report)
    if not counts:
        msg = f"{combination.name}: the tests could not be started; see above"
        raise StackError(msg)
    airflow, exact_python = call([str(environment / "bin" / "python"), "-c", _VERSIONS], folder).split()
    return Outcome(
        combination=combination,
        airflow=airflow,
        python=exact_python,
        postgres=postgres_of(environment, folder / "tree"),
        constrained=constrained,
        passed=counts["passed"],
        failed=counts["failed"] + counts["errors"],
        skipped=counts["skipped"],
        failures=tuple(name for name, _ in cases(report, "failure", "error")),
        skips=tuple(f"{name}: {reason}" for name, reason in cases(report, "skipped")),
        seconds=round(monotonic() - started, 1),
    )


def cases(report: Path, *ends: str) -> Iterator[tuple[str, str]]:
    """Names of the tests that came to one of these ends, each with the reason."""
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest wrote it a moment ago
        for end in case:
            if end.tag in ends:
                yield str(case.get("name")), str(end.get("message"))


def postgres_of(environment: Path, tree: Path) -> str:
    """Major version of the server that the tests had."""
    question = "from local_stack.postgres_binaries import find_binaries; print(find_binaries().major)"
    return call([str(environment / "bin" / "python"), "-c", question], tree).strip()


def call(command: list[str], folder: Path) -> str:
    """Run a step; gives its output.

    Raises:
        StackError: it failed; the message holds what it said.
    """
    done = subprocess.run(  # noqa: S603 - our own arguments
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        msg = f"{' '.join(command[:4])} … failed:\n{done.stdout.strip()}"
        raise StackError(msg)
    return done.stdout
