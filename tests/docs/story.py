"""What the blocks of one page act on: a database, a simulated HubSpot, an Airflow home."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import dict_row

from local_stack.databases import DatabaseServer

SUPERUSER = "postgres"  # of the throwaway server, with the password of the role that the tests run as
ROLES_PASSWORD = "change me"  # as the pages have it
_ADDRESS = re.compile(r"postgresql://(\w+):…@db/(\w+)|postgresql://…")
# What stands for an id in a page, by the words around it; the first that fits.
_IDS = (
    (re.compile(r"(purge_job\()'…'"), "other_job"),
    (re.compile(r"(erase_organization\()'…'"), "other"),
    (re.compile(r"(SET status = 'cancelled' WHERE id = )'…'"), "open_job"),
    (re.compile(r"(job_id = )'…'"), "job"),
    (re.compile(r"(event_id = )'…'"), "event"),
    (re.compile(r"():job_id"), "job"),
    (re.compile(r"():organization_id"), "organization"),
    (re.compile(r"()'(?:…|7b1c2f6e-3f2a-5d0e-9a3b-2f1d5c8e4a10)'"), "organization"),
)


@dataclass
class Story:
    """One page's world.

    Attributes:
        database_url: of the role that owns the tables.
        folder: where commands run; holds ``dags/`` and the Airflow home.
        variables: environment of the commands.
        ids: by the names in ``_IDS``.
        hubspot: address and token of the simulated portal.
        in_process: whether ``airflow hubspot-deals`` is called in this process, which saves seconds each time; its
            connections are then those in ``variables``.
    """

    server: DatabaseServer
    database_url: str
    folder: Path
    variables: dict[str, str]
    ids: Mapping[str, str]
    hubspot: tuple[str, str]
    in_process: bool = True
    executed: list[str] = field(default_factory=list)

    def with_ids(self, statement: str) -> str:
        """A statement with values for its placeholders."""
        for pattern, name in _IDS:
            statement = pattern.sub(rf"\g<1>'{self.ids[name]}'", statement)
        return statement

    def with_page_names(self, said: str) -> str:
        """What a command said of this world's database, as if it were the pages'."""
        parts = urlsplit(self.database_url)
        ours = {parts.path[1:]: "warehouse", str(parts.username): "deals_loader"}
        return re.sub(
            "|".join(rf"'{re.escape(name)}'" for name in ours), lambda found: f"'{ours[found[0][1:-1]]}'", said
        )

    def url_for(self, role: str | None, database: str | None = None) -> str:
        """Address for a role that a page has made, for the superuser, or for the owner of this page's tables."""
        parts = urlsplit(self.database_url)
        if role is None:
            return self.database_url
        password = parts.password if role == SUPERUSER else ROLES_PASSWORD.replace(" ", "%20")
        path = f"/{database}" if database else parts.path
        return parts._replace(netloc=f"{role}:{password}@{parts.hostname}:{parts.port}", path=path).geturl()

    def with_addresses(self, command: str) -> str:
        """A command with real addresses and a real token for its placeholders."""
        command = _ADDRESS.sub(lambda found: f"'{self._address(found)}'", command)
        if "--conn-type hubspot" in command:
            url, token = self.hubspot
            command = command.replace("pat-na1-…", token)
            address = urlsplit(url)
            assert "--conn-port 443" in command, "Airflow's UI cannot test a connection without a port"
            command = command.replace("--conn-port 443", f"--conn-port {address.port}")
            command += f" --conn-host {address.scheme}://{address.hostname}"
            command += f" --conn-extra '{json.dumps({'allow_other_hosts': True})}'"
        return command

    def _address(self, found: re.Match[str]) -> str:
        made = found[1] is not None and self.query("SELECT 1 FROM pg_roles WHERE rolname = %s", found[1])
        return self.url_for(found[1], found[2]) if made else self.database_url

    def query(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        """Rows, as the owner."""
        with psycopg.connect(self.database_url, row_factory=dict_row, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []
