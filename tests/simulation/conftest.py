"""The same organization over a simulated portal as in the integration tests of sync."""

from tests.integration.sync.conftest import simulator_of

__all__ = ["simulator_of"]
