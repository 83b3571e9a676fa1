"""What a scenario has planned, and what of it has not happened yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_hubspot_deals.exceptions import UpstreamUnavailableError
from hubspot_simulator.faults import Fault

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.kill_points import KillPoint
    from hubspot_simulator import FaultRule, SimulatorServer
    from local_stack.simulation.scenario import Blow, Scenario


class FaultNeverFiredError(AssertionError):
    """The plan was not carried out, so its passing would mean nothing."""


class Planned:
    """The blows and faults of one scenario, in a simulator."""

    def __init__(self, scenario: Scenario, simulator: SimulatorServer) -> None:
        self._blows = list(scenario.blows)
        self._rules, self._outage = scenario.rules, scenario.outage
        self._outage_is_over = scenario.outage is None
        # The outage first: no other fault may take the place of one of its answers.
        for rule in (*([self._outage] if self._outage else []), *self._rules):
            simulator.add_fault(rule)

    def blow_at(self, point: KillPoint, *, run: int, times: int) -> Blow | None:
        """The blow that falls at the ``times``-th time that ``point`` is reached in ``run``; it has fallen then."""
        for blow in self._blows:
            if blow.point == point and (blow.run < run or (blow.run == run and blow.nth <= times)):
                self._blows.remove(blow)
                return blow
        return None

    def missed(self, blow: Blow) -> None:
        """It hit nobody, so that it is still to fall."""
        self._blows.append(blow)

    def see_failure(self, error: BaseException | None) -> None:
        """An attempt has ended with ``error``; when HubSpot was away for too long, it comes back now."""
        if self._outage and self._outage.fired and isinstance(error, UpstreamUnavailableError):
            self._outage.times, self._outage_is_over = self._outage.fired, True

    @property
    def spoiled(self) -> int:
        """How many answers were other ones for a fault until now."""
        return sum(rule.felt for rule in self._rules) + (self._outage.felt if self._outage else 0)

    @property
    def old_answers(self) -> int:
        """How many held deals that had changed since."""
        return sum(rule.felt for rule in self._rules if rule.fault == Fault.OLD_RECORDS)

    @property
    def outages(self) -> int:
        """How many an attempt gave up for."""
        return int(self._outage is not None and self._outage_is_over)

    def open(self) -> list[str]:
        """What has not happened yet."""
        missing = [str(blow) for blow in self._blows]
        missing += [f"{rule.fault} on {rule.endpoint}" for rule in self._rules if not has_happened(rule)]
        if self._outage and not self._outage_is_over:
            missing.append(f"an outage of {self._outage.endpoint} that an attempt gives up for")
        return missing


def has_happened(rule: FaultRule) -> bool:
    """Some answer was another one for it. A replica is seldom behind where search is not: not in every seed."""
    return bool(rule.fired if rule.fault == Fault.OLD_RECORDS else rule.felt)
