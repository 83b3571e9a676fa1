"""Plant one small bug after the other and see whether a test notices. Not part of `./run test`: it takes hours.

    .venv/bin/python -m tests.mutation value_parsing|write_path|TARGET … [--sample N [--seed S]] [--json FILE]

See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.killers_first import KillersFirst, with_newest
from tests.mutation.python_mutants import Mutant, python_mutants
from tests.mutation.sampling import drawn, lower_bound
from tests.mutation.sql_mutants import sql_mutants
from tests.mutation.targets import GROUPS, PACKAGE, ROOT, TARGETS, Target

PATIENCE, PATIENCE_MIN_S = 5, 30.0  # how often as long as without a mutant the tests may take
TIMED_OUT = 124  # as timeout(1) has it
MIGRATED_TEMPLATE = "MIGRATED_TEMPLATE"  # how tests/conftest.py is told of one
COPIED = (PACKAGE, "tests", "hubspot_simulator", "local_stack", "pyproject.toml", "docs/reliability.md")
ENOUGH = 0.9  # of the mutants


@dataclass
class Score:
    """Of one target, or of a sample of several."""

    killed: int = 0
    survivors: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.killed + len(self.survivors)

    def __add__(self, other: Score) -> Score:
        return Score(self.killed + other.killed, self.survivors + other.survivors)

    def __str__(self) -> str:
        share = self.killed / self.total if self.total else 0.0
        return f"{self.killed} of {self.total} killed, {share:.1%}"


def main(arguments: Sequence[str]) -> int:
    """0 when nine of ten mutants were killed: of every target, or of a sample as a whole."""
    options = parse(arguments)
    names = list(dict.fromkeys(name for word in options.targets for name in GROUPS.get(word, (word,))))
    mutants = {name: mutants_of(name) for name in names}
    if options.sample:
        mutants = drawn(mutants, options.sample, options.seed)
    scores = judged_all({name: chosen for name, chosen in mutants.items() if chosen})
    together = sum(scores.values(), Score())
    say(f"together: {together}")
    figures: dict[str, object] = {name: vars(score) | {"total": score.total} for name, score in scores.items()}
    if options.sample:
        bound = lower_bound(together.killed, together.total)
        say(f"a sample (seed {options.seed}): of all, {bound:.1%} at least, with 95 % confidence (Wilson)")
        figures["sample"] = {"seed": options.seed, "of": sum(len(mutants_of(name)) for name in names), "bound": bound}
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    verdicts = [together] if options.sample else scores.values()
    return 0 if all(score.killed >= ENOUGH * score.total for score in verdicts) else 1


def judged_all(mutants: Mapping[str, Sequence[Mutant]]) -> dict[str, Score]:
    """By target; on one PostgreSQL, where any needs one."""
    scores: dict[str, Score] = {}
    with ExitStack() as stack:
        copy, environment = stack.enter_context(a_copy()), dict[str, str]()
        if any("integration" in test for name in mutants for test in TARGETS[name].tests):
            server = stack.enter_context(throwaway_server())
            environment = {DATABASE_URL: server.url, MIGRATED_TEMPLATE: migrated(server)}
        for name, chosen in mutants.items():
            started = time.monotonic()
            scores[name] = judged(name, chosen, copy, environment)
            say(f"{name}: {scores[name]}, in {time.monotonic() - started:.0f} s")
    return scores


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
    parser.add_argument("targets", nargs="+", choices=[*GROUPS, *TARGETS], metavar="TARGET", help="or a group of them")
    parser.add_argument("--sample", type=int, metavar="N", help="only so many mutants, drawn from those of all targets")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), metavar="S", help="of the sample")  # noqa: S311 - no secret
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the scores there")
    return parser.parse_args(arguments)


def mutants_of(name: str) -> list[Mutant]:
    """Those that a test could notice."""
    path = TARGETS[name].path
    make = sql_mutants if path.suffix == ".sql" else python_mutants
    return [mutant for mutant in make(path.read_text()) if (name, mutant.change) not in EQUIVALENT]


def judged(name: str, mutants: Iterable[Mutant], copy: Path, environment: dict[str, str]) -> Score:
    """The verdict on each mutant, told as it is found."""
    target, score, killers = TARGETS[name], Score(), list[str]()
    place, told_in = copy / PACKAGE / target.file, copy / "killer"
    original = place.read_text()
    started = time.monotonic()
    refuse_broken_tests(name, copy, environment)
    patience_s = max(PATIENCE_MIN_S, PATIENCE * (time.monotonic() - started))
    try:
        for mutant in mutants:
            about = f"{target.file}:{mutant.line} {mutant.change}"
            place.write_text(mutant.text)
            if status := status_of_tests(target, copy, environment, KillersFirst(killers, told_in), patience_s):
                score.killed += 1
                killers = with_newest(killers, told_in)
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
    if status := status_of_tests(TARGETS[name], copy, environment):
        sys.exit(f"{name}: the tests fail without any mutant (status {status})")


def status_of_tests(
    target: Target,
    copy: Path,
    environment: dict[str, str],
    plugin: KillersFirst | None = None,
    patience_s: float = 600.0,
) -> int:
    """Status of the target's tests in the copy; silent about a mutant's failures.

    In a fork, which has the libraries already: importing them takes longer than most tests.
    """
    child = os.fork()
    if not child:
        os.setsid()
        if plugin:
            silence()
        try:
            os._exit(run_tests(target, copy, environment, plugin))
        finally:
            os._exit(1)
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return TIMED_OUT


def run_tests(target: Target, copy: Path, environment: dict[str, str], plugin: KillersFirst | None) -> int:
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
    return int(pytest.main([*options, *target.tests], plugins=[plugin] if plugin else []))


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
                copied = Path(folder) / name
                copied.parent.mkdir(exist_ok=True)
                shutil.copy(source, copied)
        yield Path(folder)


def say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
