"""The control API, the command and the state file."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from hubspot_simulator import PortalSpec, SimulatorServer
from hubspot_simulator.journal import StateFileError
from hubspot_simulator.mutations import mutate
from tests.unit.simulator.api import PORTAL_ID, Api, small_portal

if TYPE_CHECKING:
    from hubspot_simulator.portal import Portal

PORTAL = f"/_control/portals/{PORTAL_ID}"
ROOT = Path(__file__).parents[3]


class Control:
    def __init__(self, simulator: SimulatorServer) -> None:
        self._base_url = simulator.base_url

    def __call__(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        answer = requests.request(method, f"{self._base_url}{path}", json=body, timeout=30)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def control(simulator: SimulatorServer) -> Control:
    return Control(simulator)


def test_health_tells_what_a_benchmark_needs(control: Control, api: Api) -> None:
    api.get()
    health = control("GET", "/_control/health")
    assert (health["status"], health["requests"], health["requests_by_endpoint"]) == ("ok", 1, {"list": 1})
    assert health["process_time_s"] > 0


def test_portals_are_listed_with_counts_and_without_tokens(simulator: SimulatorServer, control: Control) -> None:
    listed = control("GET", "/_control/portals")
    assert [(each["portal_id"], each["live"], each["archived"]) for each in listed] == [(PORTAL_ID, 40, 4)]
    assert control("GET", PORTAL) == listed[0]
    assert simulator.account(PORTAL_ID).spec.token not in json.dumps(listed)


def test_mutate_says_exactly_what_changed(control: Control, portal: Portal) -> None:
    before = portal.live_deals()
    changes = control("POST", f"{PORTAL}/mutate", {"edit": 5, "archive": 2, "merge": 1})
    after = portal.live_deals()
    assert [len(changes[verb]) for verb in ("edited", "archived", "merged", "created", "restored")] == [5, 2, 1, 0, 0]
    assert {each for each in before.keys() & after.keys() if before[each] != after[each]} == {*changes["edited"]}
    assert set(changes["archived"]) <= portal.archived_deals().keys()


def test_each_verb_works_over_http(control: Control, portal: Portal) -> None:
    first = control("POST", f"{PORTAL}/deals", {"properties": {"dealname": "one"}})["id"]
    second = control("POST", f"{PORTAL}/deals", {"properties": {"dealname": "two"}})["id"]
    control("PATCH", f"{PORTAL}/deals/{first}", {"properties": {"amount": "5"}})
    control("POST", f"{PORTAL}/deals/{first}/recalculate", {"properties": {"hs_forecast_amount": "6"}})
    properties = portal.live_deals()[first]["properties"]
    assert (properties["dealname"], properties["amount"], properties["hs_forecast_amount"]) == ("one", "5", "6")
    control("POST", f"{PORTAL}/deals/{first}/archive")
    assert first in portal.archived_deals()
    control("POST", f"{PORTAL}/deals/{first}/restore")
    survivor = control("POST", f"{PORTAL}/merge", {"primary": first, "other": second})["survivor"]
    truth = control("GET", f"{PORTAL}/deals")
    assert truth["merged"] == {str(first): survivor, str(second): survivor}
    assert truth["live"][str(survivor)]["properties"]["dealname"] == "one"
    control("DELETE", f"{PORTAL}/deals/{survivor}")
    assert survivor not in portal.live_deals()


def test_lag_limits_clock_and_rules_are_set_over_http(control: Control, api: Api) -> None:
    control("POST", f"{PORTAL}/search-lag", {"seconds": 3600})
    created = control("POST", f"{PORTAL}/deals", {"properties": {}})["id"]
    assert created not in api.found_ids()
    control("POST", "/_control/clock", {"seconds": 3601})
    assert created in api.found_ids()
    control("POST", f"{PORTAL}/limits", {"burst_per_10_s": 1})
    assert [api.get().status_code for _ in range(2)] == [200, 429]
    control("POST", "/_control/faults", {"fault": "status", "status": 503})
    control("POST", "/_control/mutations", {"create": 1, "times": None})
    assert api.get().status_code == 503
    rules = control("GET", "/_control/rules")
    assert (rules["faults"][0]["fired"], rules["mutations"][0]["fired"]) == (1, 1)
    control("DELETE", "/_control/rules")
    assert control("GET", "/_control/rules") == {"faults": [], "mutations": []}


def test_latency_is_set_over_http(control: Control, api: Api) -> None:
    control("POST", "/_control/latency", {"ms": 300})
    assert api.get().elapsed.total_seconds() >= 0.3
    control("POST", "/_control/latency", {"ms": 0})
    assert api.get().elapsed.total_seconds() < 0.3


def test_records_beyond_those_kept_are_the_same(portal: Portal) -> None:
    with SimulatorServer([small_portal(kept_records=3)], rate_limits=False) as forgetful:
        api = Api(forgetful)
        assert api.listed_ids() == api.listed_ids() == list(portal.live_deals())


def test_the_log_is_read_and_forgotten_over_http(control: Control, api: Api) -> None:
    api.get()
    assert [each["endpoint"] for each in control("GET", "/_control/requests")] == ["list"]
    control("DELETE", "/_control/requests")
    assert control("GET", "/_control/requests") == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/_control/portals/5", None, 404),
        ("POST", f"{PORTAL}/deals/12/archive", None, 404),
        ("POST", f"{PORTAL}/mutate", {"explode": 1}, 400),
        ("POST", "/_control/faults", {"fault": "earthquake"}, 400),
        ("POST", "/_control/faults", {"error": "status"}, 400),
    ],
)
def test_mistakes_are_explained(control: Control, method: str, path: str, body: object, status: int) -> None:
    assert control(method, path, body, status=status)["error"]


def test_the_date_header_is_the_simulators_clock(simulator: SimulatorServer, api: Api) -> None:
    simulator.clock.freeze()
    simulator.clock.shift(-3600 * 24 * 365)
    before = api.get().headers["Date"]
    simulator.clock.shift(60)
    assert api.get().headers["Date"] != before
    assert str(time.gmtime().tm_year) not in before


def test_answers_are_compressed_on_demand() -> None:
    with SimulatorServer([small_portal()], gzip=True) as simulator:
        answer = Api(simulator).get()
        assert answer.headers["Content-Encoding"] == "gzip"
        assert len(answer.json()["results"]) == 10


def test_a_taken_port_is_named(simulator: SimulatorServer) -> None:
    with pytest.raises(OSError, match=f"127.0.0.1:{simulator.port}"):
        SimulatorServer([small_portal()], port=simulator.port)


def test_a_state_file_brings_everything_back(tmp_path: Path) -> None:
    state = tmp_path / "state" / "portals.jsonl"
    first = SimulatorServer([small_portal()], state=state)
    portal = first.portal(PORTAL_ID)
    mutate(portal, edit=5, archive=3, merge=2, create=4, restore=1)
    portal.purge_deal(next(iter(portal.archived_deals())))
    portal.associate_deal(next(iter(portal.live_deals())), "contacts", (1, 2))
    again = SimulatorServer([small_portal()], state=state).portal(PORTAL_ID)
    assert again.live_deals() == portal.live_deals()
    assert again.archived_deals() == portal.archived_deals()
    assert again.merged_deals() == portal.merged_deals()
    assert again.associations.associated(next(iter(again.live_deals())), "contacts") == (1, 2)
    assert mutate(again, create=3, edit=3) == mutate(portal, create=3, edit=3)


def test_what_a_state_file_brings_back_has_reached_search(tmp_path: Path) -> None:
    spec, state = small_portal(search_lag_s=3600.0), tmp_path / "portals.jsonl"
    created = SimulatorServer([spec], state=state).portal(PORTAL_ID).create_deal({})
    with SimulatorServer([spec], state=state) as simulator:
        api = Api(simulator)
        assert created in api.found_ids()
        assert simulator.portal(PORTAL_ID).create_deal({}) not in api.found_ids()


def test_a_state_file_cut_by_a_kill_loses_only_the_last_change(tmp_path: Path) -> None:
    state = tmp_path / "portals.jsonl"
    portal = SimulatorServer([small_portal()], state=state).portal(PORTAL_ID)
    kept, cut = list(portal.live_deals())[:2]
    portal.edit_deal(kept, {"amount": "1"})
    expected = portal.live_deals()
    portal.edit_deal(cut, {"amount": "2"})
    state.write_bytes(state.read_bytes()[:-10])
    again = SimulatorServer([small_portal()], state=state).portal(PORTAL_ID)
    assert again.live_deals() == expected
    again.edit_deal(cut, {"amount": "3"})
    final = SimulatorServer([small_portal()], state=state).portal(PORTAL_ID)
    assert final.live_deals() == again.live_deals()


def test_a_state_file_of_other_portals_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "portals.jsonl"
    SimulatorServer([small_portal()], state=state)
    with pytest.raises(StateFileError, match="delete it to start over"):
        SimulatorServer([small_portal(seed=2)], state=state)


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    portals = tmp_path / "portals.toml"
    portals.write_text('[[portals]]\nportal_id = 5\ndeals = 20\ntoken = "pat-na1-five"\n')
    return [sys.executable, "-m", "hubspot_simulator", "--port", "0", "--portals", str(portals)]


def test_the_command_serves_until_told_to_stop(command: list[str]) -> None:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:  # noqa: S603 - our command
        try:
            base_url = process.stdout.readline().split()[3].rstrip(",") if process.stdout else ""
            headers = {"Authorization": "Bearer pat-na1-five"}
            answer = requests.get(f"{base_url}/crm/v3/objects/deals", headers=headers, timeout=10)
            assert len(answer.json()["results"]) == 10
            process.send_signal(signal.SIGTERM)
            process.wait(10)
        finally:
            process.kill()


def test_the_command_explains_a_bad_file(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "portals.toml").write_text("[[portals]]\nportal_id = 5\ndeal = 20\n")
    process = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30, check=False)  # noqa: S603 - our command
    assert process.returncode == 1
    assert "portals.toml: portal 5: unknown key 'deal'" in process.stderr


def test_two_servers_do_not_share_state() -> None:
    with (
        SimulatorServer([PortalSpec(portal_id=1, deals=3)]) as one,
        SimulatorServer([PortalSpec(portal_id=1, deals=3)]) as two,
    ):
        one.portal(1).create_deal({})
        assert (len(one.portal(1).live_deals()), len(two.portal(1).live_deals())) == (4, 3)
