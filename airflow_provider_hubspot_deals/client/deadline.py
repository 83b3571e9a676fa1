"""A total deadline for one HTTP exchange, and its target as it was written.

Timeouts of requests and urllib3 bound each single wait for the socket, so a server that sends one byte every few
seconds holds them for ever, in the headers as well as in the body. Here every read waits no longer than what is left.

They also encode a target anew, one byte after the other: of a page's long query, that takes as long as receiving it. So
they see the path alone, and the query joins it where the request is written.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer


class Exchange:
    """One request for ``target`` (path and query), its answer, and when (monotonic) both must be over."""

    def __init__(self, target: str, seconds: float) -> None:
        self.target = target
        self._ends_at = time.monotonic() + seconds
        self._socket: socket.socket | None = None

    def begin_reading(self, connection: socket.socket) -> None:
        self._socket = connection

    def left_s(self) -> float:
        return self._ends_at - time.monotonic()

    def abandon(self) -> None:
        """End it now; whoever waits for its answer gets an ``OSError``. Thread-safe."""
        self._ends_at = 0.0
        if self._socket is not None:
            with suppress(OSError):  # over meanwhile
                # Not SSLSocket's own: it would take the session away from the thread that is reading.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


# urllib3 offers no way to hand a value of one request down to the socket of its connection.
_exchange: ContextVar[Exchange] = ContextVar("hubspot_exchange")


@contextmanager
def exchange_deadline(target: str, seconds: float) -> Iterator[Exchange]:
    """Requests within this block are for ``target``; their reads raise ``TimeoutError`` once ``seconds`` are over."""
    exchange = Exchange(target, seconds)
    token = _exchange.set(exchange)
    try:
        yield exchange
    finally:
        _exchange.reset(token)


class _DeadlineReader(io.RawIOBase):
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._raw = connection.makefile("rb", buffering=0)
        self._idle_s = connection.gettimeout()
        self._exchange = _exchange.get()
        self._exchange.begin_reading(connection)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        left_s = self._exchange.left_s()
        if left_s <= 0:
            raise TimeoutError("total deadline reached")
        self._connection.settimeout(left_s if self._idle_s is None else min(left_s, self._idle_s))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineSocket:
    """The one thing that ``http.client.HTTPResponse`` asks of a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_DeadlineReader(self._connection))


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed through
        super().__init__(_DeadlineSocket(sock), *args, **kwargs)  # type: ignore[arg-type]  # it only calls makefile


class _ExchangeConnection(HTTPConnection):
    response_class = _DeadlineResponse

    def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002, ANN401 - see above
        super().putrequest(method, _exchange.get().target, *args, **kwargs)


class _TLSExchangeConnection(_ExchangeConnection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _ExchangeConnection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSExchangeConnection


class DeadlineAdapter(HTTPAdapter):
    """Connections that honour :func:`exchange_deadline`; requests without one are refused (``LookupError``)."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed through
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
