"""The peers, each in an environment of its own below `.bench/`, made from a pinned list of packages."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.pipeline.contestants import CHANGED, FIRST, INCREMENTAL, PROGRAMS, ROOT, UNCHANGED, Contestant
from benchmarks.report import say

ENVIRONMENTS = ROOT / ".bench"
REQUIREMENTS = Path(__file__).with_name("requirements")
VERSIONS = (
    "import sys; from importlib.metadata import version as v; print(', '.join(f'{n} {v(n)}' for n in sys.argv[1:]))"
)
MODES = {FIRST: "list", UNCHANGED: "list", INCREMENTAL: "incremental", CHANGED: "list"}
STAMP = "requirements.sha256"  # written last: without it, or with another one, the environment is made anew


class PeerMissingError(Exception):
    """A peer cannot be measured here; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Peer(Contestant):
    """A contestant with environments.

    Attributes:
        environments: names of them; each is made from the list of packages of its name.
        packages: environment → those whose versions are stated.
        needs: ``environment/bin/program`` that no list of packages brings → where it comes from.
    """

    environments: Sequence[str]
    packages: Mapping[str, Sequence[str]]
    needs: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, str] = field(default_factory=lambda: MODES)
    table: str = "crm.deals"
    deals_max: int = 100_000  # each load of them takes singer-io a quarter of an hour
    environment: Mapping[str, str] = field(default_factory=lambda: {"PYTHONPATH": ""})

    def versions(self) -> str:
        """Of its main packages, as installed."""
        return ", ".join(installed(python_of(name), packages) for name, packages in self.packages.items())

    def prepare(self) -> None:
        """Make the environments unless they are there.

        Raises:
            PeerMissingError: a package, or a program that has to be brought, is not to be had.
        """
        for name in self.environments:
            requirements, folder = REQUIREMENTS / f"{name}.txt", ENVIRONMENTS / name
            stamp, fingerprint = folder / STAMP, hashlib.sha256(requirements.read_bytes()).hexdigest()
            if not stamp.exists() or stamp.read_text() != fingerprint:
                say(f"making the environment {name}")
                install(folder, requirements)
                stamp.write_text(fingerprint)
        for program, source in self.needs.items():
            if not (ENVIRONMENTS / program).exists():
                raise PeerMissingError(f"{program} is not in {ENVIRONMENTS.name}/: {source}")


def python_of(environment: str) -> Path:
    """Its interpreter."""
    return ENVIRONMENTS / environment / "bin" / "python"


def piped(tap_environment: str, tap: str) -> Sequence[str | Path]:
    """A tap and its target, which has an environment of its own: not every tap's packages agree with it."""
    target = [python_of(TARGET), PROGRAMS / "postgres_target.py"]
    return [python_of(tap_environment), PROGRAMS / "piping.py", PROGRAMS / tap, *target]


def installed(python: Path, packages: Sequence[str]) -> str:
    """Such as `dlt 1.31.0`."""
    done = subprocess.run([python, "-c", VERSIONS, *packages], capture_output=True, text=True, check=True)  # noqa: S603 - our own command line
    return done.stdout.strip()


def install(folder: Path, requirements: Path) -> None:
    """What was brought into it by hand stays.

    Raises:
        PeerMissingError: a package is not to be had; with the end of what uv said.
    """
    python = folder / "bin" / "python"
    if not python.exists():
        uv("venv", "--python", sys.executable, folder)
    uv("pip", "install", "--compile-bytecode", "--python", python, "--requirement", requirements)


def uv(*arguments: str | Path) -> None:
    """Run it.

    Raises:
        PeerMissingError: it failed; with the end of what it said.
    """
    command = [sys.executable, "-m", "uv", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command lines
    if done.returncode:
        raise PeerMissingError(f"its environment could not be made: {done.stderr.strip()[-500:]}")


TARGET = "target-postgres"
DLT = Peer(
    name="dlt",
    title="dlt, rest_api source",
    command=[python_of("dlt"), PROGRAMS / "dlt_hubspot.py"],
    environments=["dlt"],
    packages={"dlt": ["dlt"]},
    deal_id="id",
    modified="updated_at",
    environment={"RUNTIME__DLTHUB_TELEMETRY": "false", "PYTHONPATH": ""},
)
MELTANO = Peer(
    name="meltano",
    title="Meltano, tap-hubspot and target-postgres",
    command=piped("meltano", "meltano_tap.py"),
    environments=["meltano", TARGET],
    packages={"meltano": ["meltano-tap-hubspot"], TARGET: ["meltanolabs-target-postgres"]},
    deal_id="id",
    modified="hs_lastmodifieddate",
    needs={"meltano/bin/tap-hubspot": "MeltanoLabs' tap is in no package index; install it there from its repository"},
)
SINGER = Peer(
    name="singer",
    title="singer-io, tap-hubspot and the same target",
    command=piped("singer", "singer_tap.py"),
    environments=["singer", TARGET],
    packages={"singer": ["tap-hubspot"], TARGET: ["meltanolabs-target-postgres"]},
    deal_id='"dealId"',
    modified="(property_hs_lastmodifieddate ->> 'value')",
)
PEERS = {each.name: each for each in (DLT, MELTANO, SINGER)}
