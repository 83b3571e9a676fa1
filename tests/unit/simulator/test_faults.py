"""Every fault, as a plain client meets it."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import time
import zlib
from typing import TYPE_CHECKING, Any

import pytest
import requests

from hubspot_simulator import FaultRule
from hubspot_simulator.faults import Fault, Rule
from tests.unit.simulator.api import DEALS, PORTAL_ID, Api

if TYPE_CHECKING:
    from hubspot_simulator import SimulatorServer


def plan(simulator: SimulatorServer, fault: str, **facts: Any) -> Rule:
    return simulator.add_fault(FaultRule(fault=fault, **facts))


def connected(api: Api) -> contextlib.closing[http.client.HTTPConnection]:
    return contextlib.closing(http.client.HTTPConnection(api.base_url.removeprefix("http://"), timeout=10))


def raw(api: Api, path: str = f"{DEALS}?limit=50") -> tuple[http.client.HTTPResponse, bytes]:
    """The answer as bytes, with whatever http.client makes of its framing."""
    with connected(api) as connection:
        connection.request("GET", path, headers={"Authorization": str(api.session.headers["Authorization"])})
        answer = connection.getresponse()
        return answer, answer.read()


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 521, 522, 524])
def test_server_errors_are_web_pages(simulator: SimulatorServer, api: Api, status: int) -> None:
    rule = plan(simulator, "status", status=status)
    answer = api.get()
    assert (answer.status_code, rule.fired) == (status, 1)
    assert answer.text.startswith("<html>")
    assert api.get().status_code == 200


@pytest.mark.parametrize(
    ("facts", "key", "value"),
    [
        ({"status": 429, "policy": "DAILY", "retry_after": 7}, "policyName", "DAILY"),
        ({"status": 429, "policy": "SECONDLY"}, "category", "RATE_LIMITS"),
        ({"status": 429}, "policyName", "TEN_SECONDLY_ROLLING"),
        ({"status": 401}, "category", "INVALID_AUTHENTICATION"),
        ({"status": 401, "policy": "EXPIRED"}, "category", "EXPIRED_AUTHENTICATION"),
        ({"status": 403}, "category", "MISSING_SCOPES"),
        ({"status": 423}, "status", "error"),
        ({"status": 477, "retry_after": "86400"}, "status", "error"),
        ({"status": 400, "body": '{"status":"teapot"}'}, "status", "teapot"),
    ],
)
def test_client_errors_carry_hubspots_body(
    simulator: SimulatorServer, api: Api, facts: dict[str, Any], key: str, value: str
) -> None:
    plan(simulator, "status", **facts)
    answer = api.get()
    assert (answer.status_code, answer.json()[key]) == (facts["status"], value)
    assert answer.headers.get("Retry-After") == (str(facts["retry_after"]) if "retry_after" in facts else None)


def test_a_redirect_names_its_location(simulator: SimulatorServer, api: Api) -> None:
    plan(simulator, "redirect", status=307, location="http://169.254.169.254/")
    answer = api.get()
    assert (answer.status_code, answer.headers["Location"]) == (307, "http://169.254.169.254/")


@pytest.mark.parametrize("body", ["", "null", "[]", "{}", '{"results":7}'])
def test_a_body_is_sent_verbatim_with_200(simulator: SimulatorServer, api: Api, body: str) -> None:
    plan(simulator, "body", body=body)
    answer = api.get()
    assert (answer.status_code, answer.text) == (200, body)


def test_html_comes_with_200(simulator: SimulatorServer, api: Api) -> None:
    plan(simulator, "html")
    answer = api.get()
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (200, "text/html")


def test_json_bombs(simulator: SimulatorServer, api: Api) -> None:
    plan(simulator, "deep_json")
    assert api.get().content.count(b"[") == 100_000
    plan(simulator, "huge_integer")
    assert b"9" * 5_000 in api.get().content


def test_an_empty_page_leads_on_and_loses_nothing(simulator: SimulatorServer, api: Api) -> None:
    expected = api.listed_ids(limit=10)
    plan(simulator, "empty_page", endpoint="list", nth=2)
    pages = list(api.walk(limit=10))
    assert [len(page["results"]) for page in pages] == [10, 0, 10, 10, 10]
    assert [int(record["id"]) for page in pages for record in page["results"]] == expected


def test_a_short_page_leads_on_and_loses_nothing(simulator: SimulatorServer, api: Api) -> None:
    expected = api.listed_ids(limit=10)
    plan(simulator, "short_page", endpoint="list", nth=4)
    pages = list(api.walk(limit=10))
    assert [len(page["results"]) for page in pages] == [10, 10, 10, 5, 5]
    assert [int(record["id"]) for page in pages for record in page["results"]] == expected


def test_a_record_comes_on_two_pages(simulator: SimulatorServer, api: Api) -> None:
    expected = api.listed_ids(limit=10)
    plan(simulator, "duplicate_record", nth=2)
    ids = api.listed_ids(limit=10)
    assert (len(ids), sorted(set(ids))) == (41, expected)


def test_a_record_more_has_an_id_that_is_none(simulator: SimulatorServer, api: Api) -> None:
    expected = api.get(limit=10).json()["results"]
    plan(simulator, "unkeyed_record")

    first, unkeyed, *others = api.get(limit=10).json()["results"]

    assert [first, *others] == expected
    assert not unkeyed["id"].isdecimal()


def test_a_cursor_leads_to_its_own_page(simulator: SimulatorServer, api: Api) -> None:
    plan(simulator, "cursor_loop")
    after = str(api.listed_ids()[0])
    plan(simulator, "cursor_loop")
    assert api.get(after=after, limit=5).json()["paging"]["next"]["after"] == after


def test_records_come_unsorted_a_cursor_is_missing_or_a_number(simulator: SimulatorServer, api: Api) -> None:
    expected = api.listed_ids()
    plan(simulator, "unsorted")
    assert [int(each["id"]) for each in api.get(limit=10).json()["results"]] == expected[:10][::-1]
    plan(simulator, "missing_next")
    assert "paging" not in api.get(limit=10).json()
    plan(simulator, "number_cursor")
    assert api.get(limit=10).json()["paging"]["next"]["after"] == expected[9] + 1


def test_a_replica_gives_records_as_search_still_has_them(simulator: SimulatorServer, api: Api) -> None:
    portal = simulator.portal(PORTAL_ID)
    portal.set_search_lag(60)
    edited, archived = api.listed_ids()[:2]
    before = api.get(limit=1, properties="dealname").json()["results"][0]["properties"]["dealname"]
    portal.edit_deal(edited, {"dealname": "New"})
    portal.archive_deal(archived)

    def names() -> list[str]:
        listed = api.get(limit=1, properties="dealname").json()["results"]
        read = api.read([edited, archived], properties=["dealname"]).json()["results"]
        return [each["properties"]["dealname"] for each in (*listed, *read)]

    assert names() == ["New", "New"]
    plan(simulator, "old_records", times=2)
    assert names() == [before, before]
    simulator.clock.shift(61)
    plan(simulator, "old_records", times=2)
    assert names() == ["New", "New"]


def test_a_batch_holds_half_of_its_records_and_names_no_other_id(simulator: SimulatorServer, api: Api) -> None:
    ids = api.listed_ids()[:5]
    rule = plan(simulator, "short_batch", times=3)

    answers = [api.read(asked) for asked in ([*ids, 12], ids[:1], [12])]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [len(answer.json()["results"]) for answer in answers] == [3, 1, 0]
    assert ["errors" in answer.json() for answer in answers] == [False, False, False]
    assert rule.fired == 3
    assert api.read([*ids, 12]).json()["numErrors"] == 1


def test_page_faults_reach_search_too(simulator: SimulatorServer, api: Api) -> None:
    plan(simulator, "short_page", endpoint="search")
    page = api.search(limit=10).json()
    assert (len(page["results"]), page["paging"]["next"]["after"], page["total"]) == (5, "5", 40)


def test_bytes_are_damaged_with_the_length_right(simulator: SimulatorServer, api: Api) -> None:
    right = raw(api)[1]
    plan(simulator, "invalid_json")
    assert raw(api)[1] == right[:-1]
    plan(simulator, "byte_order_mark")
    assert raw(api)[1] == b"\xef\xbb\xbf" + right
    plan(simulator, "latin_1")
    with pytest.raises(UnicodeDecodeError):
        raw(api)[1].decode()


def test_gzip_is_cut_claimed_or_a_bomb(simulator: SimulatorServer, api: Api) -> None:
    right = raw(api)[1]
    plan(simulator, "gzip_truncated")
    answer, body = raw(api)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(body) == int(answer.headers["Content-Length"])
    assert right.startswith(zlib.decompressobj(wbits=31).decompress(body))
    with pytest.raises(EOFError):
        gzip.decompress(body)
    plan(simulator, "gzip_claimed")
    answer, body = raw(api)
    assert (answer.headers["Content-Encoding"], body) == ("gzip", right)
    plan(simulator, "gzip_bomb")
    assert len(raw(api)[1]) < 1_000_000


def test_a_header_of_100_kb_comes(simulator: SimulatorServer, api: Api) -> None:
    plan(simulator, "big_header")
    with pytest.raises(requests.ConnectionError):  # http.client refuses header lines over 64 KB
        api.get()


def test_an_answer_is_delayed_dripped_or_never_comes(simulator: SimulatorServer, api: Api) -> None:
    plan(simulator, "delay", seconds=0.2)
    started = time.monotonic()
    assert api.get().status_code == 200
    assert time.monotonic() - started >= 0.2
    plan(simulator, "drip", seconds=0.01, chunk_bytes=500)
    started = time.monotonic()
    size = len(api.get(limit=10).content)
    assert time.monotonic() - started >= 0.01 * (size // 500)
    plan(simulator, "hang")
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{api.base_url}{DEALS}", headers=dict(api.session.headers), timeout=0.2)


@pytest.mark.parametrize("fault", ["truncate", "chunked_cut"])
def test_a_cut_body_is_noticed_by_its_framing(simulator: SimulatorServer, api: Api, fault: str) -> None:
    plan(simulator, fault)
    with pytest.raises(http.client.IncompleteRead):
        raw(api)
    assert api.get().status_code == 200


def test_a_cut_without_length_is_not_noticed_by_its_framing(simulator: SimulatorServer, api: Api) -> None:
    right = raw(api)[1]
    plan(simulator, "undelimited_cut")
    body = raw(api)[1]
    assert 0 < len(body) < len(right)


def test_http_1_0_ends_with_the_connection(simulator: SimulatorServer, api: Api) -> None:
    right = raw(api)[1]
    plan(simulator, "http_1_0")
    answer, body = raw(api)
    assert (answer.version, body) == (10, right)


@pytest.mark.parametrize("keep_bytes", [None, 1_000])
def test_a_connection_is_reset(simulator: SimulatorServer, api: Api, keep_bytes: int | None) -> None:
    plan(simulator, "reset", keep_bytes=keep_bytes)
    with pytest.raises(ConnectionResetError):
        raw(api)
    assert api.get().status_code == 200


def test_more_body_than_announced_is_sent(simulator: SimulatorServer, api: Api) -> None:
    right = raw(api)[1]
    plan(simulator, "length_too_small", keep_bytes=10)
    assert raw(api)[1] == right[:10]


def test_a_kept_alive_connection_is_closed_without_a_word(simulator: SimulatorServer, api: Api) -> None:
    plan(simulator, "close")
    with connected(api) as connection:
        connection.request("GET", DEALS, headers={"Authorization": str(api.session.headers["Authorization"])})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Connection")) == (200, None)
        answer.read()
        assert connection.sock.recv(1) == b""


def test_every_fault_is_played_by_some_test_here() -> None:
    with open(__file__, encoding="utf-8") as file:  # noqa: PTH123 - this very file
        text = file.read()
    assert [fault for fault in Fault if f'"{fault}"' not in text] == []
