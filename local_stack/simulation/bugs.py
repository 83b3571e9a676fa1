"""The simulation's teeth: bugs planted into a copy of the provider, each of which it must notice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_stack.databases import DATABASE_URL
from local_stack.exceptions import StackError
from local_stack.processes import tethered
from local_stack.simulation.seeds import template_database
from local_stack.throwaway import throwaway_server

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
BUGS = ROOT / "tests" / "simulation" / "bugs.toml"
PACKAGE = "airflow_provider_hubspot_deals"
SEEDS_MAX = 200
# What a bug ends in that was planted wrongly: the code does not even run, so noticing it proves nothing.
DOES_NOT_RUN = ("SyntaxError", "IndentationError", "ImportError", "ModuleNotFoundError", "NameError")


@dataclass(frozen=True, kw_only=True)
class Bug:
    """What to change where; every ``old`` stands in its file exactly once.

    Attributes:
        seed: one that caught it; tried first.
    """

    name: str
    what: str
    edits: tuple[dict[str, str], ...]
    seed: int | None = None

    def plant(self, folder: Path) -> Path:
        """Copy the provider into ``folder``, with the bug in it.

        Raises:
            StackError: the code is no longer what the bug was written for.
        """
        package = folder / PACKAGE
        shutil.copytree(ROOT / PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
        for edit in self.edits:
            file = package / edit["file"]
            text = file.read_text()
            if text.count(edit["old"]) != 1:
                raise StackError(f"bug {self.name}: {edit['file']} holds {text.count(edit['old'])} of: {edit['old']!r}")
            file.write_text(text.replace(edit["old"], edit["new"]))
        return package


def known_bugs(path: Path = BUGS) -> list[Bug]:
    """In the order of the file."""
    tables = tomllib.loads(path.read_text())["bug"]
    return [Bug(**{**each, "edits": tuple(each["edits"])}) for each in tables]


def hunt(options: argparse.Namespace, figures: dict[str, Any], say: Callable[[str], None]) -> bool:
    """Whether every bug was caught within ``SEEDS_MAX`` seeds; one that cannot be planted counts as not caught.

    As many bugs at once as there are workers, each up to the first seed that catches it.
    """
    chosen = [bug for bug in known_bugs() if not options.bug or bug.name in options.bug]
    figures["bugs"] = results = []
    with ExitStack() as opened:
        server = opened.enter_context(throwaway_server())
        template = opened.enter_context(template_database(server))
        threads = opened.enter_context(ThreadPoolExecutor(options.workers))
        hunts = [threads.submit(_hunted, bug, server.url, template, options) for bug in chosen]
        for done in as_completed(hunts):
            results.append(done.result())
            say(_line(results[-1]))
    caught = sum(result["caught"] for result in results)
    say(f"{caught} of {len(results)} planted bugs caught")
    return bool(results) and caught == len(results)


def _line(result: dict[str, Any]) -> str:
    verdict = f"seed {result['seed']}, after {result['seeds']}" if result["caught"] else "NOT CAUGHT"
    return f"{result['name']:40} {verdict:24} {result['seconds']:6.1f} s  {result['by']}"


def _hunted(bug: Bug, server_url: str, template: str, options: argparse.Namespace) -> dict[str, Any]:
    began = time.monotonic()
    found = _caught(bug, server_url, template, options)
    return {"name": bug.name, **found, "seconds": round(time.monotonic() - began, 1)}


def _caught(bug: Bug, server_url: str, template: str, options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="simulation-bug-") as folder:
        try:
            package = bug.plant(Path(folder))
        except StackError as error:
            return {"caught": False, "seeds": 0, "by": str(error)}
        report = Path(folder) / "report.json"
        arguments = ["--seed", str(options.first), "--seeds", str(options.seeds or SEEDS_MAX), "--until-caught"]
        arguments += ["--workers", "1", "--template", template, "--json", str(report)]
        if bug.seed is not None and options.seed is None:
            arguments += ["--before", str(bug.seed)]
        command = [sys.executable, "-P", "-m", "local_stack.simulation", "--package", str(package)]
        done = subprocess.run(  # noqa: S603 - our own command
            tethered([*command, *arguments], signal.SIGTERM),
            env=os.environ | {"PYTHONPATH": folder, DATABASE_URL: server_url},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if not report.exists():
            return {"caught": False, "seeds": 0, "by": f"could not run: {done.stderr.strip()[-300:]}"}
        found = json.loads(report.read_text())
    return _told(found)


def _told(found: dict[str, Any]) -> dict[str, Any]:
    by = " ".join(found["problems"])
    caught = not found["passed"] and not by.startswith(DOES_NOT_RUN)
    seed = found["failed_seeds"][0] if found["failed_seeds"] else None
    return {"caught": caught, "seeds": found["tally"]["seeds"], "by": by[:110], "seed": seed}
