"""Every SQL statement that a page prints runs on the schema as it is."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
import sqlparse

from tests.integration.tenant import Tenant
from tests.integration.two_tenants import fill

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/database.md", "docs/notifications.md")
CODE = re.compile(r"^```sql$(.*?)^```$", re.MULTILINE | re.DOTALL)
# Roles and databases belong to the whole server; the tests of roles make theirs.
OF_THE_SERVER = re.compile(r"CREATE (ROLE|DATABASE)|grant_\w+\(|bind_\w+\(")


def printed(page: str) -> list[str]:
    blocks = CODE.findall((ROOT / page).read_text(encoding="utf-8"))
    statements = [statement for block in blocks for statement in sqlparse.split(block)]
    return [statement for statement in statements if not OF_THE_SERVER.search(statement)]


@pytest.mark.parametrize("page", PAGES)
def test_every_printed_statement_runs(database_url: str, page: str) -> None:
    acme = Tenant(database_url, "acme")
    fill(acme)
    acme.execute("UPDATE hubspot.jobs SET status = 'cancelled'")
    (job,) = acme.query("SELECT id FROM hubspot.jobs")

    refused = {}
    for statement in printed(page):
        id_of_it = str(job["id"] if "purge_job" in statement else acme.id)
        filled = statement.replace(":job_id", f"'{job['id']}'").replace(":organization_id", f"'{acme.id}'")
        with acme.connect() as connection, connection.transaction(force_rollback=True):
            try:
                connection.execute(filled.replace("'…'", f"'{id_of_it}'").encode())
            except psycopg.Error as error:
                refused[statement] = str(error)

    assert len(printed(page)) > 2
    assert refused == {}
