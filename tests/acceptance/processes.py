"""What runs on this machine, as /proc tells it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from local_stack.processes import process_ids


class Process(NamedTuple):
    """Environment and command line with NUL between their parts; Airflow renames its processes in the latter."""

    pid: int
    environment: bytes
    command: bytes


def processes() -> Iterator[Process]:
    """Every process that may be looked at and has not ended meanwhile."""
    for pid in process_ids():
        with suppress(OSError):
            environment, command = (Path(f"/proc/{pid}/{name}").read_bytes() for name in ("environ", "cmdline"))
            yield Process(pid, environment, command)
