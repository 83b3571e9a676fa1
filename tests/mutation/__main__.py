"""Plant one small bug after the other and see whether a test notices. Not part of `./run test`: it takes hours.

    .venv/bin/python -m tests.mutation values parsing loading deals.sql … [--every K] [--json FILE]

A mutant is killed when the tests of its target fail, or take far too long. Survivors are printed: each is a missing
test, or belongs among ``targets.EQUIVALENT`` with its reason.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis  # noqa: F401 - for the forks
import msgspec  # noqa: F401 - likewise
import orjson  # noqa: F401 - likewise
import psycopg  # noqa: F401 - likewise
import pytest
import requests  # noqa: F401 - likewise

from local_stack.databases import DATABASE_URL, DatabaseServer
from local_stack.throwaway import throwaway_server
from tests.mutation.python_mutants import Mutant, python_mutants
from tests.mutation.sql_mutants import sql_mutants
from tests.mutation.targets import EQUIVALENT, PACKAGE, ROOT, TARGETS, Target

TIMEOUT_S = 240.0
TIMED_OUT = 124  # as timeout(1) has it
MIGRATED_TEMPLATE = "MIGRATED_TEMPLATE"  # how tests/conftest.py is told of one
COPIED = (PACKAGE, "tests", "hubspot_simulator", "local_stack", "pyproject.toml")


@dataclass
class Score:
    """Of one target."""

    killed: int = 0
    survivors: list[str] = field(default_factory=list)
    equivalent: int = 0

    @property
    def total(self) -> int:
        return self.killed + len(self.survivors)


def main(arguments: Sequence[str]) -> int:
    """0 when nine of ten mutants of every target were killed."""
    options = parse(arguments)
    scores: dict[str, Score] = {}
    with ExitStack() as stack:
        copy, environment = stack.enter_context(a_copy()), dict[str, str]()
        if any("integration" in test for name in options.targets for test in TARGETS[name].tests):
            server = stack.enter_context(throwaway_server())
            environment = {DATABASE_URL: server.url, MIGRATED_TEMPLATE: migrated(server)}
        for name in options.targets:
            scores[name] = judged(name, chosen(name, options.every, options.start), copy, environment)
            say(f"{name}: {scores[name].killed} of {scores[name].total} killed, {scores[name].equivalent} equivalent")
    if options.json:
        figures = {name: vars(score) | {"total": score.total} for name, score in scores.items()}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if all(score.killed >= 0.9 * score.total for score in scores.values()) else 1


def migrated(server: DatabaseServer) -> str:
    """Name of a database with our schema, which takes longer to make than most mutants to kill.

    Made in a process of its own: the provider must not be imported here, else the forks would have it unmutated.
    """
    script = "import sys; from airflow_provider_hubspot_deals import migrations; migrations.upgrade(sys.argv[1])"
    name = f"hubspot_deals_template_{os.getpid()}"
    subprocess.run([sys.executable, "-c", script, server.create_database(name)], check=True, cwd=ROOT)  # noqa: S603 - ours
    return name


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Do the tests notice planted bugs?")
    parser.add_argument("targets", nargs="+", choices=TARGETS)
    parser.add_argument("--every", type=int, default=1, metavar="K", help="only every K-th mutant")
    parser.add_argument("--start", type=int, default=0, metavar="N", help="from the N-th on")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the scores there")
    return parser.parse_args(arguments)


def chosen(name: str, every: int, start: int) -> list[Mutant]:
    path = TARGETS[name].path
    make = sql_mutants if path.suffix == ".sql" else python_mutants
    return list(make(path.read_text()))[start::every]


def judged(name: str, mutants: Iterable[Mutant], copy: Path, environment: dict[str, str]) -> Score:
    """The verdict on each mutant, told as it is found."""
    target, score = TARGETS[name], Score()
    place = copy / PACKAGE / target.file
    original = place.read_text()
    refuse_broken_tests(name, copy, environment)
    try:
        for mutant in mutants:
            about = f"{target.file}:{mutant.line} {mutant.change}"
            if (name, mutant.change) in EQUIVALENT:
                score.equivalent += 1
                continue
            place.write_text(mutant.text)
            if status := tested(target, copy, environment, silent=True):
                score.killed += 1
                if status == TIMED_OUT:
                    say(f"TIMED OUT {about}")
            else:
                score.survivors.append(about)
                say(f"SURVIVED {about}")
    finally:
        place.write_text(original)
    refuse_broken_tests(name, copy, environment)  # what fails now and then would have killed anything
    return score


def refuse_broken_tests(name: str, copy: Path, environment: dict[str, str]) -> None:
    if status := tested(TARGETS[name], copy, environment, silent=False):
        sys.exit(f"{name}: the tests fail without any mutant (status {status})")


def tested(target: Target, copy: Path, environment: dict[str, str], *, silent: bool) -> int:
    """Status of the target's tests in the copy.

    In a fork, which has the libraries already: importing them takes longer than most tests.
    """
    child = os.fork()
    if not child:
        os.setsid()
        if silent:
            silence()
        try:
            os._exit(run_tests(target, copy, environment))
        finally:
            os._exit(1)
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return TIMED_OUT


def run_tests(target: Target, copy: Path, environment: dict[str, str]) -> int:
    """Run them in this process, with the copy in place of the tree."""
    os.environ.update(environment)
    os.chdir(copy)
    sys.dont_write_bytecode = True
    sys.path[:] = [str(copy), *(path for path in sys.path if Path(path or ".").resolve() != ROOT)]
    for name in [
        name for name in sys.modules if name.partition(".")[0] in {"tests", "local_stack", "hubspot_simulator"}
    ]:
        del sys.modules[name]
    quiet = ["-x", "-q", "--disable-warnings", "-p", "no:cacheprovider"]
    options = [*quiet, "--hypothesis-profile=hasty", "--timeout=60", f"--rootdir={copy}"]
    return int(pytest.main([*options, *target.tests]))


def silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


@contextmanager
def a_copy() -> Iterator[Path]:
    """The tree, to be mutated."""
    with tempfile.TemporaryDirectory(prefix="hubspot-deals-mutants-") as folder:
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, Path(folder) / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder)
        yield Path(folder)


def say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
