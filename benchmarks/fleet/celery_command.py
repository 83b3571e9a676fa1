"""`./run bench celery`: a fleet on Celery, a worker of which is killed: what Airflow shows, and what the copies are."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.fleet import celery_results
from benchmarks.pipeline.contestants import ROOT
from benchmarks.pipeline.peers import ENVIRONMENTS, STAMP, PeerMissingError, installed, python_of, uv
from benchmarks.report import machine, say

NAME = "celery"
REQUIREMENTS = Path(__file__).with_name("requirements") / "celery.txt"
PROGRAM = "benchmarks.fleet.celery_run"
PACKAGES = ("apache-airflow", "apache-airflow-providers-celery", "celery", "redis")
FOLDER = Path(__file__).parents[1]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of this sub-command."""
    parser.add_argument("--organizations", type=int, default=50, metavar="N")
    parser.add_argument("--deals", type=int, default=3_000, metavar="N", help="of each (default: 3000)")
    parser.add_argument("--latency-ms", type=float, default=200, metavar="MS", help="of HubSpot's answers (200)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="the first of which is killed (2)")
    parser.add_argument("--concurrency", type=int, default=2, metavar="N", help="tasks of a worker at once (2)")
    parser.add_argument(
        "--heartbeat-timeout-s",
        type=int,
        default=300,
        metavar="S",
        help="[scheduler] task_instance_heartbeat_timeout, which is how long Airflow waits for a dead worker's task",
    )
    parser.add_argument("--results", type=Path, default=FOLDER, metavar="FOLDER", help="for celery.md (benchmarks)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run it in an environment of its own, since only there is a Celery; gives the figures for `--json`."""
    here = machine()
    prepare()
    names = ("organizations", "deals", "latency_ms", "workers", "concurrency", "heartbeat_timeout_s")
    order = {name: getattr(options, name) for name in names}
    versions = f"{installed(python_of(NAME), PACKAGES)}, {redis_version()}"
    figures = {"machine": here, "versions": versions, "order": order, **ordered(order)}
    text = celery_results.page(figures)
    (options.results / "celery.md").write_text(text)
    return {**figures, "page": text}


def prepare() -> None:
    """Make the environment unless it is there; this package in it is the one of this folder.

    Raises:
        PeerMissingError: a package is not to be had, or this machine has no Redis.
    """
    if not shutil.which("redis-server"):
        raise PeerMissingError("redis-server is not installed; Celery needs it as its broker")
    folder, constraints = ENVIRONMENTS / NAME, ROOT / "constraints.txt"
    fingerprint = hashlib.sha256(REQUIREMENTS.read_bytes() + constraints.read_bytes()).hexdigest()
    stamp = folder / STAMP
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    say(f"making the environment {NAME}")
    python = folder / "bin" / "python"
    if not python.exists():
        uv("venv", "--python", sys.executable, folder)
    pinned = ("--requirement", REQUIREMENTS, "--constraint", constraints)
    uv("pip", "install", "--compile-bytecode", "--python", python, *pinned, "--editable", f"{ROOT}[demo]")
    stamp.write_text(fingerprint)


def ordered(order: Mapping[str, Any]) -> dict[str, Any]:
    """Let the program of that environment do it; gives what it found."""
    with tempfile.TemporaryDirectory(prefix="hubspot-deals-celery-") as folder:
        question, answer = Path(folder) / "order.json", Path(folder) / "figures.json"
        question.write_text(json.dumps(order))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        command = [str(each) for each in (python_of(NAME), "-P", "-m", PROGRAM, question, answer)]
        subprocess.run(command, check=True, cwd=ROOT, env=environment | {"PYTHONPATH": str(ROOT)})  # noqa: S603 - our own
        found: dict[str, Any] = json.loads(answer.read_text())
        return found


def redis_version() -> str:
    """Such as `Redis 7.0.15`."""
    told = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S607 - wherever it is installed
    return f"Redis {told.partition('v=')[2].split()[0]}"


def show(figures: dict[str, Any]) -> None:
    """The page."""
    sys.stdout.write(figures.pop("page"))
