"""Each filter that the two schema documents print finds its rows by an index, or docs/database.md says why it scans.

Dropping an index, or hiding a column behind an expression in a view, fails here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from benchmarks import deals, filters
from local_stack.databases import DatabaseServer

PAGE = Path(__file__).parents[2] / "docs/database.md"
SECTION = re.compile(r"^### Filters that scan\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| ([^|]+?) \| (daily|full)? ?\| [^|]+ \|$", re.MULTILINE)


def known_to_scan() -> set[tuple[str, str]]:
    """(title, job), as the page lists them."""
    section = SECTION.search(PAGE.read_text())
    assert section is not None
    return {(row[1], row[2] or "") for row in ROW.finditer(section[1])}


@pytest.fixture(scope="module")
def plans(postgres_server: DatabaseServer, migrated_template: str) -> Iterator[list[dict[str, Any]]]:
    name = f"hubspot_deals_plans_{uuid4().hex}"
    url = postgres_server.create_database(name, template=migrated_template)
    with psycopg.connect(url, autocommit=True) as connection:
        large = deals.make(connection, deals=20_000, others=20)
        deals.add_jobs(connection, 2_000)
        explained = list(filters.explained(connection, large))
    yield explained
    postgres_server.drop_database(name)


@pytest.mark.parametrize("way", ["view", "leaf"])
def test_a_printed_filter_uses_an_index_or_the_page_says_why_it_scans(plans: list[dict[str, Any]], way: str) -> None:
    scanning = {(plan["title"], plan["job"]) for plan in plans if way in plan and not plan[way]["uses_index"]}
    assert scanning == known_to_scan()


def test_a_filter_through_the_reporting_view_reads_as_few_pages_as_in_the_own_table(
    plans: list[dict[str, Any]],
) -> None:
    """For statements that name the organization; those that name a job alone look into every leaf."""
    named = [plan for plan in plans if "leaf" in plan and plan["document"] == "hubspot_deals_etl_schema.md"]
    assert len(named) >= 8
    assert [(plan["title"], plan["view"]["pages"]) for plan in named] == [
        (plan["title"], plan["leaf"]["pages"]) for plan in named
    ]
