"""A TCP proxy in front of PostgreSQL that spoils one COMMIT of one connection."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from enum import StrEnum, auto
from typing import Self

_COMMIT = b"COMMIT\0"  # the statement, as psycopg sends it; a temporary table's ON COMMIT DROP is none


class Spoiling(StrEnum):
    """What becomes of the COMMIT."""

    REPLY_LOST = auto()  # it takes effect; the connection is cut before its answer
    SWALLOWED = auto()  # it takes effect; nothing comes through any more, and nobody is told
    BLACKHOLED = auto()  # it never arrives; nothing comes through any more, not even that the client hangs up


class CommitProxy:
    """Context manager. The first connection after ``expect`` is the one that writes.

    Attributes:
        has_fired: a COMMIT has taken effect, and its reply was kept back; or it was kept back itself.
    """

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._connections = 0
        self._armed: Spoiling | None = None
        self._links: list[_Link] = []
        self.has_fired = False

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._links:
            each.close()

    def expect(self) -> None:
        """A new attempt connects from now on; whatever is left of an older one is cut, where that can be heard."""
        for each in self._links:
            each.hang_up()
        self._connections, self._armed, self.has_fired = 0, None, False

    def arm(self, spoiling: Spoiling) -> None:
        """Spoil the next COMMIT of the first connection."""
        self._armed = spoiling

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                try:
                    server = socket.create_connection(self._upstream)
                except OSError:  # PostgreSQL is down
                    client.close()
                    continue
                self._connections += 1
                link = _Link(self, client, server, is_writer=self._connections == 1)
                self._links.append(link)
                link.start()

    def takes_commit(self, data: bytes, *, is_writer: bool) -> Spoiling | None:
        """What is to become of these bytes of a client."""
        if self._armed is None or not is_writer or _COMMIT not in data:
            return None
        spoiling, self._armed = self._armed, None
        return spoiling


class _Link:
    def __init__(self, proxy: CommitProxy, client: socket.socket, server: socket.socket, *, is_writer: bool) -> None:
        self._proxy, self._client, self._server, self._is_writer = proxy, client, server, is_writer
        self._spoiling: Spoiling | None = None

    def start(self) -> None:
        for work in (self._to_server, self._to_client):
            threading.Thread(target=work, daemon=True).start()

    def hang_up(self) -> None:
        """The client is gone. PostgreSQL hears of it, but for a link that swallows everything."""
        _cut(self._client)
        if self._spoiling != Spoiling.BLACKHOLED:
            _cut(self._server)

    def close(self) -> None:
        """At both ends."""
        _cut(self._client)
        _cut(self._server)

    def _to_server(self) -> None:
        with suppress(OSError):
            while data := self._client.recv(65_536):
                if self._spoiling is None:
                    self._spoiling = self._proxy.takes_commit(data, is_writer=self._is_writer)
                    if self._spoiling == Spoiling.BLACKHOLED:
                        self._proxy.has_fired = True
                    else:
                        self._server.sendall(data)
        self.hang_up()

    def _to_client(self) -> None:
        with suppress(OSError):
            while data := self._server.recv(65_536):
                if self._spoiling is None:
                    self._client.sendall(data)
                    continue
                self._proxy.has_fired = True  # that was the reply: the COMMIT has taken effect
                if self._spoiling == Spoiling.REPLY_LOST:
                    break
        if self._spoiling in (None, Spoiling.REPLY_LOST):
            _cut(self._client)


def _cut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
