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
STAMP = "requirements.sha256"  # written last: without it, or with another one, the environment is made anew


class PeerMissingError(Exception):
    """A peer cannot be measured here; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Peer(Contestant):
    """A contestant with an environment.

    Attributes:
        packages: whose versions are stated.
        needs: programs of its environment that its list of packages does not bring, and where they come from.
    """

    packages: Sequence[str] = ()
    needs: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment_folder(self) -> Path:
        """Where its Python lives."""
        return ENVIRONMENTS / self.name

    def versions(self) -> str:
        """Of its main packages, as installed."""
        command = [self.command[0], "-c", VERSIONS, *self.packages]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own command line
        return done.stdout.strip()

    def prepare(self) -> None:
        """Make the environment unless it is there.

        Raises:
            PeerMissingError: a package, or a program that has to be brought, is not to be had.
        """
        requirements = REQUIREMENTS / f"{self.name}.txt"
        stamp, fingerprint = self.environment_folder / STAMP, hashlib.sha256(requirements.read_bytes()).hexdigest()
        if not stamp.exists() or stamp.read_text() != fingerprint:
            say(f"making the environment of {self.name}")
            install(self.environment_folder, requirements)
            stamp.write_text(fingerprint)
        for program, source in self.needs.items():
            if not (self.environment_folder / "bin" / program).exists():
                raise PeerMissingError(f"{program} is not in .bench/{self.name}: {source}")


def peer(name: str, *, program: str, title: str, **rest: object) -> Peer:
    """One of them, started with its own interpreter."""
    command = [ENVIRONMENTS / name / "bin" / "python", PROGRAMS / program]
    return Peer(name=name, title=title, command=command, **rest)  # type: ignore[arg-type] # the fields of Contestant


def install(folder: Path, requirements: Path) -> None:
    """What was brought into it by hand stays.

    Raises:
        PeerMissingError: a package is not to be had; with the end of what uv said.
    """
    python = folder / "bin" / "python"
    if not python.exists():
        _uv("venv", "--python", sys.executable, folder)
    _uv("pip", "install", "--compile-bytecode", "--python", python, "--requirement", requirements)


def _uv(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "uv", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command lines
    if done.returncode:
        raise PeerMissingError(f"its environment could not be made: {done.stderr.strip()[-500:]}")


DLT = peer(
    "dlt",
    title="dlt, rest_api source",
    packages=["dlt"],
    program="dlt_hubspot.py",
    modes={FIRST: "list", UNCHANGED: "list", INCREMENTAL: "incremental", CHANGED: "list"},
    table="crm.deals",
    deal_id="id",
    modified="updated_at",
    environment={"RUNTIME__DLTHUB_TELEMETRY": "false", "PYTHONPATH": ""},
)
MELTANO = peer(
    "meltano",
    title="Meltano, tap-hubspot and target-postgres",
    packages=["meltano-tap-hubspot", "meltanolabs-target-postgres"],
    program="meltano_hubspot.py",
    modes={FIRST: "list", UNCHANGED: "list", INCREMENTAL: "incremental", CHANGED: "list"},
    table="crm.deals",
    deal_id="id",
    modified="hs_lastmodifieddate",
    environment={"PYTHONPATH": ""},
    needs={"tap-hubspot": "MeltanoLabs' tap is in no package index; install it there from its repository"},
)
PEERS = {each.name: each for each in (DLT, MELTANO)}
