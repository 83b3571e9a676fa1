"""In place of the fresh database of each test, one with a past: filled once, then copied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

from tests.conftest import fresh_database
from tests.integration.plugin.figures.past import bring_to_now, dag_of, fill_past

if TYPE_CHECKING:
    from local_stack.databases import DatabaseServer
    from tests.integration.tenant import Tenant


@pytest.fixture(scope="module")  # no longer, lest another day begin
def past_template(postgres_server: DatabaseServer, migrated_template: str) -> Iterator[str]:
    """Name of the database that is copied."""
    name = f"{migrated_template}_past"
    fill_past(postgres_server.create_database(name, template=migrated_template))
    yield name
    postgres_server.drop_database(name)


@pytest.fixture
def database_url(postgres_server: DatabaseServer, past_template: str) -> Iterator[str]:
    """Address of the copy."""
    yield from fresh_database(postgres_server, past_template)


@pytest.fixture
def tenants(deals_database: str, knows_dags: Callable[..., None]) -> Sequence[Tenant]:
    """All of them; Airflow knows the DAGs of all but the last."""
    *known, _ = made = bring_to_now(deals_database)
    knows_dags([dag_of(tenant) for tenant in known])
    return made
