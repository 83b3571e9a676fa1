"""`./run test`: the static checks and the tests, all of them even when one fails."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("unit", "integration", "acceptance", "simulation", "docs")
STATIC_CHECKS = (
    ("ruff check", ["ruff", "check", "--quiet", "--output-format=concise"]),
    ("ruff format --check", ["ruff", "format", "--check", "--quiet"]),
    ("mypy --strict", ["mypy", "--no-error-summary"]),
    ("lint-imports", ["lint-imports"]),
)
TELLING = ("-rfEs",)  # also why a test was skipped: what nobody misses is never run
# One process more than there are cores, since some test always waits for a limit or a timeout; more than four would
# wait for disks. What each takes at a time, tests/spreading.py says.
PROCESSES = min(4, (os.cpu_count() or 1) + 1)
SPREAD = [f"--numprocesses={PROCESSES}", "--dist=loadfile", "--no-loadscope-reorder", "-p", "tests.spreading"]


@dataclass(frozen=True, slots=True)
class Step:
    """One check that was run."""

    name: str
    passed: bool
    seconds: float


def main(arguments: list[str]) -> int:
    """Run what was asked for; 0 when all of it passed."""
    options, pytest_arguments = parse(arguments)
    started = time.monotonic()
    steps = static_checks() if options.layer in (None, "lint") else []
    tests: dict[str, int] = {}
    if options.layer != "lint":
        if failed := failures(steps):
            say(f"failed so far: {failed}; the tests run all the same")
        step, tests = run_pytest(options.layer, pytest_arguments)
        steps.append(step)
    if options.json:
        write_figures(options.json, steps, tests, time.monotonic() - started)
    if failed := failures(steps):
        say(f"failed: {failed}")
        return 1
    return 0


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Our own arguments, and those for pytest."""
    parser = argparse.ArgumentParser(prog="./run test", description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    layer = arguments[0] if arguments and arguments[0] in (*LAYERS, "lint") else None
    options, pytest_arguments = parser.parse_known_args(arguments[1:] if layer else arguments)
    if layer == "lint" and pytest_arguments:
        parser.error(f"lint takes no further arguments: {' '.join(pytest_arguments)}")
    options.layer = layer
    return options, pytest_arguments


def static_checks() -> list[Step]:
    """Each tool with its verdict; a tool's own words only when it objects."""
    return [run_check(name, command) for name, command in STATIC_CHECKS]


def run_check(name: str, command: list[str]) -> Step:
    """Run one tool from the environment that runs us."""
    started = time.monotonic()
    program = Path(sys.executable).parent / command[0]
    done = subprocess.run(  # noqa: S603 - one of STATIC_CHECKS
        [program, *command[1:]], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    step = Step(name, done.returncode == 0, round(time.monotonic() - started, 1))
    say(f"{name:20} {'passed' if step.passed else 'FAILED'} in {step.seconds:.1f} s")
    if not step.passed:
        say(done.stdout.rstrip())
    return step


def run_pytest(layer: str | None, arguments: list[str]) -> tuple[Step, dict[str, int]]:
    """Run the tests of one layer, or all, with pytest's own output; also counts what it reports."""
    where = [] if any_path(arguments) else [f"tests/{layer}" if layer else "tests"]
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        spread = [] if arguments else SPREAD
        command = [sys.executable, "-P", "-m", "pytest", *TELLING, f"--junit-xml={report}", *spread, *where, *arguments]
        status = subprocess.call(command, cwd=ROOT)  # noqa: S603 - the developer's own arguments
        counts = count_tests(report)
    return Step(f"pytest {layer or ''}".strip(), status == 0, round(time.monotonic() - started, 1)), counts


def any_path(arguments: list[str]) -> bool:
    """Whether the arguments name files or folders themselves."""
    return any((ROOT / argument.split("::")[0]).exists() for argument in arguments if not argument.startswith("-"))


def count_tests(report: Path) -> dict[str, int]:
    """`{"passed": 3, "failed": 0, "errors": 0, "skipped": 0}`; empty when pytest did not get that far."""
    if not report.exists():
        return {}
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 - pytest wrote it a moment ago
    if suite is None:
        return {}
    total, failed, errors, skipped = (int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped"))
    return {"passed": total - failed - errors - skipped, "failed": failed, "errors": errors, "skipped": skipped}


def failures(steps: list[Step]) -> str:
    """Names of the steps that failed, or nothing."""
    return ", ".join(step.name for step in steps if not step.passed)


def write_figures(path: Path, steps: list[Step], tests: dict[str, int], seconds: float) -> None:
    """What `--json` promises."""
    figures = {
        "passed": not failures(steps),
        "seconds": round(seconds, 1),
        "python": platform.python_version(),
        "steps": [asdict(step) for step in steps],
        "tests": tests,
    }
    path.write_text(json.dumps(figures, indent=2) + "\n")


def say(text: str) -> None:
    """To stdout at once, in step with the output of the tools."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
