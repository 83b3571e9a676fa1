"""A faithful local HubSpot for tests, demos and benchmarks. See README.md for what it does and does not do."""

from hubspot_simulator.faults import FaultRule, MutationRule
from hubspot_simulator.rate_limits import Limits
from hubspot_simulator.server import SimulatorServer
from hubspot_simulator.specification import PortalSpec

__all__ = ["FaultRule", "Limits", "MutationRule", "PortalSpec", "SimulatorServer"]
