"""A database call that waits for an answer which never comes can only be ended from outside: hang up its line."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from threading import Timer
from typing import Any

from psycopg import Connection


class Line:
    """A handle of its own on a connection's socket, so that hanging up never hits a descriptor that was reused."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))

    def hang_up(self) -> None:
        """End whatever waits on the connection, with ``psycopg.OperationalError``. Thread-safe."""
        with suppress(OSError):  # closed meanwhile, at either end
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the handle; the connection is not touched."""
        self._socket.close()


@contextmanager
def hung_up_after(connection: Connection[Any], timeout_s: float) -> Iterator[None]:
    """Limit what is done with ``connection``; beyond it the connection is lost with ``psycopg.OperationalError``."""
    with closing(Line(connection)) as line, _timer(timeout_s, line.hang_up):
        yield


@contextmanager
def _timer(timeout_s: float, then: Callable[[], None]) -> Iterator[None]:
    timer = Timer(timeout_s, then)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
