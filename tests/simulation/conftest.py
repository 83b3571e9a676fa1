"""The same organization over a simulated portal, and the same invariants, as in the integration tests of sync."""

from tests.integration.conftest import invariants_hold
from tests.integration.sync.conftest import invariants, simulator_of

__all__ = ["invariants", "invariants_hold", "simulator_of"]
