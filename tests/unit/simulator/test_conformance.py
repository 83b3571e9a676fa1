"""The simulator against HubSpot's published descriptions: paths, parameters, defaults, every key and type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from hubspot_simulator import FaultRule, PortalSpec, SimulatorServer
from tests.unit.simulator.api import PORTAL_ID, Api, small_portal, where
from tests.unit.simulator.openapi import RELAXATIONS, Operation, descriptions

if TYPE_CHECKING:
    from collections.abc import Iterator

OPERATIONS = [Operation(each, method, path) for each in descriptions() for method, path in each.operations()]
NAMES = {"objectType": "deals", "fromObjectType": "deals", "toObjectType": "companies"}


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    oauth = PortalSpec(portal_id=PORTAL_ID + 1, deals=1, app="oauth")
    with SimulatorServer(
        [small_portal(deals=150, archived=20, additional_currencies=("EUR",)), oauth], rate_limits=False
    ) as simulator:
        yield simulator


@pytest.fixture
def client(server: SimulatorServer) -> Api:
    return Api(server)


def filled_in(path: str, deal_id: int) -> str:
    for name, value in {**NAMES, "dealId": deal_id, "objectId": deal_id}.items():
        path = path.replace(f"{{{name}}}", str(value))
    return path


def body_for(path: str, ids: list[int]) -> dict[str, Any]:
    if path.endswith("/search"):
        window = where("hs_lastmodifieddate", "GTE", "2023-01-01")
        groups = [{"filters": [window, where("hs_object_id", "GT", 1)]}]
        return {
            "filterGroups": groups,
            "sorts": [{"propertyName": "hs_object_id"}],
            "limit": 20,
            "properties": ["amount"],
        }
    inputs = [{"id": str(each)} for each in (*ids, 12)]
    return {"inputs": inputs} if "associations" in path else {"inputs": inputs, "properties": ["amount", "hs_priority"]}


def form_for(server: SimulatorServer, path: str) -> dict[str, str]:
    account = server.account(PORTAL_ID + 1)
    client = {"client_id": account.spec.client_id, "client_secret": account.spec.client_secret}
    if path.endswith("/introspect"):
        return {**client, "token_type_hint": "access_token", "token": server.accounts.issue_token(account)}
    return {**client, "grant_type": "refresh_token", "refresh_token": account.spec.refresh_token}


def ask(server: SimulatorServer, client: Api, operation: Operation, **parameters: Any) -> requests.Response:
    method, path = operation.method, operation.path
    ids = client.listed_ids()[:30]
    target = filled_in(path, ids[0])
    if "/oauth/" in path:
        return requests.post(f"{server.base_url}{target}", data=form_for(server, path), timeout=10)
    return client.get(target, **parameters) if method == "get" else client.post(target, body_for(path, ids))


@pytest.mark.parametrize("operation", OPERATIONS, ids=[f"{each.method} {each.path}" for each in OPERATIONS])
def test_an_answer_conforms(server: SimulatorServer, client: Api, operation: Operation) -> None:
    answer = ask(server, client, operation)
    assert answer.status_code in (200, 207)
    assert operation.problems(answer.status_code, answer.json()) == []


LISTS = [each for each in OPERATIONS if each.method == "get" and each.parameter("associations")]


@pytest.mark.parametrize(
    "parameters",
    [
        {"archived": "true"},
        {"associations": "companies,contacts,line_items", "limit": 40},
        {"propertiesWithHistory": "dealstage,amount", "properties": "amount,hs_priority"},
    ],
    ids=["archived", "associations", "history"],
)
@pytest.mark.parametrize("operation", LISTS, ids=[each.path for each in LISTS])
def test_every_form_of_a_record_conforms(
    server: SimulatorServer, client: Api, operation: Operation, parameters: dict[str, Any]
) -> None:
    if parameters == {"archived": "true"} and not operation.path.endswith(("0-3", "{objectType}")):
        parameters = {"archived": "false"}  # the deal asked for is a live one
    answer = ask(server, client, operation, **parameters)
    assert answer.status_code == 200
    assert operation.problems(200, answer.json()) == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429])
@pytest.mark.parametrize("operation", LISTS, ids=[each.path for each in LISTS])
def test_errors_conform(server: SimulatorServer, client: Api, operation: Operation, status: int) -> None:
    target = filled_in(operation.path, client.listed_ids()[0])
    server.add_fault(FaultRule(fault="status", status=status))
    answer = client.get(target)
    assert answer.status_code == status
    assert operation.problems(status, answer.json()) == []


POSTS = [each for each in OPERATIONS if each.method == "post" and "oauth" not in each.path]


@pytest.mark.parametrize("operation", POSTS, ids=[each.path for each in POSTS])
def test_the_requests_of_these_tests_are_the_described_ones(operation: Operation) -> None:
    assert (
        operation.description.request_problems(operation.method, operation.path, body_for(operation.path, [1, 2])) == []
    )


@pytest.mark.parametrize("operation", [each for each in LISTS if each.parameter("limit")], ids=["2026-09", "v3"])
def test_defaults_are_the_described_ones(client: Api, operation: Operation) -> None:
    schema = operation.parameter("limit")
    assert schema is not None
    assert len(client.get(filled_in(operation.path, 0)).json()["results"]) == schema["default"] == 10


def test_every_version_and_operation_is_checked() -> None:
    assert {description.version for description, _, _ in OPERATIONS} == {"v3", "v4", "2026-09"}
    assert len(OPERATIONS) == 27
    assert len(LISTS) == 4


def test_the_check_has_teeth() -> None:
    """Each kind of mistake in an otherwise right answer is a problem."""
    v3 = next(each for each in descriptions() if each.version == "v3" and "/crm/v3/objects/0-3" in each.paths)
    record = {"id": "1", "properties": {"amount": None}, "createdAt": "x", "updatedAt": "x", "archived": False}
    mistakes: list[dict[str, Any]] = [{"id": 1}, {"archived": "false"}, {"properties": {"amount": 3}}, {"dealId": "1"}]
    assert v3.problems("get", "/crm/v3/objects/0-3", 200, {"results": [record]}) == []
    for mistake in mistakes:
        assert v3.problems("get", "/crm/v3/objects/0-3", 200, {"results": [{**record, **mistake}]})
    assert v3.problems("get", "/crm/v3/objects/0-3", 200, {})


def test_each_relaxation_says_which_deviation_it_is() -> None:
    assert all(relax.__doc__ and relax.__doc__.startswith("(") for relax in RELAXATIONS)
