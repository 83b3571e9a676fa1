"""Answers onto the socket: the right way through ASGI, the wrong ways past it."""

from __future__ import annotations

import asyncio
import socket
import struct
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hubspot_simulator.faults import Fault

if TYPE_CHECKING:
    from asyncio import Transport
    from collections.abc import Awaitable, Callable

    from hubspot_simulator.exchange import Headers
    from hubspot_simulator.faults import FaultRule

CONNECTION = "hubspot_simulator.connection"
_PHRASES = {each.value: each.phrase for each in HTTPStatus}
_RAW = {
    Fault.TRUNCATE,
    Fault.RESET,
    Fault.LENGTH_TOO_SMALL,
    Fault.CHUNKED_CUT,
    Fault.UNDELIMITED_CUT,
    Fault.HTTP_1_0,
    Fault.CLOSE,
}


class FaultyProtocol(HttpToolsProtocol):
    """uvicorn's own protocol; it also hands itself to the application, for answers that break HTTP."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn narrows it
        self.is_lost = asyncio.Event()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.is_lost.set()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: {"connection": self}}

    def take_over(self) -> Transport:
        """The transport; uvicorn itself sends nothing more for this request."""
        self.cycle.disconnected = True
        return self.transport


async def deliver(
    rule: FaultRule | None,
    status: int,
    headers: Headers,
    body: bytes,
    *,
    send: Callable[[dict[str, Any]], Awaitable[None]],
    connection: FaultyProtocol,
) -> None:
    """Send the answer, as the rule says if there is one."""
    if rule is not None:
        if rule.fault == Fault.HANG:
            connection.take_over()
            await connection.is_lost.wait()
            return
        if rule.fault == Fault.DELAY:
            await asyncio.sleep(rule.seconds)
        if rule.fault in _RAW:
            _send_raw(rule, status, headers, body, connection.take_over())
            return
    start = {"type": "http.response.start", "status": status, "headers": [*headers, _length(body)]}
    await send(start)
    if rule is not None and rule.fault == Fault.DRIP:
        await _drip(rule, body, send)
    else:
        await send({"type": "http.response.body", "body": body})


async def _drip(rule: FaultRule, body: bytes, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    for start in range(0, len(body), rule.chunk_bytes):
        chunk = body[start : start + rule.chunk_bytes]
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await asyncio.sleep(rule.seconds)
    await send({"type": "http.response.body", "body": b""})


def _send_raw(rule: FaultRule, status: int, headers: Headers, body: bytes, transport: Transport) -> None:
    keep = rule.keep_bytes if rule.keep_bytes is not None else len(body) // 2
    match rule.fault:
        case Fault.RESET:
            _reset(transport, _head(status, [*headers, _length(body)]) + body[:keep] if rule.keep_bytes else b"")
            return
        case Fault.TRUNCATE:
            transport.write(_head(status, [*headers, _length(body)]) + body[:keep])
        case Fault.LENGTH_TOO_SMALL:
            transport.write(_head(status, [*headers, _length(body[:keep])]) + body)
        case Fault.CHUNKED_CUT:
            chunk = b"%x\r\n%b\r\n" % (keep, body[:keep])
            transport.write(_head(status, [*headers, (b"transfer-encoding", b"chunked")]) + chunk)
        case Fault.UNDELIMITED_CUT:
            transport.write(_head(status, [*headers, (b"connection", b"close")]) + body[:keep])
        case Fault.HTTP_1_0:
            transport.write(_head(status, headers, version=b"HTTP/1.0") + body)
        case Fault.CLOSE:
            transport.write(_head(status, [*headers, _length(body)]) + body)
    transport.close()


def _reset(transport: Transport, sent_before: bytes) -> None:
    """Close with RST: linger of zero seconds. What was sent before is written at once, or the reset overtakes it."""
    connection: socket.socket = transport.get_extra_info("socket")
    with socket.socket(fileno=socket.dup(connection.fileno())) as own:
        if sent_before:
            own.send(sent_before)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _head(status: int, headers: Headers, *, version: bytes = b"HTTP/1.1") -> bytes:
    phrase = _PHRASES.get(status, "")
    lines = [b"%b %d %b" % (version, status, phrase.encode()), *(b"%b: %b" % header for header in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % len(body)
