"""A PostgreSQL server for tests: used once, and gone without a trace."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from local_stack.databases import given_server
from local_stack.postgres import EmbeddedPostgres, server_account
from local_stack.postgres_binaries import open_to_everybody

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_stack.databases import DatabaseServer


@contextlib.contextmanager
def temporary_directory() -> Iterator[Path]:
    """A folder for a throwaway cluster, which the server's account can enter also when we are root."""
    parent = Path(tempfile.gettempdir())
    if server_account() and not open_to_everybody(parent / "data"):
        parent = Path("/var/tmp")  # noqa: S108 - mkdtemp makes an unguessable folder of ours in it
    directory = Path(tempfile.mkdtemp(prefix="hubspot-deals-postgres-", dir=parent))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def throwaway_server() -> Iterator[DatabaseServer]:
    """The server named by DATABASE_URL, else an embedded one that leaves nothing behind."""
    if given := given_server():
        yield given
        return
    with temporary_directory() as directory, EmbeddedPostgres(directory, durable=False) as server:
        yield server
