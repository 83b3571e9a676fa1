"""A real HTTP server that answers what a test scripted, byte for byte where that matters."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from datetime import datetime

Step = Callable[["_Handler"], None]


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    connection: int  # the client's port: tells connections apart

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ScriptedServer:
    """Answers with the steps of ``script`` in turn; the last one stays for all further requests."""

    script: list[Step] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def targets(self) -> list[str]:
        return [request.target for request in self.requests]

    @property
    def tokens(self) -> list[str | None]:
        return [request.headers.get("authorization") for request in self.requests]

    def answers(self, *steps: Step) -> None:
        self.script[:] = steps

    def next_step(self, received: Received) -> Step:
        with self._lock:
            self.requests.append(received)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]


class _Server(ThreadingHTTPServer):
    owner: ScriptedServer
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are the point of many tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    # Headers and body leave in separate writes; with Nagle's algorithm each exchange would take 40 ms.
    disable_nagle_algorithm = True

    def _handle(self) -> None:
        received = Received(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
            connection=self.client_address[1],
        )
        self.server.owner.next_step(received)(self)

    do_GET = do_POST = do_PUT = _handle  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Silent."""


def answer(
    status: int = 200,
    body: Any = None,
    *,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json;charset=utf-8",
    date: datetime | None = None,
) -> Step:
    """A complete answer; ``body`` is bytes, or anything that becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def step(handler: _Handler) -> None:
        handler.send_response_only(status)
        lines = {"Content-Type": content_type, "Content-Length": str(len(content)), **(headers or {})}
        if date is not None:
            lines["Date"] = format_datetime(date, usegmt=True)
        for name, value in lines.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    return step


def deals(*ids: int, after: str | None = None, **more: Any) -> dict[str, Any]:
    """A page as HubSpot would send it."""
    page: dict[str, Any] = {"results": [deal(deal_id) for deal_id in ids], **more}
    return page if after is None else {**page, "paging": {"next": {"after": after}}}


def deal(deal_id: int, *, updated: str = "2026-03-09T20:29:45.981Z", **properties: str | None) -> dict[str, Any]:
    return {
        "id": str(deal_id),
        "properties": {"hs_object_id": str(deal_id), "hs_lastmodifieddate": updated, **properties},
        "createdAt": "2026-02-25T16:26:25.880Z",
        "updatedAt": updated,
        "archived": False,
    }


def gzipped(body: Any, *, cut: int | None = None) -> Step:
    """A gzip answer, optionally cut to ``cut`` bytes under a Content-Length that fits the cut."""
    content = gzip.compress(body if isinstance(body, bytes) else json.dumps(body).encode())[:cut]
    return answer(200, content, headers={"Content-Encoding": "gzip"})


def raw(data: bytes) -> Step:
    """Exactly these bytes, then the end of the connection."""

    def step(handler: _Handler) -> None:
        handler.wfile.write(data)
        handler.close_connection = True

    return step


def reset(after: bytes = b"") -> Step:
    """A TCP reset after some bytes."""

    def step(handler: _Handler) -> None:
        handler.wfile.write(after)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The handler's files keep the socket open; shutting them down first would send a FIN instead.
        handler.rfile.close()
        handler.wfile.close()
        handler.connection.close()
        handler.close_connection = True

    return step


def drip(head: bytes, *, every_s: float) -> Step:
    """``head`` at once, then a byte at a time until the client has enough."""

    def step(handler: _Handler) -> None:
        handler.close_connection = True
        handler.wfile.write(head)
        try:
            while True:
                handler.wfile.write(b"x")
                time.sleep(every_s)
        except OSError:
            return

    return step


def silence(seconds: float = 30.0) -> Step:
    """No answer within the patience of any test."""

    def step(handler: _Handler) -> None:
        handler.connection.settimeout(seconds)
        handler.connection.recv(1)  # returns when the client gives up
        handler.close_connection = True

    return step
