"""The commands of docs/operations.md make a dump, and of the dump a database that the check finds nothing in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg

from local_stack.postgres_binaries import find_binaries

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
COMMANDS = [block for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) if block.startswith("pg_")]
ORGANIZATION = "INSERT INTO hubspot.organizations (id, slug) VALUES (gen_random_uuid(), 'acme')"


def test_a_dump_by_the_page_is_restored_by_the_page(database_url: str, empty_database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(ORGANIZATION)
    programs = os.pathsep.join([str(find_binaries().folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    addresses = {"DATABASE_URL": database_url, "RESTORED_DATABASE_URL": empty_database_url}
    assert len(COMMANDS) == 2
    for command in COMMANDS:
        environment = os.environ | addresses | {"PATH": programs}
        subprocess.run(["bash", "-ec", command], cwd=tmp_path, env=environment, check=True)  # noqa: S603, S607 - of our page
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT slug FROM hubspot.organizations").fetchall() == [("acme",)]
