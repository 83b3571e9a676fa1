"""A plain HTTP client for the simulator's tests; knows HubSpot's paths and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from hubspot_simulator import PortalSpec, SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PORTAL_ID = 1001
DEALS = "/crm/v3/objects/deals"
SEARCH = f"{DEALS}/search"
BATCH_READ = f"{DEALS}/batch/read"
BY_ID = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]


class Api:
    """Requests with one portal's token."""

    def __init__(self, simulator: SimulatorServer, portal_id: int = PORTAL_ID) -> None:
        self.base_url = simulator.base_url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {simulator.account(portal_id).spec.token}"

    def get(self, path: str = DEALS, **parameters: Any) -> requests.Response:
        return self.session.get(f"{self.base_url}{path}", params=parameters, timeout=30, allow_redirects=False)

    def post(self, path: str, body: Any) -> requests.Response:
        return self.session.post(f"{self.base_url}{path}", json=body, timeout=30)

    def walk(self, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every page of the list."""
        after: str | None = "0"
        while after is not None:
            page = self.get(**{"limit": 100, "after": after, **parameters}).json()
            yield page
            after = page.get("paging", {}).get("next", {}).get("after")

    def listed_ids(self, **parameters: Any) -> list[int]:
        return [int(record["id"]) for page in self.walk(**parameters) for record in page["results"]]

    def read(self, ids: Iterable[int | str], **body: Any) -> requests.Response:
        return self.post(BATCH_READ, {"inputs": [{"id": str(each)} for each in ids], **body})

    def search(self, *filters: Mapping[str, Any], **body: Any) -> requests.Response:
        return self.post(SEARCH, {"filterGroups": [{"filters": list(filters)}] if filters else [], **body})

    def found_ids(self, *filters: Mapping[str, Any], **body: Any) -> list[int]:
        """The ids of one search page of up to 200."""
        return [int(each["id"]) for each in self.search(*filters, **{"limit": 200, **body}).json()["results"]]


def where(name: str, operator: str, value: object = None, high: object = None) -> dict[str, Any]:
    """A search filter."""
    given = {"value": value, "highValue": high}
    return {"propertyName": name, "operator": operator, **{key: str(v) for key, v in given.items() if v is not None}}


def small_portal(**facts: Any) -> PortalSpec:
    return PortalSpec(**{"portal_id": PORTAL_ID, "deals": 40, "archived": 4, **facts})
