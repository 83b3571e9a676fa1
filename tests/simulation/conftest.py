"""The same organization over a simulated portal, and the same invariants, as in the integration tests of sync."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local_stack.simulation.seeds import template_database
from tests.integration.conftest import invariants_hold
from tests.integration.sync.conftest import invariants, simulator_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_stack.databases import DatabaseServer

__all__ = ["invariants", "invariants_hold", "simulator_of"]


@pytest.fixture(scope="session")
def simulation_template(postgres_server: DatabaseServer) -> Iterator[str]:
    """Name of a database with our schema and the audit, to be copied for each seed."""
    with template_database(postgres_server) as name:
        yield name
