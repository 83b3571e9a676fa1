"""The HubSpot simulator as a process of its own, and its control API."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import requests

from hubspot_simulator.specification import load_portals
from local_stack.exceptions import StackError
from local_stack.ports import LOOPBACK
from local_stack.processes import ManagedProcess

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

START_TIMEOUT_S = 60.0
REQUEST_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class PortalCounts:
    """What one simulated account holds now."""

    portal_id: int
    live: int
    archived: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.live + self.archived


class SimulatorProcess:
    """`python -m hubspot_simulator`; a context manager that starts it without waiting.

    Args:
        portals: TOML file that describes the accounts.
        state: file that keeps what changed, so that a later start goes on from there; None forgets.
    """

    def __init__(
        self, *, port: int, portals: Path, log: Path, state: Path | None = None, options: Sequence[str] = ()
    ) -> None:
        self.tokens = {portal.portal_id: portal.token for portal in load_portals(portals)}  # by portal id
        self.url = f"http://{LOOPBACK}:{port}"
        where = ["--host", LOOPBACK, "--port", str(port), "--portals", str(portals)]
        kept = ["--state", str(state)] if state else []
        command = [sys.executable, "-m", "hubspot_simulator", *where, *kept, *options]
        self.process = ManagedProcess(name="the HubSpot simulator", command=command, log=log)

    def wait_ready(self) -> None:
        """Until it answers.

        Raises:
            StackError: it ended or was too slow; with the end of its log.
        """
        self.process.wait_until(self._answers, timeout_s=START_TIMEOUT_S)

    def counts(self) -> dict[int, PortalCounts]:
        """By portal id."""
        portals = self._call("GET", "/_control/portals")
        found = [PortalCounts(portal["portal_id"], portal["live"], portal["archived"]) for portal in portals]
        return {portal.portal_id: portal for portal in found}

    def mutate(self, portal_id: int, **how_many: int) -> dict[str, Any]:
        """Let people of that account change deals (`edit=5, archive=2, …`); gives exactly what they changed."""
        changed: dict[str, Any] = self._call("POST", f"/_control/portals/{portal_id}/mutate", json=how_many)
        return changed

    def purge(self, portal_id: int, deal_id: int) -> None:
        """Delete a deal for good, so that no list or search names it any more."""
        self._call("DELETE", f"/_control/portals/{portal_id}/deals/{deal_id}")

    def slow_down(self, milliseconds: int) -> None:
        """How long it takes for each answer from now on."""
        self._call("POST", "/_control/latency", json={"ms": milliseconds})

    def add_fault(self, **rule: object) -> None:
        """Let something go wrong from now on: the fields of a `hubspot_simulator.faults.FaultRule`."""
        self._call("POST", "/_control/faults", json=rule)

    def _call(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        answer = requests.request(method, self.url + path, timeout=REQUEST_TIMEOUT_S, **arguments)
        if not answer.ok:
            msg = f"the simulator answered {answer.status_code} to {method} {path}: {answer.text[:300]}"
            raise StackError(msg)
        return answer.json() if answer.content else None

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/_control/health", timeout=2).ok
        except requests.RequestException:
            return False

    def __enter__(self) -> Self:
        self.process.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.process.stop()
