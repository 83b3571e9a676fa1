"""The simulated HubSpot that all contestants read: warmed, paced, changed, and asked what it answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import requests

from hubspot_simulator.rate_limits import Limits
from local_stack.ports import free_port
from local_stack.simulator import SimulatorProcess

PORTAL_ID = 1001
TIMEOUT_S = 300.0
KEPT_PER_SELECTION = 1.1  # some contestants ask for fewer properties in one of their requests
PAGE = 100  # HubSpot's maximum
TOO_MANY_REQUESTS = 429
# Several times what anybody reaches, and still small enough for a careful client to believe.
NO_LIMITS = replace(Limits.unlimited(), burst_per_10_s=10_000)


@dataclass(frozen=True, slots=True)
class Truth:
    """What a complete and current copy holds: how many deals, the sum of their ids and of their times of change."""

    deals: int
    ids: int
    modified_ms: int


@dataclass(frozen=True, slots=True)
class Answers:
    """What the simulator has answered since it was last told to forget."""

    requests: int
    too_many: int  # answers of 429
    by_endpoint: Mapping[str, int]


class BenchPortal:
    """One portal of so many live deals and an empty recycle bin; made by ``bench_portal``."""

    def __init__(self, simulator: SimulatorProcess) -> None:
        self._session = requests.Session()
        self.url = simulator.url
        self.token = simulator.tokens[PORTAL_ID]
        self.properties = self._property_names()
        self._hundredth: list[int] = []
        self._edits = 0

    def walk(self) -> Truth:
        """Read every page once, so that none is made while somebody is measured; gives what a copy must hold.

        Without limits or latency, whatever the pace was: set it again before somebody is measured.
        """
        self._set_pace(0, Limits.unlimited())
        query: dict[str, Any] = {"limit": PAGE, "properties": ",".join(self.properties)}
        self._hundredth = []
        deals = ids = modified_ms = 0
        while True:
            page = self._get("/crm/v3/objects/deals", query)
            records = page["results"]
            if len(records) == PAGE:
                self._hundredth.append(int(records[-1]["id"]))
            deals += len(records)
            ids += sum(int(record["id"]) for record in records)
            modified_ms += sum(milliseconds(record["properties"]["hs_lastmodifieddate"]) for record in records)
            if "paging" not in page:
                return Truth(deals, ids, modified_ms)
            query["after"] = page["paging"]["next"]["after"]

    def set_pace(self, latency_ms: float) -> None:
        """Answer at once and without limits; or after so many milliseconds, and with HubSpot's limits."""
        self._set_pace(latency_ms, Limits() if latency_ms else NO_LIMITS)

    def edit_one_of_a_hundred(self) -> None:
        """Change a property of every hundredth deal of the last walk.

        One by one and in the order of their ids: the simulator makes deals in blocks, and random ones take it minutes.
        """
        self._edits += 1
        body = {"properties": {"hs_next_step": f"Call number {self._edits}"}}
        for deal_id in self._hundredth:
            path = f"/_control/portals/{PORTAL_ID}/deals/{deal_id}"
            self._session.patch(self.url + path, json=body, timeout=TIMEOUT_S).raise_for_status()

    def forget_answers(self) -> None:
        """Start counting anew."""
        self._session.delete(f"{self.url}/_control/requests", timeout=TIMEOUT_S).raise_for_status()

    def answers(self) -> Answers:
        """Since then."""
        logged = self._get("/_control/requests")
        statuses = Counter(entry["status"] for entry in logged)
        endpoints = Counter(entry["endpoint"] for entry in logged)
        return Answers(len(logged), statuses[TOO_MANY_REQUESTS], dict(endpoints))

    def cpu_s(self) -> float:
        """CPU seconds of the simulator so far."""
        return float(self._get("/_control/health")["process_time_s"])

    def _set_pace(self, latency_ms: float, limits: Limits) -> None:
        self._post("latency", {"ms": latency_ms})
        self._post(f"portals/{PORTAL_ID}/limits", asdict(limits))

    def _property_names(self) -> list[str]:
        definitions = self._get("/crm/v3/properties/deals")["results"]
        return sorted(definition["name"] for definition in definitions)

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self._session.get(self.url + path, params=query, headers=headers, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return orjson.loads(answer.content)

    def _post(self, path: str, body: object) -> None:
        self._session.post(f"{self.url}/_control/{path}", json=body, timeout=TIMEOUT_S).raise_for_status()


@contextmanager
def bench_portal(deals: int, folder: Path) -> Iterator[BenchPortal]:
    """A simulator in a process of its own, with what it has seen kept in memory."""
    portals = folder / "portals.toml"
    kept = round(deals * KEPT_PER_SELECTION)
    portals.write_text(
        f"[[portals]]\nportal_id = {PORTAL_ID}\ndeals = {deals}\narchived = 0\nkept_records = {max(kept, 250_000)}\n"
    )
    log = folder / "simulator.log"
    options = ["--no-rate-limits"]
    with SimulatorProcess(port=free_port(), portals=portals, log=log, options=options) as simulator:
        simulator.wait_ready()
        yield BenchPortal(simulator)


def milliseconds(text: str) -> int:
    """Of the epoch, from HubSpot's ISO 8601."""
    moment = datetime.fromisoformat(text)
    return round(moment.timestamp() * 1000)
