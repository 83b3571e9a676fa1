"""The page of an organization's DAG: its statements run in the database that it speaks of."""

from __future__ import annotations

import re
from uuid import uuid4

import psycopg
import pytest

from airflow_provider_hubspot_deals.dag_factory.documentation import documentation_of
from airflow_provider_hubspot_deals.organizations import parse_organization

_EVERYTHING = {
    "slug": "acme",
    "type": "sandbox",
    "associations": ["contacts"],
    "history": ["dealstage"],
    "watch_every_seconds": 60,
}


@pytest.mark.parametrize("settings", [{"slug": "acme"}, _EVERYTHING], ids=["a slug alone", "everything"])
def test_every_statement_of_the_page_runs(connection: psycopg.Connection, settings: dict[str, object]) -> None:
    text = documentation_of(parse_organization(settings), "load_deals")
    statements = [
        statement for block in re.findall(r"```sql\n(.*?)```", text, re.DOTALL) for statement in block.split(";")
    ]
    statements = [statement.replace("…", str(uuid4())) for statement in statements if statement.strip()]
    assert len(statements) == 4
    for statement in statements:
        connection.execute(statement.encode())  # as a person would paste it


def test_patterns_stand_on_the_page_as_they_were_written() -> None:
    organization = parse_organization({"slug": "acme", "history": ["hs_*", "amount_*"], "associations": ["contacts"]})
    text = documentation_of(organization, "load_deals")
    assert "every value that `hs_*`, `amount_*` had" in text  # else Markdown slants what is between the stars
    assert "associations with `contacts`" in text
