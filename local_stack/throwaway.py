"""A PostgreSQL server for tests: used once, and gone without a trace."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from local_stack.databases import given_server
from local_stack.exceptions import StackError
from local_stack.postgres import EmbeddedPostgres, server_account
from local_stack.postgres_binaries import open_to_everybody
from local_stack.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_stack.databases import DatabaseServer


MEMORY = Path("/dev/shm")  # noqa: S108 - as below
ROOM_MIN = 6 * 2**30  # bytes; a tenth of it for each of the servers of tests that run side by side is plenty
WRITES_ON_S = 5.0  # a server whose starter was killed, until it has shut down
SETTINGS = {"max_wal_size": "256MB"}  # so that it stays plenty


@contextlib.contextmanager
def temporary_directory(*, in_memory: bool = False) -> Iterator[Path]:
    """A folder for a throwaway cluster, which the server's account can enter also when we are root.

    Args:
        in_memory: where there is room for it. A database of 800 files is made there in 30 ms, on a busy disk in 600.
    """
    parent = Path(tempfile.gettempdir())
    if server_account() and not open_to_everybody(parent / "data"):
        parent = Path("/var/tmp")  # noqa: S108 - mkdtemp makes an unguessable folder of ours in it
    if in_memory and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_MIN:
        parent = MEMORY
    directory = Path(tempfile.mkdtemp(prefix="hubspot-deals-postgres-", dir=parent))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        with contextlib.suppress(StackError):
            wait_until(lambda: _is_removed(directory), what=f"removing {directory}", timeout_s=WRITES_ON_S)


def _is_removed(directory: Path) -> bool:
    shutil.rmtree(directory, ignore_errors=True)
    return not directory.exists()


@contextlib.contextmanager
def throwaway_server() -> Iterator[DatabaseServer]:
    """The server named by DATABASE_URL, else an embedded one that leaves nothing behind."""
    if given := given_server():
        yield given
        return
    with (
        temporary_directory(in_memory=True) as directory,
        EmbeddedPostgres(directory, durable=False, settings=SETTINGS) as server,
    ):
        yield server
