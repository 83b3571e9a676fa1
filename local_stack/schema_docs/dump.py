"""The schema as `pg_dump` writes it, without what changes from day to day or from machine to machine."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from local_stack.exceptions import StackError
from local_stack.postgres import server_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOISE = re.compile(
    r"--(?: .*)?"  # headings and the versions of server and program
    r"|\\(?:un)?restrict .*"  # random
    r"|SET (?!check_function_bodies).*"  # of the session
    r"|SELECT pg_catalog\.set_config\('search_path'.*"
)


def dump_schemas(pg_dump: Path, url: str, schemas: Sequence[str], *, without: Sequence[str]) -> str:
    """Statements that make `schemas` of the database at `url` again; `without` these tables.

    Raises:
        StackError: pg_dump failed; says how.
    """
    chosen = [f"--schema={schema}" for schema in schemas] + [f"--exclude-table={table}" for table in without]
    done = subprocess.run(  # noqa: S603 - a program of the server
        [pg_dump, "--schema-only", "--no-owner", f"--dbname={url}", *chosen],
        env=server_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        msg = f"pg_dump failed: {done.stderr.strip()}"
        raise StackError(msg)
    return normalised(done.stdout)


def normalised(dump: str) -> str:
    """Statements alone, one empty line between them."""
    lines = [line for line in dump.splitlines() if not NOISE.fullmatch(line)]
    return re.sub(r"\n{2,}", "\n\n", "\n".join(lines)).strip() + "\n"
