"""What can happen to one exchange on the wire."""

from __future__ import annotations

import gzip
import socket
import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.client.transport import Timeouts
from airflow_provider_hubspot_deals.exceptions import (
    BadResponseError,
    ResponseTooLargeError,
    UpstreamUnavailableError,
)
from tests.unit.client.conftest import TOKEN, listed_ids
from tests.unit.client.scripted_server import ScriptedServer, answer, deals, drip, gzipped, raw, reset, silence

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
    from tests.unit.client.scripted_server import Step

ONCE = Retries(attempts_max=1)
SHORT = Timeouts(connect_s=0.5, read_s=0.3, total_s=0.6)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def test_a_page_arrives_compressed(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(gzipped(deals(1, 2)))
    assert listed_ids(client) == ["1", "2"]
    assert server.requests[0].headers["accept-encoding"] == "gzip"


def test_requests_say_who_asks_and_carry_the_token_in_the_header_only(
    client: HubSpotClient, server: ScriptedServer
) -> None:
    server.answers(answer(200, deals(1)))
    listed_ids(client)
    assert server.requests[0].headers["user-agent"].startswith("airflow-provider-hubspot-deals/")
    assert server.tokens == [f"Bearer {TOKEN}"]
    assert TOKEN not in server.targets[0]


def test_one_connection_serves_many_requests(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(200, deals(1)), gzipped(deals(2)), answer(503, b"busy"), answer(200, deals(3)))
    assert [listed_ids(client) for _ in range(3)] == [["1"], ["2"], ["3"]]
    assert len({request.connection for request in server.requests}) == 1


@pytest.mark.peer_pain(49)
@pytest.mark.parametrize(
    "fault",
    [
        reset(),
        reset(HEAD + b'Content-Length: 100\r\n\r\n{"results":'),
        raw(b""),
        raw(HEAD + b"Content-Length: 100\r\n\r\n{}"),
        raw(HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"res'),
        raw(HEAD + b'Transfer-Encoding: chunked\r\n\r\nzz\r\n{"results":[]}'),
        raw(b'HTTP/1.0 200 OK\r\n\r\n{"results": [{"id": "1"}'),
        raw(HEAD + b"X-Long: " + b"a" * 100_000 + b"\r\nContent-Length: 2\r\n\r\n{}"),
        raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
        gzipped(deals(1), cut=60),
        answer(200, deals(1), headers={"Content-Encoding": "gzip"}),
        answer(200, gzip.compress(b'{"results":[]}')),
        answer(200, '{"results":[{"id":"é"}]}'.encode("latin-1")),
        answer(200, b"<html>502 Bad Gateway</html>", content_type="text/html"),
    ],
    ids=[
        "reset",
        "reset mid-body",
        "closed without a word",
        "Content-Length too big",
        "chunks cut",
        "chunk size broken",
        "cut at end of connection",
        "header of 100 KB",
        "no HTTP",
        "gzip cut",
        "gzip announced, none sent",
        "gzip sent, none announced",
        "latin-1",
        "HTML with status 200",
    ],
)
def test_a23_a24_a26_a30_a_damaged_answer_is_asked_for_again(
    client: HubSpotClient, server: ScriptedServer, fault: Step
) -> None:
    server.answers(fault, fault, answer(200, deals(7)))
    assert listed_ids(client) == ["7"]
    assert client.usage.retries == 2


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"results":null}', b'{"results":[1]}', b'"x"'])
def test_a25_an_answer_without_results_is_no_empty_page(
    client: HubSpotClient, server: ScriptedServer, body: bytes
) -> None:
    server.answers(answer(200, body))
    with pytest.raises(BadResponseError) as raised:
        listed_ids(client)
    assert raised.value.code == "BAD_RESPONSE"
    assert "application/json" in str(raised.value)
    assert f"{len(body)} bytes" in str(raised.value)
    assert len(server.requests) == Retries().attempts_max


def test_a28_a_json_bomb_is_a_bad_answer(impatient: HubSpotClient, server: ScriptedServer) -> None:
    for bomb in (b"[" * 100_000, b'{"results":' + b"9" * 5_000 + b"}"):
        server.answers(answer(200, bomb))
        with pytest.raises(BadResponseError):
            listed_ids(impatient)


def test_a27_a_decompression_bomb_is_given_up_in_little_memory(client: HubSpotClient, server: ScriptedServer) -> None:
    bomb = gzip.compress(b" " * 100_000_000)
    server.answers(answer(200, bomb, headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        with pytest.raises(ResponseTooLargeError, match="larger than 33554432 bytes"):
            client.list_deals(properties=["dealname"], limit=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000_000
    assert len(server.requests) == 1


@pytest.mark.peer_pain(33)
def test_a21_silence_ends_at_the_read_timeout(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer
) -> None:
    server.answers(silence())
    client = make_client(timeouts=SHORT, retries=ONCE)
    started = time.monotonic()
    with pytest.raises(UpstreamUnavailableError, match="timed out"):
        listed_ids(client)
    assert time.monotonic() - started < 2.0


@pytest.mark.peer_pain(33)
@pytest.mark.parametrize(
    "head",
    [HEAD + b"Content-Length: 1000000\r\n\r\n", HEAD + b"X-Endless: ", b"HTTP/1.1 200 "],
    ids=["body", "header", "status line"],
)
def test_a22_a_slow_drip_ends_at_the_total_deadline(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer, head: bytes
) -> None:
    server.answers(drip(head, every_s=0.05))
    client = make_client(timeouts=SHORT, retries=ONCE)
    started = time.monotonic()
    with pytest.raises(UpstreamUnavailableError, match="timed out"):
        listed_ids(client)
    assert time.monotonic() - started < 2.0


def test_a22_the_total_deadline_also_cuts_a_longer_silence(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer
) -> None:
    server.answers(silence())
    client = make_client(timeouts=Timeouts(connect_s=1.0, read_s=20.0, total_s=0.3), retries=ONCE)
    started = time.monotonic()
    with pytest.raises(UpstreamUnavailableError, match="timed out"):
        listed_ids(client)
    assert time.monotonic() - started < 5.0


def test_the_deadline_of_one_exchange_does_not_shorten_the_next(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer
) -> None:
    server.answers(answer(200, deals(1)))
    client = make_client(timeouts=Timeouts(connect_s=1.0, read_s=1.0, total_s=0.5), retries=ONCE)
    listed_ids(client)
    time.sleep(0.6)  # longer than the first exchange was allowed to take
    assert listed_ids(client) == ["1"]
    assert len({request.connection for request in server.requests}) == 1


def test_a20_nobody_listening_is_retriable(make_client: Callable[..., HubSpotClient]) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        client = make_client(base_url=f"http://127.0.0.1:{reserved.getsockname()[1]}")
        with pytest.raises(UpstreamUnavailableError, match="Connection refused") as raised:
            listed_ids(client)
    assert "properties=" not in str(raised.value)
    assert client.usage.retries == Retries().attempts_max - 1


def test_a20_a_listener_that_never_accepts_ends_at_the_connect_timeout(
    make_client: Callable[..., HubSpotClient],
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        with socket.create_connection(address):  # the backlog is full: further SYNs go unanswered
            client = make_client(base_url=f"http://127.0.0.1:{address[1]}", timeouts=SHORT, retries=ONCE)
            with pytest.raises(UpstreamUnavailableError, match="timed out"):
                listed_ids(client)


def test_a20_an_unknown_host_is_retriable(make_client: Callable[..., HubSpotClient]) -> None:
    client = make_client(base_url="http://no-such-host.invalid", retries=ONCE)
    with pytest.raises(UpstreamUnavailableError, match="no complete answer"):
        listed_ids(client)


def test_a30_a_connection_closed_between_requests_is_replaced(client: HubSpotClient, server: ScriptedServer) -> None:
    whole = b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"results":[]}'
    server.answers(raw(whole), answer(200, deals(2)))
    assert listed_ids(client) == []
    assert listed_ids(client) == ["2"]
