"""Which tests one process takes at a time: a file, and all files that share an Airflow.

Each Airflow takes half a minute to start and a fifth of a core as long as it stands: one in each process would take a
fifth of a whole run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

SHARED = "tests/acceptance/"
ALONE = f"{SHARED}test_demo.py"  # starts an Airflow of its own


class SharedAirflowScheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """As ``--dist=loadfile``, with the acceptance tests as one file."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return SHARED if file.startswith(SHARED) and file != ALONE else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SharedAirflowScheduling | None:
    """Called by the process that spreads."""
    return SharedAirflowScheduling(config, log) if config.getvalue("dist") == "loadfile" else None
